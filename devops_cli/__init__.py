"""The command line `devops`: calls the deployment service over HTTP and prints the results."""

# Same as in pyproject.toml. A constant avoids reading the package metadata at each start.
__version__ = "0.1.0"
