"""AWS calls: their number before the response of an operation, and their duration."""
