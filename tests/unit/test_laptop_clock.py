"""The clock of a laptop cloud, and its effect on modules and on the functions of the service."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tools.laptop import clock as clocks
from tools.laptop.clock import Clock, replace_time

FAST = Clock(origin=1_000_000.0, minute=3.0)
# The start of a worker: the bootstrap of the service is imported after the replacement.
WORKER = f"""
import importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("laptop_clock", {clocks.__file__!r})
sys.modules["laptop_clock"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.replace_function_clock(os.environ)
import time
from devops_core.bootstrap import SystemClock
clock = SystemClock()
before, began = clock.now(), time.monotonic()
clock.wait(20)
print(json.dumps([before.isoformat(), (clock.now() - before).total_seconds(),
                  time.monotonic() - began]))
"""


def test_a_minute_has_the_duration_of_the_option() -> None:
    assert FAST.at(1_000_000.0) == 1_000_000.0
    assert FAST.at(1_000_003.0) == 1_000_060.0
    assert FAST.machine_seconds(120) == 6.0
    assert Clock(origin=5.0).at(65.25) == 65.25
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_processes_receive_the_clock_in_their_environment() -> None:
    assert Clock.from_environment(FAST.environment) == FAST
    assert Clock.from_environment({}) == Clock()


def test_a_module_has_the_time_of_the_clock_and_real_pauses() -> None:
    module = SimpleNamespace(time=time, datetime=datetime)
    replace_time(module, Clock(origin=0.0, minute=30.0))
    ratio = module.time.time() / time.time()
    assert ratio == pytest.approx(2)
    assert module.time.gmtime().tm_year > time.gmtime().tm_year
    assert module.time.gmtime(0).tm_year == 1970
    assert module.time.monotonic is time.monotonic
    assert module.time.sleep is time.sleep
    now = module.datetime.now(UTC)
    assert now.timestamp() / time.time() == pytest.approx(2)
    assert isinstance(datetime.now(UTC), module.datetime)
    assert module.datetime.fromisoformat("2026-01-02") == datetime(2026, 1, 2)  # noqa: DTZ001


def test_other_names_of_a_module_remain() -> None:
    module = SimpleNamespace(time=3, other=time)
    replace_time(module, FAST)
    assert vars(module) == {"time": 3, "other": time}


def test_the_functions_have_the_time_of_the_clock() -> None:
    clock = Clock(origin=time.time() - 100, minute=0.6)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", WORKER],
        env=clock.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    before, passed, waited = json.loads(done.stdout)
    ahead = datetime.fromisoformat(before) - datetime.now(UTC)
    assert ahead > timedelta(seconds=99 * 100)
    assert passed >= 20
    assert 0.2 <= waited < 20
