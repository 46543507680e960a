"""Benchmarks of the service, compared with other deployment tools and scripts."""
