from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from devops_core import bootstrap
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.bootstrap import AwsCloud
from devops_core.settings import Settings
from tests.adapters.conftest import ENVIRONMENT

_ROOT = Path(__file__).parents[2]
CLIENTS = (
    "tables", "listing", "outbox", "notifications", "stacks", "containers", "load_balancer",
    "monitoring", "images", "templates",
)  # fmt: skip
PORTS = (*CLIENTS, "web")


class SlowSession:
    """Makes clients one at a time; the first one only after `resume` is set."""

    def __init__(self) -> None:
        self.services: list[str] = []
        self.begun, self.resume = threading.Event(), threading.Event()
        self._busy = threading.Lock()

    def create_client(self, service: str, **_: Any) -> object:
        assert self._busy.acquire(blocking=False), "two threads make clients at the same time"
        self.services.append(service)
        self.begun.set()
        assert self.resume.wait(5)
        self._busy.release()
        return object()


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    bootstrap.cloud.cache_clear()

    cloud = bootstrap.cloud()

    assert cloud is bootstrap.cloud()
    assert cloud.settings == Settings.from_environment(ENVIRONMENT)
    bootstrap.cloud.cache_clear()


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCOUNT_ID", raising=False)
    bootstrap.cloud.cache_clear()

    with pytest.raises(KeyError, match="ACCOUNT_ID"):
        bootstrap.cloud()


@pytest.mark.parametrize("port", PORTS)
def test_an_adapter_is_made_once(cloud: AwsCloud, port: str) -> None:
    assert port not in vars(cloud)
    assert getattr(cloud, port) is getattr(cloud, port)


@pytest.mark.parametrize("port", CLIENTS)
def test_threads_that_ask_for_a_port_at_the_same_time_get_one_adapter(port: str) -> None:
    session: Any = SlowSession()
    cloud = AwsCloud(Settings.from_environment(ENVIRONMENT), session)
    asking = threading.Semaphore(0)

    def ask() -> object:
        asking.release()
        return getattr(cloud, port)

    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(ask)
        assert session.begun.wait(5)
        others = [threads.submit(ask) for _ in range(7)]
        assert all(asking.acquire(timeout=5) for _ in range(8))
        session.resume.set()

    assert {id(each.result()) for each in (first, *others)} == {id(getattr(cloud, port))}
    assert len(session.services) == 1


def test_client_timeouts_are_shorter_than_the_callers(cloud: AwsCloud) -> None:
    config = cloud._client("ecs").meta.config

    assert (config.connect_timeout, config.read_timeout, config.tcp_keepalive) == (2, 8, True)
    assert config.retries["mode"] == "standard"
    assert config.retries["total_max_attempts"] == 3


def test_clients_are_in_the_region_of_the_installation(cloud: AwsCloud) -> None:
    assert cloud._client("ecs").meta.region_name == "eu-west-1"


def test_threads_can_ask_for_all_ports_at_the_same_time(cloud: AwsCloud) -> None:
    adapters = cloud.gather([partial(getattr, cloud, port) for port in PORTS])

    assert isinstance(adapters[0], DynamoTables)
    assert adapters == [getattr(cloud, port) for port in PORTS]


def test_gathered_calls_run_concurrently(cloud: AwsCloud) -> None:
    meeting = threading.Barrier(8, timeout=5)

    def meet(number: int) -> Callable[[], int]:
        def call() -> int:
            meeting.wait()
            return number

        return call

    assert cloud.gather([meet(number) for number in range(8)]) == list(range(8))


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_call_needs_no_thread(cloud: AwsCloud, count: int) -> None:
    names = cloud.gather([lambda: threading.current_thread()] * count)

    assert names == [threading.current_thread()] * count


def test_the_first_error_waits_for_all_calls(cloud: AwsCloud) -> None:
    done: list[str] = []
    first_failed = threading.Event()

    def fail() -> None:
        first_failed.set()
        raise ValueError("first")

    def slow() -> None:
        first_failed.wait(5)
        done.append("slow")

    def fail_too() -> None:
        raise KeyError("second")

    with pytest.raises(ValueError, match="first"):
        cloud.gather([fail, slow, fail_too])

    assert done == ["slow"]


def test_the_clock_is_in_utc_and_whole_milliseconds(cloud: AwsCloud) -> None:
    now = cloud.clock.now()

    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    cloud.clock.wait(0.001)
    assert cloud.clock.now() > now


def test_ids_sort_by_time(cloud: AwsCloud) -> None:
    first = cloud.new_id()
    cloud.clock.wait(0.002)

    assert len(first) == 26
    assert first < cloud.new_id()


def test_a_log_line_is_one_json_object(cloud: AwsCloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.log("swept", operations=3, at=cloud.clock.now())

    line = json.loads(capsys.readouterr().out)
    assert (line["message"], line["operations"]) == ("swept", 3)


def test_a_log_line_that_cannot_be_written_raises_nothing(
    cloud: AwsCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    class Unwritable:
        def __str__(self) -> str:
            raise ValueError("cannot be written")

    cloud.log("ended", about=Unwritable())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("unwanted", ["boto3", "yaml", "s3transfer"])
def test_a_cold_start_does_not_import(unwanted: str) -> None:
    program = f"import sys, devops_core.bootstrap; print({unwanted!r} in sys.modules)"
    found: Any = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=_ROOT
    )

    assert found.stdout.strip() == "False"
