"""Accounts with scaling: the starting points of stories about scalable targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.lab.client import Client
from tests.lab.fakes import FakeCloud
from tests.lab.memory.accounts import Prepare, configured, empty

SCALING: Mapping[str, Any] = {"min": 2, "max": 5, "cpuPercent": 60, "requestsPerTarget": 100}
# Patches of the specification.
SCALE_DEV: Mapping[str, Any] = {"overrides": {"dev": {"scaling": SCALING}}}
RELEASE_AND_SCALE_DEV: Mapping[str, Any] = {
    "overrides": {"dev": {"scaling": SCALING, "environment": {"LEVEL": "debug"}}}
}
COUNT_DEV: Mapping[str, Any] = {"overrides": {"dev": {"scaling": None, "desiredCount": 3}}}
SCALE_PRODUCTION: Mapping[str, Any] = {"overrides": {"prod": {"scaling": SCALING}}}
# The tasks of a service under load.
_LOAD = 4
_TESTS = ("dev", "qa", "stage")


def scaled(cloud: FakeCloud, api: Client) -> None:
    """Create the shop with scaling in dev, which has scaled out."""
    configured(cloud, api)
    api.finished(api.patch(SCALE_DEV))
    load(cloud, "dev")


def releases(cloud: FakeCloud, api: Client) -> None:
    """Create a shop with scaling in all environments; 1.0 is live, 2.0 is promoted."""
    empty(cloud, api)
    api.finished(api.create(environments={"nonProd": [*_TESTS]}, service={"scaling": SCALING}))
    for version in ("1.0", "2.0"):
        api.finished(api.deploy(version, *_TESTS))
        api.finished(api.promote())
        if version == "1.0":
            assert api.swap().status == 200


def busy(cloud: FakeCloud, api: Client) -> None:
    """Scale the live slot out, so that a swap must raise the minimum of the idle one."""
    releases(cloud, api)
    load(cloud, "prod-2")


def swapped(cloud: FakeCloud, api: Client) -> None:
    """Swap a busy shop, so that the next swap can return to a slot without scale-in."""
    busy(cloud, api)
    assert api.swap().status in (200, 202)
    api.settle()


def swapping(cloud: FakeCloud, api: Client) -> None:
    """Accept a swap of a busy shop whose idle slot does not become ready."""
    busy(cloud, api)
    cloud.containers.automatic = False
    api.swap()
    cloud.containers.service("Shop", "prod-1").sick = True
    cloud.containers.automatic = True


def refusing(prepare: Prepare) -> Prepare:
    """Return an account whose quota of scalable targets is used up."""

    def prepared(cloud: FakeCloud, api: Client) -> None:
        prepare(cloud, api)
        cloud.scaling.quota = 0

    return prepared


def target_by_hand(cloud: FakeCloud, api: Client) -> None:
    """Change the limits of a scalable target by hand, long enough ago for the drift check."""
    scaled(cloud, api)
    target = cloud.scaling.targets_["Shop", "dev"]
    target.limits = target.limits._replace(minimum=1)
    cloud.clock.pass_(minutes=10)


def load(cloud: FakeCloud, service: str) -> None:
    """Let a service scale out to the tasks of its load."""
    assert cloud.scaling.follow_load("Shop", service, _LOAD) == _LOAD
    cloud.containers.advance("Shop", service)
