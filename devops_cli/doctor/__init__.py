"""The checks of `devops doctor`: facts about an installation, and the problems that they show.

`service` and `account` read facts: from the HTTP API, and from AWS with the rights of the caller.
They change nothing. The other modules are pure: each returns the problems of one group of facts.
"""
