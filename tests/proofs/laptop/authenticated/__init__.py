"""Tests with authentication: the permissions of callers and of the functions."""
