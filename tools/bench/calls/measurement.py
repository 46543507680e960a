"""Counts and times the contenders, operation by operation, in turns within each round."""

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
from tools.bench.calls.scene import THREE, VERSIONS, Job, Scene, scene

# Seconds that each call takes longer: while they are counted, so that those overlap that go out
# together; and while they are timed, without and with something that stands for the network.
COUNTING = 0.1
DELAYS = (0.0, 0.02)


class Tournament:
    """All contenders on one laptop cloud."""

    def __init__(self, there: Scene) -> None:
        self.scene = there
        self.contenders: Sequence[Contender] = [
            kind(there) for kind in (Ours, Bare, EcsDeploy, AwsCli)
        ]
        self._numbers = count(1)
        self._versions = cycle(VERSIONS)
        # Neither is what the idle slot runs: stage and dev are never given the same version.
        self._sources = cycle((THREE[-1], THREE[0]))
        self._runs: dict[str, str] = dict.fromkeys(THREE, VERSIONS[-1])
        self._made: dict[str, list[str]] = {each.name: [] for each in self.contenders}

    def prepare(self) -> None:
        """Create an application for each, all environments of which run a first version."""
        for each in self.contenders:
            self.scene.create(each.name)
            body = {"applicationName": each.name, "environment": THREE, "version": VERSIONS[-1]}
            self.scene.succeed(self.scene.post("/stacks/deploy", body))
            promotion = {"applicationName": each.name}
            self.scene.succeed(self.scene.post("/stacks/deploytoprodBlue", promotion))

    def counted(self, operation: str) -> dict[str, Any]:
        """Let each do an operation once and return its calls and their depth, by contender."""
        found = {}
        able = self._able(operation)
        jobs = self._jobs(operation, able)
        for each in able:
            job = jobs[each.name]
            with self.scene.proxy.noted(COUNTING) as calls:
                answer = self._over_http(each, operation, job)
            each.settle(operation, job, answer)
            each.end()
            found[each.name] = {"calls": len(calls), "depth": depth(calls), "names": _names(calls)}
        return found

    def timed(self, operation: str, delay: float, turn: int) -> dict[str, dict[str, float]]:
        """Let each do an operation cold and warm; return milliseconds by contender and mode."""
        able = self._able(operation)
        first = turn % len(able)
        in_turns = [*able[first:], *able[:first]]
        times: dict[str, dict[str, float]] = {each.name: {} for each in able}
        for mode in ("cold", "warm"):
            those = [each for each in in_turns if mode == "cold" or each.lives_on]
            jobs = self._jobs(operation, those)
            begun = []
            for each in those:
                with self.scene.proxy.noted(delay):
                    start = time.perf_counter()
                    answer = getattr(each, mode)(operation, jobs[each.name])
                    times[each.name][mode] = (time.perf_counter() - start) * 1000
                begun.append((each, answer))
            for each, answer in begun:
                each.settle(operation, jobs[each.name], answer)
        for each in able:
            each.end()
        return times

    def _able(self, operation: str) -> list[Contender]:
        return [each for each in self.contenders if operation in each.operations]

    def _over_http(self, contender: Contender, operation: str, job: Job) -> Any:
        """Do an operation, this service's through API Gateway and Lambda."""
        if isinstance(contender, Ours):
            return self.scene.call(*request(operation, job))
        return contender.cold(operation, job)

    def _jobs(self, operation: str, those: Sequence[Contender]) -> dict[str, dict[str, Any]]:
        """Return what each does next; a version is always another than the one that runs."""
        services = THREE if operation == "deploy three" else THREE[:1]
        if operation.startswith("deploy"):
            self._runs |= dict.fromkeys(services, next(self._versions))
        source = next(self._sources) if operation == "promote" else THREE[0]
        job = {"services": services, "source": source, "version": self._runs[source]}
        return {each.name: self._job(each, operation) | job for each in those}

    def _job(self, contender: Contender, operation: str) -> dict[str, Any]:
        made = self._made[contender.name]
        if operation == "create":
            made.append(f"{contender.name}{next(self._numbers)}")
            return {"application": made[-1]} | self.scene.stack(made[-1], like=contender.name)
        if operation == "delete":
            return {"application": made.pop()}
        return self.scene.known(contender.name)


def measure(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Return what docs/performance.json has of calls and times; `say` tells how far it is."""
    with scene() as there:
        tournament = Tournament(there)
        say("counting calls ...")
        tournament.prepare()
        counted = {operation: tournament.counted(operation) for operation in OPERATIONS}
        times: dict[str, Any] = {}
        for delay in DELAYS:
            noted: list[dict[str, Any]] = []
            for turn in range(rounds):
                say(f"timing, {delay * 1000:.0f} ms added to each call, round {turn + 1} ...")
                each = {name: tournament.timed(name, delay, turn) for name in OPERATIONS}
                noted.append(each)
            times[f"{delay * 1000:.0f}"] = {name: _summary(noted, name) for name in OPERATIONS}
        return {"calls": counted, "times": times, "rounds": rounds}


def _summary(rounds: Sequence[dict[str, Any]], operation: str) -> dict[str, Any]:
    """Return medians in ms, and medians of this service's share of another's time."""
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
