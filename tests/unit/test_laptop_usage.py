"""The laptop cloud measures the CPU and the memory of its tasks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools.laptop.scaling.usage import CpuMeter, Task, memory_utilization

TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


def process(proc: Path, pid: int, *, seconds: float = 0, pages: int = 0) -> None:
    """Write a process; half of its CPU time is system time. Its name has spaces and brackets."""
    ticks = int(seconds * TICKS / 2)
    (proc / str(pid)).mkdir(exist_ok=True)
    before = " ".join("0" * 10)
    (proc / str(pid) / "stat").write_text(f"{pid} (a) (b) S {before} {ticks} {ticks} 0 0")
    (proc / str(pid) / "statm").write_text(f"{pages * 3} {pages} 0")


def test_the_cpu_is_a_percentage_of_the_units_of_the_tasks(tmp_path: Path) -> None:
    tasks = [Task((1, 2), 512, 0), Task((3,), 512, 0)]
    meter = CpuMeter(tmp_path)
    for pid in (1, 2, 3):
        process(tmp_path, pid, seconds=4)
    assert meter.utilization(tasks, 100) is None
    process(tmp_path, 1, seconds=6)
    process(tmp_path, 3, seconds=7)
    # 5 seconds of CPU in 10 seconds, with 1024 units.
    assert meter.utilization(tasks, 110) == pytest.approx(50)
    assert meter.utilization(tasks, 120) == 0


def test_tasks_without_a_size_and_new_tasks_do_not_count(tmp_path: Path) -> None:
    meter = CpuMeter(tmp_path)
    process(tmp_path, 1, seconds=0)
    assert meter.utilization([Task((1,), 0, 0)], 0) is None
    assert meter.utilization([Task((1,), 0, 0)], 10) is None
    assert meter.utilization([Task((1,), 1024, 0)], 20) is None
    process(tmp_path, 1, seconds=1)
    process(tmp_path, 2, seconds=9)
    new, ended = Task((2,), 1024, 0), Task((4,), 1024, 0)
    assert meter.utilization([Task((1,), 1024, 0), new, ended], 30) == pytest.approx(10)
    assert meter.utilization([], 40) is None


def test_the_memory_is_a_percentage_of_the_size_of_the_tasks(tmp_path: Path) -> None:
    mib = 2**20 // PAGE
    process(tmp_path, 1, pages=128 * mib)
    process(tmp_path, 2, pages=128 * mib)
    tasks = [Task((1, 2), 0, 512), Task((4,), 0, 512), Task((1,), 0, 0)]
    assert memory_utilization(tasks, tmp_path) == pytest.approx(25)
    assert memory_utilization([Task((1,), 0, 0)], tmp_path) is None


def test_the_real_process_has_time_and_memory() -> None:
    own = [Task((os.getpid(),), 1024, 1024)]
    meter = CpuMeter()
    meter.utilization(own, 0)
    assert meter.utilization(own, 10) is not None
    assert (memory_utilization(own) or 0) > 0
