"""The laptop cloud: the complete service on one machine, without an AWS account.

MiniStack emulates AWS on one loopback port. `launcher` runs it with the corrections in `patches`
and with a replacement for the `docker` package that runs every ECS task as a separate process
(`containers`, `task_server`). `cloud` starts and stops it; `deploy` installs the service on it.
"""
