"""The clock of a laptop cloud: its minutes can be shorter than those of the machine.

The emulator, its patches and the service's functions share it. It imports only the standard
library, because the processes of the functions have no other module of the laptop cloud.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

MINUTE = 60.0  # seconds
_SETTING = "LAPTOP_CLOCK"  # the environment variable with origin and minute
_BOOTSTRAP = "devops_core.bootstrap"  # the module with the clock of the functions


@dataclass(frozen=True)
class Clock:
    """The time of a laptop cloud.

    `origin` is the time, in seconds since the epoch, at which it equals the time of the machine.
    `minute` is the duration of one of its minutes, in seconds of the machine.
    """

    origin: float = 0.0
    minute: float = MINUTE

    def time(self) -> float:
        """Return the time in seconds since the epoch."""
        return self.at(time.time())

    def at(self, machine: float) -> float:
        """Return the time at a time of the machine, both in seconds since the epoch."""
        return self.origin + (machine - self.origin) * (MINUTE / self.minute)

    def now(self, zone: tzinfo = UTC) -> datetime:
        """Return the time."""
        return datetime.fromtimestamp(self.time(), zone)

    def machine_seconds(self, seconds: float) -> float:
        """Return the duration on the machine of a number of seconds of this clock."""
        return seconds * self.minute / MINUTE

    @property
    def environment(self) -> dict[str, str]:
        """The variable by which other processes receive the clock."""
        return {_SETTING: f"{self.origin!r} {self.minute!r}"}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Clock:
        """Return the clock of the variable; without it the clock of the machine."""
        return cls(*map(float, environment.get(_SETTING, "").split()))


class _AnyDatetime(type):
    """The type of a replacement of `datetime`: all datetimes are its instances."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, datetime)


def replace_time(module: Any, clock: Clock) -> None:
    """Replace the imports `time` and `datetime` of a module, so that it has the time of a clock.

    Only the present time changes. Pauses and `time.monotonic` remain real.
    """

    class LaptopDatetime(datetime, metaclass=_AnyDatetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(clock.time(), tz)

    def gmtime(seconds: float | None = None) -> time.struct_time:
        return time.gmtime(clock.time() if seconds is None else seconds)

    replaced = ModuleType(time.__name__)
    replaced.__dict__.update(vars(time), time=clock.time, gmtime=gmtime)
    for name, imported, replacement in (
        ("time", time, replaced),
        ("datetime", datetime, LaptopDatetime),
    ):
        if getattr(module, name, None) is imported:
            setattr(module, name, replacement)


def replace_function_clock(environment: Mapping[str, str]) -> None:
    """Replace the clock of the service in the process of a function, at its import.

    Its pauses become shorter as well.
    """
    clock = Clock.from_environment(environment)

    class Finder(MetaPathFinder):
        def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
            if fullname != _BOOTSTRAP:
                return None
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec(fullname)
            if spec and spec.loader:
                execute = spec.loader.exec_module

                def exec_module(module: ModuleType) -> None:
                    execute(module)
                    _replace(module, clock)

                spec.loader.exec_module = exec_module  # type: ignore[method-assign]
            return spec

    sys.meta_path.insert(0, Finder())


def _replace(bootstrap: Any, clock: Clock) -> None:
    replace_time(bootstrap, clock)
    wait = bootstrap.SystemClock.wait
    bootstrap.SystemClock.wait = lambda self, seconds: wait(self, clock.machine_seconds(seconds))
