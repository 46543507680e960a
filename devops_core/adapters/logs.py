"""CloudWatch Logs: the last lines of a log stream."""

from __future__ import annotations

import re
from typing import Any

from devops_core.adapters.aws.errors import translated
from devops_core.errors import redact
from devops_core.model.container_log import MAX_LINES

# Control sequences of terminals, such as colours (ECMA-48, 5.4).
_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class CloudWatchLogs:
    """`ports.aws.Logs` over CloudWatch Logs."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @translated()
    def tail(self, group: str, stream: str) -> tuple[str, ...]:
        """Return the last lines of a stream, the oldest first, without control characters."""
        request = {
            "logGroupName": group,
            "logStreamName": stream,
            "limit": MAX_LINES,
            "startFromHead": False,
        }
        response = self._client.get_log_events(**request)
        if not response["events"]:
            # The first page can be empty although the stream has events (CloudWatch Logs API,
            # GetLogEvents).
            token = response["nextBackwardToken"]
            response = self._client.get_log_events(**request, nextToken=token)
        messages = (event["message"].rstrip() for event in response["events"])
        return tuple(redact(_CONTROL_SEQUENCE.sub("", message)) for message in messages)
