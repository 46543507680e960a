"""The policy of a swap: its declaration, and the rules between its members.

The values of the declarations are JSON: the specification is stored as its callers wrote it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from devops_core.errors import InvalidRequestError
from devops_core.model.swap_policy import (
    ALL_AT_ONCE,
    CANARY,
    DEFAULT_APPROVAL_MINUTES,
    DEFAULT_BAKE_MINUTES,
    DEFAULT_ERROR_RATE_PERCENT,
    DEFAULT_JUDGED_BAKE_MINUTES,
    DEFAULT_MIN_REQUESTS,
    DEFAULT_PERCENT,
    DEFAULT_STEP_MINUTES,
    DEFAULT_STRATEGY,
    FULL,
    JUDGED_MINUTES,
    LINEAR,
    OFF,
    SHIFT,
    SwapPolicy,
)
from devops_core.requests import fields, schema

# A swap reads all of its alarms with one call; CloudWatch returns up to 100 (CloudWatch API,
# DescribeAlarms, `AlarmNames`). More alarms than this hide the important ones.
MAX_ALARMS = 10
# A swap holds production, so no deploy and no update of it can start meanwhile.
MAX_SHIFT_MINUTES = MAX_APPROVAL_MINUTES = 7 * 24 * 60
_DAY = 24 * 60
# CloudWatch API, PutMetricAlarm, `AlarmName`: 1 to 255 characters. Other characters than ASCII have
# up to four bytes, and a record of ten such names would be too large.
_ALARM = schema.Text(
    "(?! +$)[ -~]+",
    "must be the name of a CloudWatch alarm: 1 to 255 printable ASCII characters",
    255,
)


def _strategy_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of members that have no meaning, and of too many long steps."""
    del context
    kind = data.get("type")
    if kind == ALL_AT_ONCE:
        for name in ("percent", "stepMinutes"):
            if name in data:
                yield name, f"must be absent with {ALL_AT_ONCE}"
    if kind != LINEAR or None in data.values():
        return
    minutes = int(SwapPolicy.of({"strategy": data}).waits.total_seconds() / 60)
    if minutes > MAX_SHIFT_MINUTES:
        yield (
            "stepMinutes",
            f"must be smaller: all steps together last at most {MAX_SHIFT_MINUTES} minutes, not"
            f" {minutes}",
        )


