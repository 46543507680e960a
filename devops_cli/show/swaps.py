"""A swap with a policy: its phase, the requests to both releases, its alarms, its commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from rich.console import RenderableType
from rich.text import Text

from devops_cli import durations
from devops_cli.responses import (
    IN_PROGRESS,
    Object,
    get_object,
    get_objects,
    get_text,
    get_texts,
    get_time,
)
from devops_cli.show import texts
from devops_cli.show.texts import Command

_AWAITING, _RETURNING = "AWAITING_APPROVAL", "RETURNING"
# The production environment that each release of a swap becomes.
_RELEASES = {"new": "PROD-GREEN", "live": "PROD-BLUE"}
# The member `live` of a verdict is the previous release, also after all customers have the new one.
_LABELS = {"new": "new", "live": "previous"}


class Fact(NamedTuple):
    """A fact about a swap in progress.

    A line reports it again only after a change of `compared`: each verdict has other numbers.
    """

    text: str
    compared: str


def state(operation: Object, now: datetime | None = None) -> Iterator[RenderableType]:
    """Yield the lines and the table of a swap; with `now`, the time to the next step."""
    if phase := get_text(operation, "phase"):
        yield texts.sentence(
            texts.text("Phase: ", "dim"), texts.state(phase), _progress(operation, now)
        )
    if get_text(operation, "phase") == _RETURNING:
        for reason in get_texts(operation, "reasons"):
            yield texts.text(f"Rolls back: {reason}", "red")
    yield from _verdict(operation)
    if alarms := _alarms(operation):
        yield texts.sentence(texts.text("Alarms: ", "dim"), texts.text(alarms, "yellow"))


def affected(operation: Object) -> Iterator[Text]:
    """Yield the number of customers' requests that a new release received and failed."""
    if found := get_object(operation, "affected"):
        requests, errors = get_text(found, "requests"), get_text(found, "errors")
        yield texts.text(
            f"Requests of customers to the new release: {requests} in"
            f" {_minutes(get_text(found, 'minutes'))}, {errors} failed"
        )


def releases(operation: Object) -> Iterator[Text]:
    """Yield the versions of both releases of a swap."""
    if get_text(operation, "kind") == "swap":
        new, live = (_version(operation, release) for release in _RELEASES)
        yield texts.text(f"New release: {new}, previous release: {live}")


def facts(operation: Object, command: Command) -> dict[str, Fact]:
    """Return the facts about a swap in progress by their subject."""
    if not (phase := get_text(operation, "phase")):
        return {}
    found = {"phase": f"{phase}{_progress(operation, None)}"}
    if phase == _RETURNING:
        found["rolls back"] = "; ".join(get_texts(operation, "reasons"))
    found["alarms"] = _alarms(operation)
    for hint in hints(operation, command):
        subject, _, line = hint.partition(":")
        found[subject.lower()] = line.strip()
    said = {subject: Fact(text, text) for subject, text in found.items() if text}
    if verdict := _newest_verdict(operation):
        name, reason = get_text(verdict, "verdict"), get_text(verdict, "reason")
        numbers = (_numbers(release, get_object(verdict, release)) for release in _RELEASES)
        said["verdict"] = Fact(", ".join(filter(None, (name, reason, *numbers))), name)
    return said


def hints(operation: Object, command: Command) -> list[str]:
    """Return the hints for a swap with a policy in progress: the calls that move it on."""
    policy, phase = get_object(operation, "policy"), get_text(operation, "phase")
    if not policy or get_text(operation, "status") != IN_PROGRESS or phase == _RETURNING:
        return []
    arguments = (get_text(operation, "applicationName"), get_text(operation, "id"))
    found = []
    if phase == _AWAITING and not get_text(operation, "approvedBy"):
        found.append(f"Approve it:       {command('approve', *arguments)}")
    if not get_text(operation, "finishedBy"):
        found.append(f"Skip its waits:   {command('finish', *arguments)}")
    return found


