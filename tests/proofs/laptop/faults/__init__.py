"""The faults of the end-to-end tests."""
