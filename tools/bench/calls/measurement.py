"""Counts and times the calls of the contenders, operation by operation, in rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count, cycle
from statistics import median
from typing import Any

from tools.bench.calls.call import Call, depth
from tools.bench.calls.contenders import (
    OPERATIONS,
    AwsCli,
    Bare,
    Contender,
    EcsDeploy,
    Ours,
    request,
)
from tools.bench.calls.testbed import THREE, VERSIONS, Job, Testbed, testbed

# Seconds by which the proxy delays each call. While calls are counted, the delay makes concurrent
# calls overlap. Times are measured without a delay, and with a delay that represents the network.
COUNTING = 0.1
DELAYS = (0.0, 0.02)


class Comparison:
    """All contenders on one laptop cloud."""

    def __init__(self, bed: Testbed) -> None:
        self.testbed = bed
        self.contenders: Sequence[Contender] = [
            kind(bed) for kind in (Ours, Bare, EcsDeploy, AwsCli)
        ]
        self._numbers = count(1)
        self._versions = cycle(VERSIONS)
        # The source must not have the version of the idle slot: stage and dev never have the same.
        self._sources = cycle((THREE[-1], THREE[0]))
        self._runs: dict[str, str] = dict.fromkeys(THREE, VERSIONS[-1])
        self._made: dict[str, list[str]] = {each.name: [] for each in self.contenders}

    def prepare(self) -> None:
        """Create an application for each contender, with a first version in all environments."""
        for each in self.contenders:
            self.testbed.create(each.name)
            body = {"applicationName": each.name, "environment": THREE, "version": VERSIONS[-1]}
            self.testbed.succeed(self.testbed.post("/stacks/deploy", body))
            promotion = {"applicationName": each.name}
            self.testbed.succeed(self.testbed.post("/stacks/deploytoprodBlue", promotion))

    def count_calls(self, operation: str) -> dict[str, Any]:
        """Run an operation once with each contender; return number and depth of its calls."""
        found = {}
        contenders = self._contenders_for(operation)
        jobs = self._jobs(operation, contenders)
        for each in contenders:
            job = jobs[each.name]
            with self.testbed.proxy.recorded(COUNTING) as calls:
                result = self._over_http(each, operation, job)
            each.wait_until_complete(operation, job, result)
            each.end()
            found[each.name] = {"calls": len(calls), "depth": depth(calls), "names": _names(calls)}
        return found

    def measure_times(self, operation: str, delay: float, turn: int) -> dict[str, dict[str, float]]:
        """Run an operation cold and warm with each contender; return ms by contender and mode.

        `turn` rotates the order of the contenders.
        """
        contenders = self._contenders_for(operation)
        first = turn % len(contenders)
        ordered = [*contenders[first:], *contenders[:first]]
        times: dict[str, dict[str, float]] = {each.name: {} for each in contenders}
        for mode in ("cold", "warm"):
            selected = [each for each in ordered if mode == "cold" or each.persistent]
            jobs = self._jobs(operation, selected)
            begun = []
            for each in selected:
                with self.testbed.proxy.recorded(delay):
                    start = time.perf_counter()
                    result = getattr(each, mode)(operation, jobs[each.name])
                    times[each.name][mode] = (time.perf_counter() - start) * 1000
                begun.append((each, result))
            for each, result in begun:
                each.wait_until_complete(operation, jobs[each.name], result)
        for each in contenders:
            each.end()
        return times

    def _contenders_for(self, operation: str) -> list[Contender]:
        return [each for each in self.contenders if operation in each.operations]

    def _over_http(self, contender: Contender, operation: str, job: Job) -> Any:
        """Run an operation; this service is called through API Gateway and Lambda."""
        if isinstance(contender, Ours):
            return self.testbed.call(*request(operation, job))
        return contender.cold(operation, job)

    def _jobs(self, operation: str, contenders: Sequence[Contender]) -> dict[str, dict[str, Any]]:
        """Return the next job of each contender; the version differs from the running one."""
        services = THREE if operation == "deploy three" else THREE[:1]
        if operation.startswith("deploy"):
            self._runs |= dict.fromkeys(services, next(self._versions))
        source = next(self._sources) if operation == "promote" else THREE[0]
        job = {"services": services, "source": source, "version": self._runs[source]}
        return {each.name: self._job(each, operation) | job for each in contenders}

    def _job(self, contender: Contender, operation: str) -> dict[str, Any]:
        made = self._made[contender.name]
        if operation == "create":
            made.append(f"{contender.name}{next(self._numbers)}")
            return {"application": made[-1]} | self.testbed.stack(made[-1], like=contender.name)
        if operation == "delete":
            return {"application": made.pop()}
        return self.testbed.script_inputs(contender.name)


def measure(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the sections `calls` and `times` of docs/performance.json; `say` receives progress."""
    with testbed() as bed:
        comparison = Comparison(bed)
        say("counting calls ...")
        comparison.prepare()
        counted = {operation: comparison.count_calls(operation) for operation in OPERATIONS}
        times: dict[str, Any] = {}
        for delay in DELAYS:
            noted: list[dict[str, Any]] = []
            for turn in range(rounds):
                say(f"timing, {delay * 1000:.0f} ms added to each call, round {turn + 1} ...")
                each = {name: comparison.measure_times(name, delay, turn) for name in OPERATIONS}
                noted.append(each)
            times[f"{delay * 1000:.0f}"] = {name: _summary(noted, name) for name in OPERATIONS}
        return {"calls": counted, "times": times, "rounds": rounds}


def _summary(rounds: Sequence[dict[str, Any]], operation: str) -> dict[str, Any]:
    """Return median times in ms, and the median ratios of this service's time to the others'."""
    found: dict[str, Any] = {}
    for name, modes in rounds[0][operation].items():
        for mode in modes:
            pairs = [(each[operation][Ours.name][mode], each[operation][name][mode])
                     for each in rounds]  # fmt: skip
            cell = found.setdefault(name, {})
            cell[mode] = round(median(theirs for _, theirs in pairs))
            if name != Ours.name:
                cell[f"{mode} ratio"] = round(median(ours / theirs for ours, theirs in pairs), 2)
    return found


def _names(calls: Sequence[Call]) -> list[str]:
    return [call.operation for call in calls]
