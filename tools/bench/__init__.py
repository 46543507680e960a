"""Benchmarks: what the service costs, side by side with what one would do by hand."""
