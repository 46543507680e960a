"""The laptop cloud: the whole service on one machine, without an AWS account.

MiniStack plays AWS on one loopback port; `launcher` runs it with the corrections in `patches`
and a stand-in for the `docker` package that runs every ECS task as a process of its own
(`containers`, `task_server`). `cloud` starts and stops it, `deploy` installs the service on it.
"""
