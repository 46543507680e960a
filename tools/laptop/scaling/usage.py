"""The CPU and the memory that the tasks of a service use, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_UNITS = 1024  # CPU units of a vCPU
_MIB = 2**20


@dataclass(frozen=True)
class Task:
    """A running task: its processes, and its size in CPU units and MiB; 0 if it has no size."""

    pids: tuple[int, ...]
    cpu: int
    memory: int


class CpuMeter:
    """Measures the CPU of a service between two calls."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._seconds: dict[int, float] = {}
        self._at = 0.0

    def utilization(self, tasks: Iterable[Task], now: float) -> float | None:
        """Return the used percentage of the CPU units since the last call, at `now` in seconds.

        Tasks without a size and tasks that have started since do not count. None without a task.
        """
        before, elapsed = self._seconds, now - self._at
        sized = [task for task in tasks if task.cpu]
        self._seconds = {pid: s for t in sized for pid, s in self._measured(t).items()}
        self._at = now
        known = self._seconds.keys() & before.keys()
        measured = [task for task in sized if task.pids and known.issuperset(task.pids)]
        used = sum(self._seconds[pid] - before[pid] for task in measured for pid in task.pids)
        size = sum(task.cpu for task in measured) / _UNITS * elapsed
        return 100 * used / size if size > 0 else None

    def _measured(self, task: Task) -> dict[int, float]:
        read = {pid: _cpu_seconds(self._proc / str(pid)) for pid in task.pids}
        return {pid: seconds for pid, seconds in read.items() if seconds is not None}


def memory_utilization(tasks: Iterable[Task], proc: Path = Path("/proc")) -> float | None:
    """Return the used percentage of the memory of tasks with a size; None without one."""
    sized = [task for task in tasks if task.memory]
    used = [size for t in sized for pid in t.pids if (size := _memory(proc / str(pid))) is not None]
    return 100 * sum(used) / (sum(task.memory for task in sized) * _MIB) if used else None


def _cpu_seconds(process: Path) -> float | None:
    """Return the user and system time of a process (proc(5), fields 14 and 15 of stat)."""
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # the process has ended, or /proc does not exist
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: Path) -> int | None:
    """Return the resident memory of a process in bytes (proc(5), field 2 of statm)."""
    try:
        return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
