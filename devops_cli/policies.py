"""The policy of a swap: its options, and the members of the request."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from devops_cli import durations
from devops_cli.bodies import present
from devops_cli.failures import UsageError

_PANEL = "Steps, checks and approval; the default of each is the specification"
_OFF = "off"
_PERCENT = {"min": 1, "max": 99, "metavar": "PERCENT", "rich_help_panel": _PANEL}


def _minutes(value: str | int) -> int:
    try:
        return value if isinstance(value, int) else durations.parse_minutes(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _duration(text: str) -> Any:
    """Return the option for a duration in minutes, with its help text."""
    return typer.Option(parser=_minutes, metavar="DURATION", help=text, rich_help_panel=_PANEL)


def _approval(value: str) -> str:
    if value not in ("shift", "full", _OFF):
        raise typer.BadParameter(f"{value!r} is not one of shift, full, off")
    return value


@dataclass(frozen=True)
class Policy:
    """The options for the policy of a swap; an option that is None is not sent."""

    canary: Annotated[
        int | None,
        typer.Option(help="First this percent of the requests, then all.", **_PERCENT),
    ] = None
    linear: Annotated[
        int | None,
        typer.Option(help="With each step this percent of the requests more.", **_PERCENT),
    ] = None
    all_at_once: Annotated[
        bool,
        typer.Option("--all-at-once", help="All requests at once.", rich_help_panel=_PANEL),
    ] = False
    step: Annotated[
        int | None, _duration("Duration of a step of --canary or --linear: 6m, 2h; 90 is minutes.")
    ] = None
    bake: Annotated[
        int | None, _duration("Time at 100 percent in which the swap can still roll back.")
    ] = None
    alarm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A CloudWatch alarm that rolls back; repeatable.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    judge: Annotated[
        bool | None,
        typer.Option(
            "--judge/--no-judge",
            help="Compare the error rates of both releases, and roll back if the new one is worse.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ] = None
    error_rate: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT",
            help="The highest accepted error rate; includes --judge.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    min_requests: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Requests without which a minute does not count; includes --judge.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    approve: Annotated[
        str | None,
        typer.Option(
            metavar="shift|full|off",
            parser=_approval,
            help="Wait for an approval before the first customers (shift) or all (full).",
            rich_help_panel=_PANEL,
        ),
    ] = None
    approval_timeout: Annotated[
        int | None, _duration("Roll back without an approval after this time.")
    ] = None
    ignore_alarms: Annotated[
        bool,
        typer.Option(
            "--ignore-alarms",
            help="Start also if an alarm is missing, in the state ALARM or cannot be read.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    now: Annotated[
        bool,
        typer.Option(
            "--now",
            help="For an emergency: all requests at once, no bake, alarms, judge and approval.",
            rich_help_panel=_PANEL,
        ),
    ] = False


def members(policy: Policy) -> dict[str, Any]:
    """Return the members of the request; the specification determines the missing ones.

    Raises:
        UsageError: two options contradict each other, or one has no meaning without another one.

    """
    if policy.now:
        return _emergency(policy)
    found = present(
        strategy=_strategy(policy),
        bakeMinutes=policy.bake,
        alarms=policy.alarm,
        approval=_approval_members(policy),
        ignoreAlarms=policy.ignore_alarms or None,
    )
    judge = _judge(policy)
    return found if judge is None else found | {"judge": judge}


def _emergency(policy: Policy) -> dict[str, Any]:
    others = [each.name for each in fields(policy) if each.name not in ("now", "ignore_alarms")]
    given = [each for each in others if getattr(policy, each) not in (None, False, [])]
    if given:
        options = ", ".join(f"--{each.replace('_', '-')}" for each in given)
        raise UsageError(f"--now ends all waits and checks: remove {options}")
    return {
        "strategy": {"type": "allAtOnce"},
        "bakeMinutes": 0,
        "alarms": [],
        "judge": _OFF,
        "approval": _OFF,
    }


def _strategy(policy: Policy) -> dict[str, Any] | None:
    types = {
        "canary": policy.canary,
        "linear": policy.linear,
        "allAtOnce": True if policy.all_at_once else None,
    }
    chosen = [name for name, value in types.items() if value is not None]
    if len(chosen) > 1:
        raise UsageError("--canary, --linear and --all-at-once exclude each other")
    if chosen in ([], ["allAtOnce"]):
        if policy.step is not None:
            raise UsageError("--step needs --canary or --linear")
        return {"type": chosen[0]} if chosen else None
    kind = chosen[0]
    return present(type=kind, percent=types[kind], stepMinutes=policy.step)


def _judge(policy: Policy) -> dict[str, Any] | str | None:
    limits = present(errorRatePercent=policy.error_rate, minRequests=policy.min_requests)
    if policy.judge is False:
        if limits:
            raise UsageError("--no-judge excludes --error-rate and --min-requests")
        return _OFF
    return limits if limits or policy.judge else None


def _approval_members(policy: Policy) -> dict[str, Any] | str | None:
    if policy.approve in (None, _OFF):
        if policy.approval_timeout is not None:
            raise UsageError("--approval-timeout needs --approve shift or --approve full")
        return policy.approve
    return present(before=policy.approve, timeoutMinutes=policy.approval_timeout)
