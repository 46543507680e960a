"""Following an operation: the reads, their interval, and errors meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest

from devops_cli import client, follow
from devops_cli.config import Profile
from devops_cli.failures import ApiError, NotTheServiceError, TimedOutError, UnreachableError
from devops_cli.follow import Snapshot
from devops_cli.responses import Response
from tests.lab.prepared_service import (
    API,
    OPERATION,
    PATH,
    Clock,
    Service,
    answer,
    operation,
    stack,
)

HOUR = timedelta(hours=1)
LOST = httpx.ConnectError("connection refused")
GOING, DONE = answer(operation=operation()), answer(operation=operation("SUCCEEDED"))
DEV = {"environment": "DEV", "tasks": {"desired": 2, "running": 1}}


def followed(
    service: Service,
    clock: Clock | None = None,
    timeout: timedelta = HOUR,
    seen: list[Snapshot] | None = None,
    accepted: Response | None = None,
    **members: Any,
) -> Sequence[Snapshot]:
    seen = seen if seen is not None else []
    clock = clock or Clock()
    api = client.connect(Profile(api=API), None, httpx.MockTransport(service), clock, pytest.fail)
    accepted = accepted or Response(202, b"{}", {"operation": operation(**members)})
    for each in follow.follow(api, accepted, accepted.required_operation, clock, timeout):
        seen.append(each)  # what was seen before an error counts
    return seen


def test_it_polls_soon_and_then_every_two_seconds_until_the_end() -> None:
    service, clock = Service(), Clock()
    service.on("GET", PATH, GOING, GOING, GOING, DONE)
    service.on("GET", "/stacks/Shop", answer(stack=stack(DEV)))
    seen = followed(service, clock)
    assert [each.operation["status"] for each in seen] == ["IN_PROGRESS"] * 4 + ["SUCCEEDED"]
    assert clock.pauses == [0.5, 1, 2, 2]
    assert [each.seconds for each in seen] == [10, 10.5, 11.5, 13.5, 15.5]
    assert seen[-1].stack == stack(DEV)
    assert seen[-1].response.content == DONE.content
    live = [each.url.query for each in service.requests if each.url.path == "/dev/stacks/Shop"]
    assert live == [b"live=true"] * 5


def test_the_intervals_grow_with_the_age_of_the_operation() -> None:
    service, clock = Service(), Clock()
    service.on("GET", PATH, *[GOING] * 60, DONE)
    service.on("GET", "/stacks/Shop", answer(stack=stack(DEV)))
    seen = followed(service, clock)
    assert clock.pauses[:8] == [0.5, 1, 2, 2, 2, 2, 2, 2]
    later = next(number for number, each in enumerate(seen) if each.seconds > 50)
    assert clock.pauses[later - 2] == 4
    assert clock.pauses[-10:] == [5] * 10
    live = [each for each in service.requests if each.url.path == "/dev/stacks/Shop"]
    assert len(live) < len(seen) / 2
    assert seen[-1].stack == stack(DEV)


def test_what_has_ended_is_looked_at_once() -> None:
    service, clock = Service(), Clock()
    seen = followed(service, clock, status="FAILED")
    assert [each.ended for each in seen] == [True]
    assert clock.pauses == []


def test_the_age_is_by_the_clock_of_the_service() -> None:
    accepted = Response(
        202, b"", {"operation": operation("FAILED")}, {"date": "Sat, 31 Jan 2026 12:00:03 GMT"}
    )
    assert followed(Service(), accepted=accepted)[0].seconds == 3
    assert followed(Service(), status="FAILED", requestedAt="soon")[0].seconds == 0
    assert followed(Service(), status="FAILED", requestedAt="2027-01-31T12:00:00Z")[0].seconds == 0


@pytest.mark.parametrize(
    "date",
    [
        "Sat, 31 Jan 2026 12:00:03 -0000",
        "Sat, 31 Jan 2026 12:00:03",
        "Sat, 31 Jan 2026 12:00:03 GMT, Sat, 31 Jan 2026 12:00:03 GMT",
        "Sat, 99 Jan 2026 12:00:03 GMT",
        "Sat, 31 Jan 2026 12:00:03 +999999999999",
        "soon",
        "",
    ],
)
def test_a_date_that_a_proxy_has_changed_does_no_harm(date: str) -> None:
    """Two headers, for example, are read as one value."""
    body = {"operation": operation("FAILED")}
    changed, missing = (
        followed(Service(), accepted=Response(202, b"", body, headers))[0].seconds
        for headers in ({"date": date}, {})
    )
    assert changed == missing


@pytest.mark.parametrize(
    "trouble",
    [answer(404), answer(503), answer(500), httpx.Response(502, html="<p>"), LOST, answer(stack=7)],
    ids=["404", "503", "500", "html", "lost", "odd"],
)
def test_that_ecs_cannot_be_seen_does_no_harm(trouble: httpx.Response | Exception) -> None:
    service, clock = Service(), Clock()
    service.on("GET", PATH, GOING, DONE)
    service.on("GET", "/stacks/Shop", trouble, answer(stack=stack(DEV)))
    assert [bool(each.stack) for each in followed(service, clock)] == [False, True, True]
    assert clock.pauses == [0.5, 1]


def test_who_may_not_see_it_does_not_ask_again() -> None:
    service = Service()
    service.on("GET", PATH, GOING, DONE)
    service.on("GET", "/stacks/Shop", answer(403))
    followed(service)
    assert service.calls().count("GET /dev/stacks/Shop") == 1


@pytest.mark.parametrize(
    "trouble", [answer(503), answer(429), LOST, httpx.Response(502, html="<p>")]
)
def test_trouble_that_passes_does_not_end_the_wait(trouble: httpx.Response | Exception) -> None:
    service = Service()
    service.on("GET", PATH, trouble, DONE)
    seen = followed(service)
    assert [bool(each.trouble) for each in seen] == [False, True, False]
    assert seen[-1].ended


def test_the_service_may_ask_for_a_longer_pause() -> None:
    service, clock = Service(), Clock()
    service.on("GET", PATH, answer(503, {"Retry-After": "9"}), answer(503), DONE)
    followed(service, clock)
    assert clock.pauses == [0.5, 9, 2]


@pytest.mark.parametrize(
    ("trouble", "error"),
    [(answer(503), ApiError), (LOST, UnreachableError), (answer(ok=1), NotTheServiceError)],
)
def test_trouble_that_stays_does(
    trouble: httpx.Response | Exception, error: type[Exception]
) -> None:
    service, clock = Service(), Clock()
    service.on("GET", PATH, trouble)
    with pytest.raises(error):
        followed(service, clock)
    assert follow.SILENCE_LIMIT <= sum(clock.pauses) < follow.SILENCE_LIMIT + follow.INTERVAL


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_ends_it_at_once(status: int) -> None:
    service = Service()
    service.on("GET", PATH, answer(status))
    with pytest.raises(ApiError):
        followed(service)
    assert service.calls().count(f"GET /dev{PATH}") == 1


def test_it_does_not_wait_longer_than_it_may() -> None:
    service, clock, seen = Service(), Clock(), list[Snapshot]()
    service.on("GET", PATH, GOING)
    with pytest.raises(TimedOutError, match=OPERATION):
        followed(service, clock, timedelta(seconds=5), seen)
    assert clock.pauses == [0.5, 1, 2, 1.5]
    assert len(seen) == 5


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/stacks/Shop/operations/1",
        "http://abcde12345.execute-api.eu-west-1.amazonaws.com/dev/x",
        "https://abcde12345.execute-api.eu-west-1.amazonaws.com:8443/dev/x",
        "https://abcde12345.execute-api.eu-west-1.amazonaws.com@evil.example/dev/x",
        "https://evil.example\\@abcde12345.execute-api.eu-west-1.amazonaws.com/",
        "https://[bad",
        "/dev/stacks",
        "",
        "https://abcde12345.execute-api.eu-west-1.amazonaws.com/dev/\nx",
    ],
)
def test_credentials_go_nowhere_else(url: str) -> None:
    assert follow.operation_url(operation(url=url), API) == PATH


def test_the_url_of_the_service_is_followed() -> None:
    url = f"https://ABCDE12345.execute-api.eu-west-1.amazonaws.com:443/v2{PATH}"
    assert follow.operation_url(operation(url=url), API) == url


def test_what_the_service_calls_an_id_cannot_leave_its_path() -> None:
    odd = operation(id="../../x?y", applicationName="a/b", url="")
    assert follow.operation_url(odd, API) == "/stacks/a%2Fb/operations/..%2F..%2Fx%3Fy"
