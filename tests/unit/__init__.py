"""Tests of the pure core: no AWS, no clock, no network."""