_STRATEGY = schema.Object(
    fields.named,
    {
        "type": schema.Member(
            schema.Choice({name: name for name in (ALL_AT_ONCE, CANARY, LINEAR)}, "StrategyType"),
            f"`{ALL_AT_ONCE}`; `{CANARY}`: first `percent` of the requests, then all; `{LINEAR}`: "
            "`percent` more with each step.",
            required=True,
        ),
        "percent": schema.Member(
            schema.Integer(range(1, 100)),
            "The percent of requests in the first step. The default is "
            f"{DEFAULT_PERCENT}. Not with `{ALL_AT_ONCE}`.",
        ),
        "stepMinutes": schema.Member(
            schema.Integer(range(1, _DAY + 1)),
            f"The duration of a step. The default is {DEFAULT_STEP_MINUTES}. All steps together "
            f"last at most {MAX_SHIFT_MINUTES} minutes. Not with `{ALL_AT_ONCE}`.",
        ),
    },
    check=_strategy_faults,
    sparse=True,
    name="Strategy",
    description="The steps in which the new release receives the requests of customers. The "
    f"default is `{DEFAULT_STRATEGY}`.",
)
_JUDGE = schema.Object(
    fields.named,
    {
        "errorRatePercent": schema.Member(
            schema.Number(0.01, 100),
            "The highest accepted rate of failed requests: targets respond with a status of 500 or "
            "more, or refuse the connection. The default is "
            f"{DEFAULT_ERROR_RATE_PERCENT:g}. Twice the rate of the live release is accepted, too.",
        ),
        "minRequests": schema.Member(
            schema.Integer(range(1, 1_000_001)),
            "The requests to the new release without which a minute does not count. The default is "
            f"{DEFAULT_MIN_REQUESTS}.",
        ),
    },
    sparse=True,
    name="Judge",
    description="The comparison of the error rates of both releases.",
)
_APPROVAL = schema.Object(
    fields.named,
    {
        "before": schema.Member(
            schema.Choice({name: name for name in (SHIFT, FULL)}, "ApprovalPoint"),
            f"`{SHIFT}`: before the first customers; `{FULL}`: before all of them.",
            required=True,
        ),
        "timeoutMinutes": schema.Member(
            schema.Integer(range(1, MAX_APPROVAL_MINUTES + 1)),
            "The time after which a swap without an approval rolls back. The default is "
            f"{DEFAULT_APPROVAL_MINUTES}.",
        ),
    },
    sparse=True,
    name="Approval",
    description="The swap waits for the approval of a caller who can swap.",
)
# The members of a policy, in the body of a swap and in `production` of a specification.
MEMBERS = {
    "strategy": schema.Member(_STRATEGY),
    "bakeMinutes": schema.Member(
        schema.Integer(range(_DAY + 1)),
        "The time in which the swap can still roll back after all customers have the new release. "
        f"The default is {DEFAULT_JUDGED_BAKE_MINUTES} with a judge, else {DEFAULT_BAKE_MINUTES}.",
    ),
    "alarms": schema.Member(
        schema.List(_ALARM, f"at most {MAX_ALARMS} names of CloudWatch alarms", most=MAX_ALARMS),
        "Names of CloudWatch alarms: one in the state `ALARM` rolls back.",
    ),
    "judge": schema.Member(
        schema.ObjectOrWord(_JUDGE, schema.Choice({OFF: OFF}, "JudgeOff")),
        "Compares the error rates of both releases, and rolls back if the new one is worse. With "
        f"it, `strategy.stepMinutes` and `bakeMinutes` are at least {JUDGED_MINUTES}. The default "
        f"is `{OFF}`.",
    ),
    "approval": schema.Member(
        schema.ObjectOrWord(_APPROVAL, schema.Choice({OFF: OFF}, "ApprovalOff")),
        f"The wait for an approval. The default is `{OFF}`.",
    ),
}


def judge_faults(
    members: Mapping[str, Any], context: Mapping[str, Any], inherited: Collection[str] = ()
) -> Iterator[schema.Fault]:
    """Yield the faults between members of a policy; faulty and missing members are None.

    `inherited` has the names of the members that are those of the specification.
    """
    del context
    if members.get("judge") in (None, OFF):
        return
    strategy = members.get("strategy") or {}
    waits = {
        "strategy.stepMinutes": strategy.get("stepMinutes"),
        "bakeMinutes": members.get("bakeMinutes"),
    }
    judge = "the judge of the specification" if "judge" in inherited else "a judge"
    for field, minutes in waits.items():
        if minutes is not None and minutes < JUDGED_MINUTES:
            own = field.partition(".")[0] in inherited
            origin = " (from the specification)" if own else ""
            yield field, f"must be at least {JUDGED_MINUTES} with {judge}, not {minutes}{origin}"


PRODUCTION = schema.Object(
    fields.named,
    MEMBERS,
    check=judge_faults,
    sparse=True,
    name="Production",
    description="The policy of each swap to a new release, with [its fields]"
    "(swapbluegreen.md#request) from `strategy` to `approval`. A member in the body of a swap "
    "replaces the whole member here.",
)


def effective_policy(production: Mapping[str, Any], request: Mapping[str, Any]) -> SwapPolicy:
    """Return the policy of a swap: members of its request replace those of the specification.

    Both have valid members by their names in the contract. Raises InvalidRequestError with all
    faults between them.
    """
    members = {**production, **request}
    inherited = production.keys() - request.keys()
    if faults := [*judge_faults(members, {}, inherited)]:
        raise InvalidRequestError(sorted(faults))
    return SwapPolicy.of(members)