def policy(found: Object) -> Iterator[Text]:
    """Yield the lines of a policy."""
    if not found:
        return
    judge, approval = get_object(found, "judge"), get_object(found, "approval")
    limits = (
        f"rolls back above {get_text(judge, 'errorRatePercent')} percent errors, in minutes with"
        f" at least {get_text(judge, 'minRequests')} requests"
    )
    until = _minutes(get_text(approval, "timeoutMinutes"))
    before = {"shift": "the first customers", "full": "100 percent"}
    rows = {
        "strategy": _strategy(get_object(found, "strategy")),
        "bake": _minutes(get_text(found, "bakeMinutes")),
        "alarms": ", ".join(get_texts(found, "alarms")) or "none",
        "judge": limits if judge else "off",
        "approval": f"before {before.get(get_text(approval, 'before'), '')}, within {until}"
        if approval
        else "none",
    }
    yield texts.heading("Policy of the swap")
    for name, value in rows.items():
        yield texts.text(f"  {name:8} {value}")


def _strategy(strategy: Object) -> str:
    kind, percent = get_text(strategy, "type"), get_text(strategy, "percent")
    step = _minutes(get_text(strategy, "stepMinutes"))
    if kind == "canary":
        return f"{percent} percent of the requests, all after {step}"
    if kind == "linear":
        return f"{percent} percent of the requests more, every {step}"
    return "all requests at once"


def _minutes(count: str) -> str:
    return f"{count} minutes" if count != "1" else "1 minute"


def _progress(operation: Object, now: datetime | None) -> str:
    """Return the weight and the next step, after the phase."""
    weight, phase = get_text(operation, "weight"), get_text(operation, "phase")
    share = f", {weight} percent of the requests" if weight else ""
    if phase == _AWAITING:
        when = _when(get_time(operation, "approvalExpiresAt"), now)
        return share + (f", rolls back without an approval {when}" if when else "")
    step = get_object(operation, "nextStep")
    target = get_text(step, "weight")
    when = _when(get_time(step, "at"), now)
    return share + (f", then {f'{target} percent' if target else 'the end'} {when}" if when else "")


def _when(time: datetime | None, now: datetime | None) -> str:
    """Return the time until `time`, without `now` the time itself; empty if it is not known."""
    if time is None:
        return ""
    if now is None:
        return f"at {texts.timestamp(time)}"
    seconds = (time - now).total_seconds()
    return f"in {durations.format_duration(seconds)}" if seconds > 0 else "now"


def _newest_verdict(operation: Object) -> Object:
    return next(reversed(get_objects(operation, "verdicts")), {})


def _verdict(operation: Object) -> Iterator[RenderableType]:
    """Yield the newest verdict: the requests to both releases, and their errors."""
    verdict = _newest_verdict(operation)
    if not verdict:
        return
    lines = []
    for release in _RELEASES:
        judged = get_object(verdict, release)
        lines.append(
            [
                _LABELS[release],
                _version(operation, release),
                get_text(judged, "requests"),
                get_text(judged, "errors"),
                f"{get_text(judged, 'errorRatePercent')} %",
            ]
        )
    yield texts.Rows(("RELEASE", "VERSION", "REQUESTS", "ERRORS", "ERROR RATE"), lines)
    reason, time = get_text(verdict, "reason"), texts.timestamp(get_time(verdict, "time"))
    yield texts.sentence(
        texts.text("Verdict: ", "dim"),
        texts.state(get_text(verdict, "verdict")),
        f" at {time}{f': {reason}' if reason else ''}",
    )


def _version(operation: Object, release: str) -> str:
    """Return the version of a release of a swap; empty if the operation lacks it."""
    environment = _RELEASES[release]
    for each in get_objects(operation, "environments"):
        if get_text(each, "environment") == environment:
            return get_text(each, "version") or texts.FIRST_IMAGE
    return ""


def _numbers(release: str, judged: Object) -> str:
    failed = f"{get_text(judged, 'errors')} of {get_text(judged, 'requests')}"
    rate = f"{get_text(judged, 'errorRatePercent')} percent"
    return f"{_LABELS[release]} release {failed} requests failed ({rate})" if judged else ""


def _alarms(operation: Object) -> str:
    """Return the alarms that are not OK."""
    states, ignored = get_object(operation, "alarmStates"), get_texts(operation, "ignoredAlarms")
    found = {name: get_text(states, name) for name in states}
    found |= {name: found.get(name) or "missing" for name in ignored}
    return ", ".join(
        f"{name} {value}{' (ignored)' if name in ignored else ''}"
        for name, value in found.items()
        if value != "OK"
    )
