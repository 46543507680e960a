"""Advance: the body of `POST /stacks/{applicationName}/operations/{id}`."""

from __future__ import annotations

from typing import NamedTuple

from devops_core.requests import schema

CONTINUE, FINISH = "continue", "finish"


class AdvanceRequest(NamedTuple):
    """An approval of a waiting swap (CONTINUE), or the end of its remaining waits (FINISH)."""

    action: str


ADVANCE = schema.Object(
    AdvanceRequest,
    {
        "action": schema.Member(
            schema.Choice({name: name for name in (CONTINUE, FINISH)}, "AdvanceAction"),
            f"`{CONTINUE}` approves a swap that waits for an approval; `{FINISH}` ends all its "
            "remaining waits.",
            required=True,
        ),
    },
)
