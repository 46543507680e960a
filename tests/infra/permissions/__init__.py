"""Each function's role against the calls that the function makes."""
