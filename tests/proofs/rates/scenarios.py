"""The scenarios: applications, and the writes that their callers send at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.lab.client import Client
from tests.lab.fakes import FakeCloud
from tests.proofs.rates.simulation import Caller, Simulation

THREE = ("dev", "qa", "stage")
_SETTINGS = {"environment": {"LEVEL": "info"}, "desiredCount": 2}


@dataclass(frozen=True, slots=True)
class Scenario:
    """`run` starts a number of operations; each changes task definitions `changes` times."""

    run: Callable[[int, int], Simulation]
    changes: int


def _names(count: int) -> list[str]:
    return [f"app-{number}" for number in range(count)]


def _existing(cloud: FakeCloud, api: Client, *, names: list[str]) -> None:
    """Create applications with 1.0 in all environments, so that 2.0 replaces its registration."""
    for name in names:
        api.create(name, environments={"nonProd": [*THREE]})
        for version in ("1.0", "2.0"):
            cloud.push(version, application=name)
    api.settle()
    for name in names:
        api.deploy("1.0", *THREE, application=name)
    api.settle()


def _deploys(
    count: int,
    seed: int,
    *,
    environments: tuple[str, ...] = THREE[:1],
    waits: bool = True,
    pause: float | None = 0.0,
) -> Simulation:
    names = _names(count)
    simulation = Simulation(partial(_existing, names=names), seed)
    body = {"environment": [*environments], "version": "2.0"}
    simulation.run(
        [
            Caller(name, "/stacks/deploy", {"applicationName": name, **body}, waits, pause)
            for name in names
        ]
    )
    return simulation


def _creates(count: int, seed: int) -> Simulation:
    """Create applications with all environments, so with seven services, and with settings."""
    simulation = Simulation(lambda _cloud, _api: None, seed)
    members = {
        "email": "team@example.com",
        "tags": {"technicalTeam": "payments"},
        "environments": {"nonProd": [*THREE], "training": True, "da": True},
        "service": _SETTINGS,
    }
    simulation.run(
        [Caller(name, "/stacks", {"applicationName": name, **members}) for name in _names(count)]
    )
    return simulation


# A deploy registers a task definition for each environment, and deregisters the previous one.
SCENARIOS: Mapping[str, Scenario] = {
    "deploys of one environment": Scenario(_deploys, 2),
    "deploys of three environments": Scenario(partial(_deploys, environments=THREE), 6),
    "deploys that only the schedule continues": Scenario(
        partial(_deploys, waits=False, pause=60.0), 2
    ),
    "deploys that the command line follows": Scenario(
        partial(_deploys, waits=False, pause=None), 2
    ),
    "creates of seven services": Scenario(_creates, 7),
}
