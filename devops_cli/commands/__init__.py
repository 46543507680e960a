"""The commands of `devops`, one module for each group."""
