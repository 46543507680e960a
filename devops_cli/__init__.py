"""The command line `devops`: drives the deployment service over HTTP, and shows what runs where."""

__version__ = "0.1.0"  # that of pyproject.toml; here it costs no look at installed packages
