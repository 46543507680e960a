"""The log of a container in CloudWatch Logs, where the log driver awslogs writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

# The beginning of the names of an application's log groups (cloudformation/application.yml). The
# functions can read no other groups (serverless/roles.js).
_GROUPS = "/ecs/{}/"
# Last lines of a log, and characters of a line.
MAX_LINES = 20
_LONGEST_LINE = 500
# UTF-8 bytes of the lines in one record: of one container, and of all containers together.
_MAX_BYTES = 4_096
_MAX_BYTES_TOGETHER = 16_384
_CUT = "…"


class ContainerLog(NamedTuple):
    """The log stream of a container, and its last lines, the oldest first, if they were read."""

    group: str
    stream: str
    lines: tuple[str, ...] = ()

    def belongs_to(self, application: str) -> bool:
        """Return whether the group is one of an application."""
        return self.group.startswith(_GROUPS.format(application))

    def view(self) -> dict[str, Any]:
        """Return the view of the log."""
        lines = {"lines": list(self.lines)} if self.lines else {}
        return {"group": self.group, "stream": self.stream, **lines}


def container_log(
    task_definition: Mapping[str, Any], container: str, task_id: str
) -> ContainerLog | None:
    """Return the log of a container of a task; None with another log driver.

    The name of the stream is that of the driver (ECS Developer Guide, "Send Amazon ECS logs to
    CloudWatch"). Fargate requires the prefix.
    """
    for each in task_definition["containerDefinitions"]:
        configuration = each.get("logConfiguration", {})
        if each["name"] != container or configuration.get("logDriver") != "awslogs":
            continue
        options = configuration.get("options", {})
        group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
        if group and prefix:
            return ContainerLog(group, f"{prefix}/{container}/{task_id}")
    return None


def bounded(lines: Iterable[str], containers: int) -> tuple[str, ...]:
    """Return the last lines that fit into a record with the logs of a number of containers."""
    left = min(_MAX_BYTES, _MAX_BYTES_TOGETHER // max(1, containers))
    kept: list[str] = []
    for line in reversed(list(lines)[-MAX_LINES:]):
        text = line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}{_CUT}"
        left -= len(text.encode())
        if left < 0:
            break
        kept.append(text)
    return tuple(reversed(kept))
