"""Collects the checks and measures of a test, and prints a line for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from devops_cli.failures import CliError
from tools.acceptance.results import Check, Measure, Outcome, Results

_MARKS = {Outcome.PASSED: "✓", Outcome.FAILED: "✗", Outcome.UNCHECKED: "-"}


class StopError(Exception):
    """A step failed, so that the later steps cannot run; the message is the name of the step."""


class Recorder:
    """Records the results of the current step.

    `out` prints a line. `titles` has the title of each step by its name, in order.
    """

    def __init__(
        self, results: Results, titles: dict[str, str], out: Callable[[str], None]
    ) -> None:
        self.results, self._titles, self._out = results, titles, out
        self._step = ""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Record the checks of a step; a failed call of the service is a failed check.

        Raises:
            StopError: a call of the service failed, so the later steps cannot run.

        """
        self._step = name
        number = list(self._titles).index(name) + 1
        self._out(f"[{number:2}/{len(self._titles)}] {self._titles[name]}")
        try:
            yield
        except CliError as error:
            self.failed("the service responds", " ".join([str(error), *error.hints]))
            raise StopError(name) from error

    def check(self, text: str, faults: Iterable[str]) -> bool:
        """Record a check, which passes without faults; return whether it passed."""
        reason = "; ".join(faults)
        self._add(text, Outcome.FAILED if reason else Outcome.PASSED, reason)
        return not reason

    def failed(self, text: str, reason: str) -> None:
        """Record a failed check."""
        self._add(text, Outcome.FAILED, reason)

    def unchecked(self, text: str, reason: str) -> None:
        """Record that a check was not possible."""
        self._add(text, Outcome.UNCHECKED, reason)

    def measure(self, measure: Measure) -> None:
        """Record the durations of the current step."""
        self.results.measures.append(measure)
        shown = {
            "response": measure.response, "switched": measure.switched,
            "first page": measure.first_page, "end": measure.ended,
        }  # fmt: skip
        known = [f"{name} {value:.1f} s" for name, value in shown.items() if value is not None]
        self._out("        " + ", ".join(known))

    def skip_the_rest(self, reason: str) -> None:
        """Record the steps without a check as not run."""
        ran = {each.step for each in self.results.checks}
        for name, title in self._titles.items():
            if name not in ran:
                self._step = name
                self.unchecked(title, reason)

    def _add(self, text: str, outcome: Outcome, reason: str) -> None:
        self.results.checks.append(Check(self._step, text, outcome, reason))
        self._out(f"      {_MARKS[outcome]} {text}" + (f": {reason}" if reason else ""))
