"""Formats the figures of progressive swaps as tables, and checks them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tools.bench.machine import summary
from tools.bench.markdown import table
from tools.bench.swaps.records import LIVE
from tools.bench.swaps.shares import ALL

Results = Mapping[str, Any]
_COUNTS = ("requests", "testRequests", "failed", "testFailed")


def render(results: Results) -> list[str]:
    """Return the figures as lines of Markdown: completed swaps, bad releases, rollbacks."""
    swaps = results["swaps"]
    completed = [each for each in swaps if each["expected"]["status"] == "SUCCEEDED"]
    called = [each for each in swaps if each["call"]]
    bad = [each for each in swaps if each not in (*completed, *called)]
    return [
        f"Measured: {summary(results['machine'])}; a minute lasts {results['minute']:g} seconds.",
        "",
        *_completed(completed),
        "",
        *_bad(bad),
        "",
        *_called(called),
    ]


def violations(results: Results) -> list[str]:
    """Return a message for each expectation that a swap does not meet."""
    return [
        f"{each['name']}: {problem}" for each in results["swaps"] for problem in _problems(each)
    ]


def _problems(swap: Results) -> list[str]:
    expected = swap["expected"]
    found = []
    if swap["status"] != expected["status"]:
        reasons = "; ".join(swap["reasons"])
        found.append(f"{swap['status']}, not {expected['status']}: {reasons}")
    if swap["failed"] or swap["testFailed"]:
        found.append(f"{swap['failed']} failed, {swap['testFailed']} on the test listener")
    if not expected["errors"] and (swap["errors"] or swap["otherErrors"]):
        found.append(f"{swap['errors'] + swap['otherErrors']} responses with status 500")
    if not swap["exposed"]:
        found.append("the new release received no request of a customer")
    if swap["weights"] != expected["weights"]:
        found.append(f"the weights were {swap['weights']}, not {expected['weights']}")
    if swap["minutes"].get("full", expected["full"]) < expected["full"]:
        found.append(f"100 percent after {swap['minutes']['full']} of {expected['full']} minutes")
    found += [
        f"port {each['port']}: {_share(each)} requests at {each['weight']} percent"
        for each in swap["shares"]
        if not each["least"] <= each["new"] <= each["most"]
    ]
    return [*found, *_judge_problems(swap), *_count_problems(swap)]


def _judge_problems(swap: Results) -> list[str]:
    """Return the differences from the expected verdicts."""
    expected, verdicts = swap["expected"]["verdict"], set(swap["verdicts"])
    if not expected:
        return []
    if swap["lastVerdict"] != expected:
        return [f"the last verdict is {swap['lastVerdict'] or 'missing'}, not {expected}"]
    allowed = {expected, "GOOD", "TOO_FEW_REQUESTS"}
    if expected == "TOO_FEW_REQUESTS":
        allowed = {expected}
    unexpected = ", ".join(sorted(verdicts - allowed))
    return [f"unexpected verdicts: {unexpected}"] if unexpected else []


def _count_problems(swap: Results) -> list[str]:
    """Return the differences between the report of the operation and the customers' own counts."""
    counted, affected = swap["counted"] or {}, swap["affected"] or {}
    if swap["expected"]["verdict"] == "BAD" and not affected:
        return ["the operation does not report the affected requests"]
    return [
        f"the operation reports {affected[name]} {name}, the customers {least} to {most}"
        for name, (least, most) in counted.items()
        if not least <= affected[name] <= most
    ]


def _completed(swaps: Iterable[Results]) -> list[str]:
    head = (
        "swap", "requests", "failed", "call → first page, ms", "call → 100 %, minutes",
        "requests to the new release (bounds)", "last verdict",
    )  # fmt: skip
    return table(
        head,
        [
            [
                each["name"],
                *_requests(each),
                _number(each["milliseconds"].get("firstPage"), 0),
                _number(each["minutes"].get("full"), 1),
                ", ".join(_shares(each)),
                each["lastVerdict"],
            ]
            for each in swaps
        ],
    )


def _requests(swap: Results) -> tuple[str, str]:
    """Return the requests to both listeners, and those of them that failed."""
    return f"{swap['requests'] + swap['testRequests']:,}", str(swap["failed"] + swap["testFailed"])


def _shares(swap: Results) -> list[str]:
    """Return the shares of the customers' requests between 0 and 100 percent."""
    return [
        f"{each['weight']} %: {_share(each)}"
        for each in swap["shares"]
        if each["port"] == LIVE and 0 < each["weight"] < ALL
    ]


def _share(share: Results) -> str:
    return f"{share['new']:,}/{share['requests']:,} ({share['least']:,}-{share['most']:,})"


def _bad(swaps: Iterable[Results]) -> list[str]:
    head = (
        "new release", "requests", "failed", "answered by it", "errors",
        "first error → returned, minutes", "shift → returned, minutes",
        "reported: requests, errors",
    )  # fmt: skip
    return table(
        head,
        [
            [
                each["name"],
                *_requests(each),
                *(f"{each[name]:,}" for name in ("exposed", "errors")),
                *(_number(each["minutes"].get(name), 1) for name in ("returned", "shifted")),
                _affected(each["affected"]),
            ]
            for each in swaps
        ],
    )


def _affected(affected: Results | None) -> str:
    return f"{affected['requests']:,}, {affected['errors']:,}" if affected else ""


def _called(swaps: Iterable[Results]) -> list[str]:
    """Return a row for each state, with the duration of each call."""
    by_state: dict[str, list[Results]] = {}
    for each in swaps:
        by_state.setdefault(each["name"], []).append(each)
    calls = list(dict.fromkeys(each["call"] for same in by_state.values() for each in same))
    rows = []
    for name, same in by_state.items():
        ends = {each["call"]: each["milliseconds"].get("lastPage") for each in same}
        total = {key: sum(each[key] for each in same) for key in _COUNTS}
        rows.append([name, *_requests(total), *(_number(ends.get(call), 0) for call in calls)])
    return table(("rollback at", "requests", "failed", *(f"{call}, ms" for call in calls)), rows)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
