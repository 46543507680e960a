"""Worker threads: a hanging call delays no other call, and an abandoned one sends no requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from devops_core.adapters.aws.workers import work_off
from devops_core.bootstrap import AwsCloud

# Seconds until a test fails that waits for an event.
_PATIENCE = 10


def test_all_calls_are_made_and_their_results_returned() -> None:
    results = work_off([partial(int, number) for number in range(100)], 8, _PATIENCE)

    assert sorted(results) == list(range(100))


@pytest.mark.parametrize("workers", [0, 1, 8])
def test_without_calls_there_are_no_results(workers: int) -> None:
    assert work_off([], workers, _PATIENCE) == []


def test_calls_run_at_the_same_time() -> None:
    meeting = threading.Barrier(8, timeout=_PATIENCE)

    assert len(work_off([meeting.wait] * 8, 8, _PATIENCE)) == 8


def test_one_worker_makes_the_calls_in_their_order() -> None:
    made: list[int] = []

    work_off([partial(made.append, number) for number in range(20)], 1, _PATIENCE)

    assert made == list(range(20))


def test_a_hanging_call_delays_only_its_own_worker() -> None:
    last_made = threading.Event()

    first: Callable[[], object] = partial(last_made.wait, _PATIENCE)
    others: list[Callable[[], object]] = [lambda: "other"] * 50

    results = work_off([first, *others, last_made.set], 2, _PATIENCE)

    assert results == [*["other"] * 50, None, True]


def test_the_results_are_returned_although_a_call_hangs() -> None:
    answered, ended = threading.Event(), threading.Event()

    def hang() -> str:
        answered.wait(_PATIENCE)
        ended.set()
        return "late"

    results = work_off([hang, lambda: "in time"], 2, 0.2)

    assert results == ["in time"]
    assert not ended.is_set()
    answered.set()
    assert ended.wait(_PATIENCE)
    assert results == ["in time"]


def test_an_abandoned_worker_makes_no_further_call() -> None:
    answered, ended = threading.Event(), threading.Event()
    made: list[str] = []

    def calls() -> Iterator[Callable[[], Any]]:
        yield lambda: answered.wait(_PATIENCE)
        ended.set()
        yield lambda: made.append("second")

    work_off(calls(), 1, 0.1)
    answered.set()

    assert not ended.wait(0.2)
    assert made == []


def test_an_error_is_raised_after_the_other_calls() -> None:
    made: list[str] = []

    def fail() -> None:
        raise ValueError("no result")

    with pytest.raises(ValueError, match="no result"):
        work_off([fail, lambda: made.append("other")], 2, _PATIENCE)
    assert made == ["other"]


class Scene:
    """A cloud with a worker that hangs until it is abandoned, and then calls AWS."""

    def __init__(self, cloud: AwsCloud, call: Callable[[AwsCloud], object]) -> None:
        self._answered = threading.Event()
        self.ended = threading.Event()
        self.sent: list[str] = []
        self.responses: list[object] = []
        client = cloud.tables._client  # type: ignore[attr-defined]
        # Registered after the refusal of the service, so it sees only requests that are sent.
        client.meta.events.register("before-send", self._note)
        self._cloud, self._call = cloud, call

    def _note(self, request: Any, **_: Any) -> None:
        self.sent.append(request.headers["X-Amz-Target"].decode().rpartition(".")[2])

    def work(self) -> None:
        try:
            self._answered.wait(_PATIENCE)
            self.responses.append(self._call(self._cloud))
        finally:
            self.ended.set()

    def run(self, seconds: float) -> None:
        if seconds > 1:
            self._answered.set()
        until = self._cloud.clock.now() + timedelta(seconds=seconds)
        self._cloud.work_off([self.work], 1, until)
        self._answered.set()
        assert self.ended.wait(_PATIENCE)


def read(cloud: AwsCloud) -> object:
    return cloud.tables.check()


def read_twice_at_once(cloud: AwsCloud) -> object:
    return cloud.gather([cloud.tables.check, cloud.tables.check])


@pytest.mark.parametrize("call", [read, read_twice_at_once])
def test_an_abandoned_worker_sends_no_requests(
    cloud: AwsCloud, call: Callable[[AwsCloud], object]
) -> None:
    in_time, abandoned = Scene(cloud, call), Scene(cloud, call)
    in_time.run(_PATIENCE)
    assert in_time.sent
    assert in_time.responses
    del in_time.sent[:], abandoned.sent[:]

    abandoned.run(0.05)

    assert abandoned.sent == in_time.sent == []
    assert abandoned.responses == []


def test_an_abandoned_worker_does_not_repeat_a_request(cloud: AwsCloud) -> None:
    """The second attempt of a call without a response, which the SDK makes by itself."""
    attempts: list[str] = []
    first_sent, answered, ended = threading.Event(), threading.Event(), threading.Event()
    client = cloud.tables._client  # type: ignore[attr-defined]

    def no_response(**_: Any) -> None:
        attempts.append("sent")
        first_sent.set()
        answered.wait(_PATIENCE)
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    client.meta.events.register("before-send", no_response)

    def work() -> None:
        try:
            cloud.tables.check()
        finally:
            ended.set()

    until = cloud.clock.now() + timedelta(seconds=0.2)
    runner = threading.Thread(target=lambda: cloud.work_off([work], 1, until))
    runner.start()
    assert first_sent.wait(_PATIENCE)
    runner.join()
    answered.set()

    assert ended.wait(_PATIENCE)
    assert attempts == ["sent"]
