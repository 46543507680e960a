"""The command line, against a service that answers as it is told to."""
