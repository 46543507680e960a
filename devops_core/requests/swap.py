"""Swap: the body of `POST /stacks/swapProdBlueAndGreen`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from devops_core.requests import fields, schema, swap_policy


class SwapRequest(NamedTuple):
    """A swap; `version`, `digest` and `spec` are those that must become live, None for any.

    `policy` has the named members of the policy as JSON values; they replace those of `production`
    in the specification. `ignore_alarms` is whether the swap starts in spite of its alarms.
    """

    application: str
    version: str | None
    digest: str | None
    spec: int | None = None
    policy: Mapping[str, Any] = {}
    ignore_alarms: bool = False


def _swap(
    application: str,
    version: str | None,
    digest: str | None,
    spec: int | None,
    *,
    ignore_alarms: bool,
    **policy: Any,
) -> SwapRequest:
    named = {name: value for name, value in policy.items() if value is not None}
    return SwapRequest(
        application, version, digest, spec, fields.named(**named), ignore_alarms=ignore_alarms
    )


SWAP = schema.Object(
    _swap,
    {
        "applicationName": fields.EXISTING,
        "version": schema.Member(
            fields.VERSION, "The version that must become live: an image tag."
        ),
        "digest": schema.Member(fields.DIGEST, "The digest that must become live."),
        "spec": schema.Member(
            fields.REVISION, "The revision of the specification that must become live."
        ),
        **swap_policy.MEMBERS,
        "ignoreAlarms": schema.Member(
            schema.Boolean(),
            "`true` starts the swap also if one of its alarms is missing, in the state `ALARM` or "
            "cannot be read.",
            default=False,
            attribute="ignore_alarms",
        ),
    },
    check=swap_policy.judge_faults,
)
