"""The command line, against a service with prepared responses."""
