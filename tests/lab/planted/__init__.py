"""Planted bugs, which show that a proof can fail.

A bug is a faulty variant of one function of the product. `python -m tests.proofs.crash --bug NAME`
plants it before the proof runs, in the memory of this process; no file is changed.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

_ROOT = Path(__file__).parents[3]


class OutdatedBugError(BaseException):
    """A bug does not fit the product any more. No handler of errors may hide it."""


@dataclass(frozen=True, slots=True)
class Bug:
    """A mistake that a programmer could make in a function of the product; `why` is its harm.

    `function` is "module:function" or "module:Class.method". `faulty` runs instead, with the
    original function as its first argument. `arguments` select the part of the proof that must
    find the bug.
    """

    function: str
    why: str
    faulty: Callable[..., Any]
    arguments: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the bug: that of its faulty function."""
        return self.faulty.__name__


def planted_in(
    function: str, *, why: str, arguments: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Bug]:
    """Return a decorator that makes a bug of a faulty variant of a function."""
    return lambda faulty: Bug(function, why, faulty, tuple(arguments))


def in_matrix(half: str, stories: Iterable[str], kind: str | None) -> list[str]:
    """Return the arguments that run stories of the crash matrix until their first violation."""
    chosen = [word for story in stories for word in ("--story", story)]
    return [half, "--single", "--stop", *chosen, *(["--kind", kind] if kind else [])]


def bugs_among(values: Iterable[object]) -> tuple[Bug, ...]:
    """Return the bugs among the values of a module, in their order."""
    return tuple(value for value in values if isinstance(value, Bug))


def plant(bug: Bug) -> None:
    """Plant a bug in this process, and in the processes that it forks from now on.

    Raises OutdatedBugError if the function does not exist any more or has other parameters, and
    later in the proof if the faulty function itself has a wrong name or a wrong call.
    """
    function = _found(bug)
    original = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    original.__kwdefaults__ = function.__kwdefaults__
    function.__globals__["_planted_bug"] = partial(_run_bug, bug, original)
    # The function object remains and gets other code. Therefore all references to it have the bug,
    # also imported names and tables of functions (`Kind`, `steps._CALLS`).
    function.__code__ = _call_bug.__code__
    function.__defaults__ = function.__kwdefaults__ = None


def _call_bug(*args: Any, **kwargs: Any) -> Any:
    """Call the planted bug; this code runs with the globals of a module of the product."""
    return globals()["_planted_bug"](*args, **kwargs)


def _run_bug(bug: Bug, original: FunctionType, *args: Any, **kwargs: Any) -> Any:
    """Run a bug; its own wrong names must not count as violations that the proof finds."""
    try:
        return bug.faulty(original, *args, **kwargs)
    except (AttributeError, NameError, TypeError) as error:
        *_, (raising, _) = traceback.walk_tb(error.__traceback__)
        if raising.f_code.co_filename == bug.faulty.__code__.co_filename:
            raise OutdatedBugError(f"adapt the bug {bug.name}: {error!r}") from error
        raise


def _found(bug: Bug) -> FunctionType:
    """Return the function of the product in which a bug is planted."""
    module, _, path = bug.function.partition(":")
    found: Any = import_module(module)
    for name in path.split("."):
        found = vars(found).get(name)
        if found is None:
            raise OutdatedBugError(f"adapt the bug {bug.name}: {bug.function} does not exist")
    expected = list(inspect.signature(bug.faulty).parameters)[1:]
    actual = list(inspect.signature(found).parameters)
    if actual != expected:
        reason = f"{bug.function} has the parameters {actual}"
        raise OutdatedBugError(f"adapt the bug {bug.name}: {reason}")
    assert isinstance(found, FunctionType)
    return found


def run_with_bug(module: str, bug: Bug) -> subprocess.CompletedProcess[str]:
    """Run the part of a proof that must find a bug, with this bug."""
    return run_proof(module, [*bug.arguments, "--bug", bug.name])


def run_proof(module: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a proof in its own process; `module` is its name for `python -m`."""
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", module, *arguments],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
