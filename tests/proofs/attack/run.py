"""Sends the calls of a seed and stops at the first finding."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.proofs.attack.calls import Call, calls
from tests.proofs.attack.checks import Changes, Leaks, Logs, json_of
from tests.proofs.attack.installation import Installation
from tests.proofs.attack.sender import Exchange, Sender

# The state is compared after each accepted write, and otherwise after this number of calls.
STATE_INTERVAL = 10
LOG_INTERVAL = 100


@dataclass(frozen=True)
class Finding:
    """A problem and the calls since the last comparison, the last one first."""

    check: str
    problem: str
    exchanges: tuple[Exchange, ...]

    def __str__(self) -> str:
        """Return the problem with its calls as command lines."""
        lines = "\n".join(str(each) for each in self.exchanges)
        return f"{self.check}: {self.problem}\n{lines}"


@dataclass
class Report:
    """The findings of a run, and the number of calls by attack and status."""

    findings: list[Finding] = field(default_factory=list)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    calls: int = 0
    seconds: float = 0.0


def attack(
    made: Installation, seed: int, count: int, *, keep_going: bool = False, first: int = 1
) -> Report:
    """Send the calls of a seed from the number `first` and check the effects."""
    run = _Run(made, keep_going=keep_going)
    started = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        for batch in _batches(call for call in calls(seed, count) if call.number >= first):
            if not run.step(list(pool.map(run.send, batch))):
                break
        else:
            run.finish()
    run.report.seconds = time.monotonic() - started
    return run.report


def _batches(found: Iterator[Call]) -> Iterator[list[Call]]:
    """Yield the calls; those to be sent at the same time are in one batch."""
    batch: list[Call] = []
    for call in found:
        batch.append(call)
        if not call.together or len(batch) == 2:
            yield batch
            batch = []
    if batch:
        yield batch


class _Run:
    def __init__(self, made: Installation, *, keep_going: bool) -> None:
        self._made = made
        self._keep_going = keep_going
        self._sender = Sender(made.api.cloud, made.credentials, made.known)
        self._changes, self._leaks = Changes(made), Leaks(made)
        self._logs = Logs(made, self._changes.log_items())
        self._recent: list[Exchange] = []
        # The calls since the last check of the logs, the newest first.
        self._unlogged: list[Exchange] = []
        self.report = Report()

    @property
    def send(self) -> Callable[[Call], Exchange]:
        """The function that sends a call."""
        return self._sender.send

    def step(self, exchanges: Sequence[Exchange]) -> bool:
        """Check the responses of a batch, and the state and the logs when due."""
        accepted = False
        for exchange in exchanges:
            self.report.calls += 1
            self.report.statuses[exchange.call.attack.partition(",")[0], exchange.status] += 1
            self._recent.insert(0, exchange)
            self._unlogged.insert(0, exchange)
            self._keep_token(exchange)
            accepted |= self._changes.accept(exchange)
            self._logs.add(exchange, self._changes.state.teams)
        if accepted or len(self._recent) >= STATE_INTERVAL:
            self._advance()
            self._found("forbidden change", self._changes.problems())
        for exchange in exchanges:
            rows = self._changes.state.rows
            self._found("leak", self._leaks.problems(exchange, rows), exchange)
            if exchange.status >= 500:
                self._found("fault", [_response_of(exchange)], exchange)
        if accepted or len(self._recent) >= STATE_INTERVAL:
            self._recent.clear()
        if len(self._unlogged) >= LOG_INTERVAL:
            self._check_logs()
        return self._keep_going or not self.report.findings

    def finish(self) -> None:
        """Check the state and the logs at the end."""
        self._advance()
        self._found("forbidden change", self._changes.problems())
        self._check_logs()

    def _check_logs(self) -> None:
        problems = self._logs.problems(self._changes.log_items())
        self._found("incomplete log", problems, *self._unlogged[:STATE_INTERVAL])
        self._unlogged.clear()

    def _advance(self) -> None:
        """Read the operations in progress, which advances them."""
        for identifier in self._changes.state.open:
            name = self._changes.state.operations[identifier]["applicationName"]
            self._made.api.call("GET", f"/stacks/{name}/operations/{identifier}")

    def _keep_token(self, exchange: Exchange) -> None:
        token = json_of(exchange.content).get("nextToken")
        if isinstance(token, str) and token.isascii():
            self._made.known.tokens.append(token)

    def _found(self, check: str, problems: Sequence[str], *of: Exchange) -> None:
        exchanges = of or tuple(self._recent)
        self.report.findings += [Finding(check, problem, exchanges) for problem in problems]


def _response_of(exchange: Exchange) -> str:
    """Return the start of a response for a report."""
    content = exchange.content[:500].decode("utf-8", "backslashreplace")
    return f"the response is {exchange.status} {content}"
