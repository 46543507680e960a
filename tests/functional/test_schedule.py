"""The schedule with more open operations than one run can process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import pytest

import handlers.reconcile
from devops_core.adapters.aws import workers
from devops_core.engine import pace, sweep
from devops_core.errors import AccessDeniedError, UnreachableError
from tests.lab import emf
from tests.lab.client import SCHEDULE, Client
from tests.lab.fakes import Call, Crash, FakeCloud
from tests.lab.measured import forget, sums, told
from tests.lab.timeline import Timeline

# Seconds of one call of AWS. An operation that waits makes three calls, so eight workers process
# about 700 operations in the time budget of a run.
_CALL = 0.15
_PERIOD = 60.0


def crowd(count: int) -> FakeCloud:
    """Return an account with a number of creates that wait for CloudFormation."""
    cloud = FakeCloud()
    cloud.stacks.pace = None
    api = Client(cloud)
    for number in range(count):
        assert api.create(name(number)).status == 202
    return cloud


def name(number: int) -> str:
    return f"App{number:04}"


def run_schedule(cloud: FakeCloud, periods: int) -> None:
    """Invoke the schedule once in each period; each call of AWS takes time."""
    timeline = Timeline(cloud.clock)

    def take_time(call: Call, effect: Callable[[], Any]) -> Any:
        del call
        timeline.sleep(_CALL)
        return effect()

    def invoke() -> None:
        timeline.limited(_PERIOD, lambda: handlers.reconcile.handle(SCHEDULE, None, cloud))

    cloud.clock.sleep, cloud.together = timeline.sleep, timeline.together
    cloud.workers, cloud.wire.around = timeline.work_off, take_time
    for period in range(periods):
        timeline.start(invoke, period * _PERIOD)
    timeline.run()
    usual = FakeCloud()
    cloud.clock.sleep, cloud.together, cloud.workers = None, usual.together, usual.workers
    cloud.wire.around = None


def ended(cloud: FakeCloud) -> list[str]:
    return [key[0] for key, operation in cloud.tables.operations.items() if operation.ended]


def processed(cloud: FakeCloud, start: int) -> list[str]:
    """Return the applications of the operations that were processed from call `start` on."""
    journal = cloud.wire.journal[start:]
    return [call.args[0] for call in journal if call.name == "tables.operation"]


@pytest.mark.parametrize(
    "ready", [range(5), range(995, 1000), (3, 250, 499, 501, 777)], ids=["old", "new", "spread"]
)
def test_operations_that_can_end_do_so_within_two_periods(ready: Iterable[int]) -> None:
    cloud = crowd(1000)
    names = [name(number) for number in ready]
    for each in names:
        cloud.stacks.finish(each)
    run_schedule(cloud, 2)
    assert ended(cloud) == names


def test_without_a_stored_position_the_newest_operations_have_no_turn() -> None:
    """The previous test detects a position that does not advance, and the service reports it."""
    cloud = crowd(1000)
    cloud.stacks.finish(name(999))
    cloud.wire.fail("tables.save_sweep_position", AccessDeniedError("no permission"))
    run_schedule(cloud, 3)
    assert ended(cloud) == []
    assert sums(cloud)["ReconcileErrors",] > 0
    cloud.wire.heal()
    run_schedule(cloud, 2)
    assert ended(cloud) == [name(999)]


def test_the_metrics_include_operations_without_a_turn() -> None:
    cloud = crowd(1000)
    last = cloud.tables.operations[cloud.tables.in_progress()[-1]]
    cloud.clock.pass_(seconds=(last.deadline - cloud.clock.now()).total_seconds())
    cloud.stacks.finish(name(0))
    forget(cloud)
    # Every operation is now past its deadline, so a run ends each one with a turn.
    cloud.wire.fail("stacks", UnreachableError("no answer"))
    run_schedule(cloud, 1)
    (line,) = [line for line in cloud.measured if "OpenOperations" in line]
    points = {key[0]: value for key, value in emf.points(line).items()}
    assert points["OpenOperations"] == points["OverdueOperations"] == 1000
    assert points["ProcessedOperations"] + points["UnreachedOperations"] == 1000
    assert 500 <= points["ProcessedOperations"] < 1000
    first = cloud.tables.operations[cloud.tables.in_progress()[0]]
    age = (cloud.clock.now() - first.requested_at).total_seconds()
    assert points["OldestOperation"] == pytest.approx(age, abs=1)


def test_an_ended_operation_is_neither_open_nor_the_oldest() -> None:
    cloud = crowd(2)
    cloud.stacks.finish(name(0))
    api = Client(cloud)
    cloud.clock.pass_(seconds=90)
    api.create(name(2))
    cloud.clock.pass_(seconds=30)
    cloud.stacks.finish(name(1))
    forget(cloud)
    api.wake(SCHEDULE)
    found = sums(cloud)
    assert (found["OpenOperations",], found["OldestOperation",]) == (1, 30)
    assert (found["ProcessedOperations",], found["UnreachedOperations",]) == (3, 0)


def test_the_age_of_an_operation_with_an_invalid_id_is_unknown() -> None:
    cloud = crowd(1)
    ((key, operation),) = cloud.tables.operations.items()
    cloud.tables.operations = {(key[0], "?"): operation}
    forget(cloud)
    Client(cloud).wake(SCHEDULE)
    found = sums(cloud)
    assert (found["OpenOperations",], found["OldestOperation",]) == (1, 0)


# --- the position ---


def positions(cloud: FakeCloud) -> list[str]:
    return [f"{operation} {application}" for application, operation in cloud.tables.in_progress()]


def test_a_run_continues_after_the_stored_position_and_processes_no_operation_twice() -> None:
    cloud = crowd(20)
    cloud.tables.open_page = 6
    cloud.tables.position = positions(cloud)[12]
    start = len(cloud.wire.journal)
    Client(cloud).wake(SCHEDULE)
    turn = [*range(13, 20), *range(13)]
    assert processed(cloud, start) == [name(number) for number in turn]
    assert cloud.tables.position == positions(cloud)[12]


@pytest.mark.parametrize("position", [None, "", "unreadable", "\x7f", "0 Gone"])
def test_any_stored_position_lets_each_operation_have_a_turn(position: str | None) -> None:
    cloud = crowd(10)
    cloud.tables.position = position
    start = len(cloud.wire.journal)
    Client(cloud).wake(SCHEDULE)
    assert processed(cloud, start) == [name(number) for number in range(10)]
    assert cloud.tables.position == positions(cloud)[9]


def test_a_run_continues_although_the_operation_of_its_position_is_gone() -> None:
    cloud = crowd(20)
    cloud.tables.position = positions(cloud)[4]
    gone = cloud.tables.in_progress()[4]
    del cloud.tables.operations[gone]
    start = len(cloud.wire.journal)
    Client(cloud).wake(SCHEDULE)
    assert processed(cloud, start)[0] == name(5)
    assert len(processed(cloud, start)) == 19


def test_an_unreadable_position_starts_with_the_oldest_operation() -> None:
    cloud = crowd(10)
    cloud.tables.position = positions(cloud)[4]
    cloud.wire.fail("tables.sweep_position", UnreachableError("no answer"), times=1)
    start = len(cloud.wire.journal)
    Client(cloud).wake(SCHEDULE)
    assert processed(cloud, start) == [name(number) for number in range(10)]
    assert len(told(cloud, "reconcile failed")) == 1


def test_a_position_that_cannot_be_saved_is_reported_with_its_error() -> None:
    cloud = crowd(10)
    cloud.wire.fail("tables.save_sweep_position", AccessDeniedError("no permission"), times=1)
    Client(cloud).wake(SCHEDULE)
    (line,) = told(cloud, "reconcile failed")
    assert line["error"] == "AccessDeniedError('no permission')"


def test_a_group_that_stops_the_function_is_not_the_first_one_of_the_next_run() -> None:
    cloud = crowd(4 * sweep.WORKERS)
    fatal = name(2 * sweep.WORKERS)

    def stop(call: Call) -> None:
        if call.name == "tables.operation" and call.args[0] == fatal:
            raise Crash

    cloud.wire.before.append(stop)
    api = Client(cloud)
    with pytest.raises(Crash):
        api.wake(SCHEDULE)
    start = len(cloud.wire.journal)
    with pytest.raises(Crash):
        api.wake(SCHEDULE)
    assert processed(cloud, start)[0] == name(3 * sweep.WORKERS)


def test_two_runs_at_the_same_time_lose_no_operation() -> None:
    cloud = crowd(30)
    api = Client(cloud)
    cloud.wire.on("tables.save_sweep_position", lambda: api.wake(SCHEDULE), after=True)
    start = len(cloud.wire.journal)
    api.wake(SCHEDULE)
    assert sorted(processed(cloud, start)) == sorted(2 * [name(number) for number in range(30)])
    start = len(cloud.wire.journal)
    api.wake(SCHEDULE)
    assert len(set(processed(cloud, start))) == 30


def test_few_operations_need_no_position() -> None:
    cloud = crowd(sweep.WORKERS)
    start = len(cloud.wire.journal)
    Client(cloud).wake(SCHEDULE)
    names = set(cloud.wire.names(start))
    assert not names & {"tables.sweep_position", "tables.save_sweep_position"}


# --- the pace ---


def swapping(count: int) -> tuple[FakeCloud, Client]:
    """Return an account with a number of swaps in steps."""
    cloud = FakeCloud()
    api = Client(cloud)
    for number in range(count):
        api.create(name(number), environments={"nonProd": ["dev"]})
        cloud.push("1.0", application=name(number))
    api.settle()
    for number in range(count):
        api.finished(api.deploy("1.0", "dev", application=name(number)))
        api.finished(api.promote(application=name(number)))
    for number in range(count):
        assert api.swap(application=name(number), strategy={"type": "canary"}).status == 202
    return cloud, api


def duration(cloud: FakeCloud, api: Client) -> float:
    """Return the seconds that one run of the schedule waits."""
    before = cloud.clock.now()
    api.wake(SCHEDULE)
    return (cloud.clock.now() - before).total_seconds()


def test_checks_of_many_swaps_have_a_pace() -> None:
    """Each check reads the rules of two listeners and the targets of two slots."""
    cloud, api = swapping(14)
    cloud.clock.pass_(minutes=1)
    start = len(cloud.wire.journal)
    assert duration(cloud, api) == (14 * 4 - pace.BURST) / pace.RATE
    reads = [each for each in cloud.wire.names(start) if each.startswith("load_balancer.")]
    assert len(reads) == 14 * 4
    # A swap that was just checked makes no read, so its visit does not wait.
    assert duration(cloud, api) == 0


def test_few_swaps_and_operations_without_reads_do_not_wait() -> None:
    cloud, api = swapping(8)
    cloud.stacks.pace = None
    for number in range(30):
        assert api.create(f"New{number}").status == 202
    cloud.clock.pass_(minutes=1)
    assert duration(cloud, api) == 0


def test_a_run_without_time_for_all_swaps_is_continued_by_the_next_one() -> None:
    cloud, api = swapping(14)
    cloud.clock.pass_(minutes=1)
    # The first group uses up the time of the run.
    cloud.wire.on("load_balancer.rules", lambda: cloud.clock.wait(sweep.BUDGET.total_seconds()))
    start = len(cloud.wire.journal)
    api.wake(SCHEDULE)
    assert processed(cloud, start) == [name(number) for number in range(sweep.WORKERS)]
    start = len(cloud.wire.journal)
    api.wake(SCHEDULE)
    assert processed(cloud, start)[:6] == [name(number) for number in range(sweep.WORKERS, 14)]


# --- a call of AWS that hangs ---


def in_threads(
    calls: Iterable[Callable[[], Any]], count: int, until: datetime, seconds: float = 10
) -> list[Any]:
    """Make calls in threads, as the function does."""
    del until
    return workers.work_off(calls, count, seconds)


def test_a_hanging_call_does_not_delay_other_operations() -> None:
    cloud = crowd(40)
    for number in range(40):
        cloud.stacks.finish(name(number))
    others_ended = threading.Event()

    def hang(call: Call) -> None:
        if call.name == "stacks.describe" and name(0) in str(call.args):
            assert others_ended.wait(10), "other operations wait for this call"

    def note(call: Call) -> None:
        if call.name == "tables.close" and len(ended(cloud)) == 39:
            others_ended.set()

    cloud.wire.before.append(hang)
    cloud.wire.after.append(note)
    cloud.workers = in_threads
    assert Client(cloud).wake(SCHEDULE) == 40
    assert len(ended(cloud)) == 40


def test_a_run_has_a_time_limit_from_its_start() -> None:
    """A test of serverless.yml compares the limit with the time-out of the function."""
    cloud = crowd(2)
    limits: list[datetime] = []

    def note(calls: Iterable[Callable[[], Any]], count: int, until: datetime) -> list[Any]:
        limits.append(until)
        return in_threads(calls, count, until)

    cloud.workers = note
    started = cloud.clock.now()
    cloud.wire.on("tables.open_operations", lambda: cloud.clock.wait(20))
    Client(cloud).wake(SCHEDULE)
    assert limits == [started + sweep.LIMIT]


def test_a_run_reports_its_results_although_a_call_hangs() -> None:
    cloud = crowd(3)
    reached, answered = threading.Event(), threading.Event()

    def hang(call: Call) -> None:
        if call.name == "stacks.describe" and name(0) in str(call.args):
            reached.set()
            answered.wait(10)

    def until_it_hangs(
        calls: Iterable[Callable[[], Any]], count: int, until: datetime
    ) -> list[Any]:
        """Make calls in threads, with a time limit after the other calls have ended."""
        found = in_threads(calls, count, until, seconds=0.5)
        assert reached.is_set()
        return found

    cloud.wire.before.append(hang)
    cloud.workers = until_it_hangs
    forget(cloud)
    assert Client(cloud).wake(SCHEDULE) == 2
    found = sums(cloud)
    assert (found["OpenOperations",], found["UnreachedOperations",]) == (3, 1)
    answered.set()
