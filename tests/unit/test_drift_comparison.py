"""Comparison of the inventory with AWS: the corrected rows and the reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devops_core.drift import comparison
from devops_core.drift.comparison import Finding, find_drift
from devops_core.model.inventory import Application, Inventory, Row, RowStatus, Service
from devops_core.model.listeners import Listener, ListenerRules
from devops_core.model.observed import Deployment, Observed, RunningService, Stack
from devops_core.naming import Environment
from tests.lab.builders import BEFORE, NOW, deployment, observed, production, service, slot, stack

DEV, GREEN, BLUE = Environment.DEV, Environment.PROD_GREEN, Environment.PROD_BLUE
DIGEST = f"sha256:{'a' * 64}"
APPLICATION = Application(name="MyApp", technical_team="payments")
NO_SERVICE = "the ECS service does not exist: delete the application and create it again"


def recorded_service(name: str, **changes: Any) -> Service:
    """Return a service of the inventory, which has the task definition "td"."""
    usual = Service(
        name=name,
        arn=name,
        target_group=name,
        container="app",
        task_definition="td",
        blueprint=blueprint("repo:1.0"),
        image="repo:1.0",
        version="1.0",
        deployed_at=BEFORE,
        deployed_by="someone",
    )
    return replace(usual, **changes)


def row(environment: Environment, of: Service | None, **changes: Any) -> Row:
    usual = Row(
        application=APPLICATION, environment=environment, status=RowStatus.ACTIVE, service=of
    )
    return replace(usual, **changes)


def inventory(**changes: Any) -> Inventory:
    """Return dev and production; `changes` are members of the service in dev."""
    rows = {
        DEV: row(DEV, recorded_service("dev", **changes)),
        GREEN: row(GREEN, recorded_service("prod-1")),
        BLUE: row(BLUE, recorded_service("prod-2")),
    }
    return Inventory(rows)


def blueprint(image: str) -> dict[str, Any]:
    """Return a task definition with one container."""
    return {"family": "MyApp-dev", "containerDefinitions": [{"name": "app", "image": image}]}


def undrifted(*services: RunningService, **changes: Any) -> Observed:
    """Return AWS as the inventory describes it, except for `services` and `changes`."""
    usual = production("prod-1", test="prod-2", stack=stack())
    seen = {"dev": service(deployment("td")), **usual.services}
    named = {each.name: each for each in services}
    return replace(usual, services=seen | named, **{"listeners": both_listeners(), **changes})


def both_listeners(**production: Any) -> dict[Listener, ListenerRules]:
    """Return the rules of both listeners, with changes to those of production."""
    usual = ListenerRules(forwards=True)
    return {Listener.PRODUCTION: usual._replace(**production), Listener.TEST: usual}


def foreign_release(image: str = "repo:2.0", name: str = "dev", **changes: Any) -> Observed:
    """Return AWS after another party deployed an image to a service."""
    changed = service(deployment("foreign", updated_at=NOW), name=name)
    return undrifted(changed, blueprints={name: blueprint(image)}, **changes)


def test_no_difference_is_no_finding() -> None:
    assert find_drift(inventory(), undrifted()) == Finding()


SETTLED: list[tuple[str, dict[str, Any], bool]] = [
    ("changed two minutes ago", {"updated_at": NOW - timedelta(minutes=2)}, True),
    ("changed just now", {"updated_at": NOW - timedelta(minutes=2) + timedelta(seconds=1)}, False),
    ("without a time", {"updated_at": None}, True),
    ("held by an operation", {"claim": "an operation"}, False),
    ("not complete", {"status": RowStatus.CREATING}, False),
]


@pytest.mark.parametrize(
    ("changes", "settled"), [case[1:] for case in SETTLED], ids=[case[0] for case in SETTLED]
)
def test_an_application_is_settled_if_all_its_rows_are(
    changes: dict[str, Any], settled: bool
) -> None:
    rows = inventory().rows
    changed = Inventory({**rows, BLUE: replace(rows[BLUE], **changes)})
    assert comparison.settled(changed, NOW) is settled


def test_an_inventory_without_rows_is_not_settled() -> None:
    assert not comparison.settled(Inventory({}), NOW)


DEPLOYMENTS: list[tuple[str, RunningService | None, bool]] = [
    ("another task definition", service(deployment("foreign")), True),
    ("the task definition of the inventory", service(deployment("td")), False),
    ("in progress", service(deployment("foreign", "IN_PROGRESS")), False),
    ("of an inactive service", service(deployment("foreign"), active=False), False),
    ("no deployment", service(), False),
    ("no service", None, False),
]


@pytest.mark.parametrize(
    ("running", "foreign"),
    [case[1:] for case in DEPLOYMENTS],
    ids=[case[0] for case in DEPLOYMENTS],
)
def test_a_foreign_deployment_is_complete_and_has_another_task_definition(
    running: RunningService | None, foreign: bool
) -> None:
    seen = observed(running) if running else observed()
    found = comparison.complete_outside_deployment(recorded_service("dev"), seen)
    assert isinstance(found, Deployment) is foreign
    assert found is None or found.task_definition == "foreign"


@pytest.mark.parametrize("deleted", [None, stack("DELETE_COMPLETE")], ids=["missing", "deleted"])
def test_without_its_stack_all_rows_are_unusable(deleted: Stack | None) -> None:
    finding = find_drift(inventory(), foreign_release(stack=deleted, production="prod-2"))
    assert [each.status for each in finding.rows] == [RowStatus.STACK_DELETED] * 3
    assert finding.reasons == ("the application's stack was deleted outside of this service",)


def test_a_stack_in_deletion_is_no_finding_yet() -> None:
    seen = foreign_release(stack=stack("DELETE_IN_PROGRESS"))
    assert find_drift(inventory(), seen) == Finding()


def test_a_foreign_update_of_the_stack_does_not_hide_drift() -> None:
    seen = foreign_release(stack=stack("UPDATE_COMPLETE"))
    assert len(find_drift(inventory(), seen).rows) == 1


def test_the_rows_of_production_follow_the_listener() -> None:
    finding = find_drift(inventory(), undrifted(production="prod-2", test="prod-1"))
    green, blue = sorted(finding.rows, key=lambda each: each.environment, reverse=True)
    now_live = recorded_service("prod-2", was_live=True)
    assert (green.environment, green.service) == (GREEN, now_live)
    before = recorded_service("prod-1", live_definition="td")
    assert (blue.environment, blue.service) == (BLUE, before)
    assert finding.reasons == (
        "the production listener forwards to prod-2; the inventory had prod-1",
    )


@pytest.mark.parametrize("role", [GREEN, BLUE])
def test_rows_do_not_follow_the_listener_if_one_has_no_service(role: Environment) -> None:
    rows = inventory().rows
    half = Inventory({**rows, role: replace(rows[role], service=None)})
    finding = find_drift(half, undrifted(production="prod-2", test="prod-1"))
    assert [(each.environment, each.service) for each in finding.rows] == [(role, None)]
    assert finding.reasons == (f"{role}: {NO_SERVICE}",)


IMAGES: list[tuple[str, str, str, str | None]] = [
    ("the tag", "repo:2.0", "2.0", None),
    ("the start of the digest", f"repo@{DIGEST}", "a" * 12, DIGEST),
    ("the tag beside a digest", f"repo:2.0@{DIGEST}", "2.0", DIGEST),
    ("latest", "repo", "latest", None),
    ("the text of an invalid image", "no image", "no image", None),
]


@pytest.mark.parametrize(
    ("image", "version", "digest"), [case[1:] for case in IMAGES], ids=[case[0] for case in IMAGES]
)
def test_a_row_follows_a_foreign_release_with_the_version(
    image: str, version: str, digest: str | None
) -> None:
    finding = find_drift(inventory(), foreign_release(image))
    changed = recorded_service(
        "dev",
        task_definition="foreign",
        blueprint=blueprint(image),
        image=image,
        digest=digest,
        version=version,
        deployed_at=NOW,
        deployed_by=None,
    )
    assert finding.rows == (row(DEV, changed),)
    assert finding.reasons == (f"DEV runs {version} ({image}); the inventory had 1.0",)


def test_the_reason_names_the_first_image_if_the_row_has_no_version() -> None:
    finding = find_drift(inventory(version=None), foreign_release())
    assert finding.reasons == ("DEV runs 2.0 (repo:2.0); the inventory had the first image",)


DIGESTS: list[tuple[str, dict[str, Any], str]] = [
    ("same digest", {"version": "0.9", "digest": DIGEST}, "0.9"),
    ("other digest", {"version": "0.9", "digest": f"sha256:{'b' * 64}"}, "a" * 12),
    ("same digest without a version", {"version": None, "digest": DIGEST}, "a" * 12),
]


@pytest.mark.parametrize(
    ("elsewhere", "version"), [case[1:] for case in DIGESTS], ids=[case[0] for case in DIGESTS]
)
def test_a_digest_has_the_version_that_another_row_has_for_it(
    elsewhere: dict[str, Any], version: str
) -> None:
    rows = inventory().rows
    known = Inventory({**rows, BLUE: row(BLUE, recorded_service("prod-2", **elsewhere))})
    finding = find_drift(known, foreign_release(f"repo@{DIGEST}"))
    assert [each.service and each.service.version for each in finding.rows] == [version]


def test_an_image_without_a_digest_does_not_match_a_row_without_a_digest() -> None:
    finding = find_drift(inventory(digest=None), foreign_release("repo"))
    assert [each.service and each.service.version for each in finding.rows] == ["latest"]


def test_rows_after_an_unchanged_one_follow_their_release_too() -> None:
    finding = find_drift(inventory(), foreign_release(name="prod-2"))
    assert [each.environment for each in finding.rows] == [BLUE]


DRIFT: list[tuple[str, Observed, Environment, str]] = [
    ("an inactive service", undrifted(service(active=False)), DEV, NO_SERVICE),
    ("a missing service",
     replace(undrifted(), services={**undrifted().services, "dev": None}), DEV, NO_SERVICE),
    ("a production listener that forwards elsewhere", undrifted(production=None, test="prod-2"),
     GREEN,
     "the production listener does not forward to exactly one of the slots prod-1 and prod-2:"
     " forward it to one of their target groups"),
    ("a test listener that forwards to the live slot", undrifted(test="prod-1"), BLUE,
     "the test listener does not forward to prod-2: the next swap corrects it"),
    ("a deleted production listener",
     undrifted(production=None, listeners={Listener.TEST: ListenerRules(forwards=True)}), GREEN,
     "the production listener does not exist: delete the application and create it again"),
    ("a deleted test listener",
     undrifted(test=None, listeners={Listener.PRODUCTION: ListenerRules(forwards=True)}), BLUE,
     "the test listener does not exist: delete the application and create it again"),
    ("group stickiness",
     undrifted(listeners=both_listeners(sticky=True)), GREEN,
     "the production listener has group stickiness, which keeps clients on the other release:"
     " turn it off"),
    ("a rule that forwards to a slot",
     undrifted(listeners=both_listeners(others={"10": ["prod-1"], "20": ["elsewhere"]})), GREEN,
     "rule 10 of the production listener forwards to prod-1, and no swap changes it: delete this"
     " rule"),
    ("an inactive live slot", undrifted(slot("prod-1", active=False)), GREEN, NO_SERVICE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "environment", "drift"), [case[1:] for case in DRIFT], ids=[case[0] for case in DRIFT]
)
def test_a_row_describes_drift_that_it_cannot_follow_until_the_drift_ends(
    seen: Observed, environment: Environment, drift: str
) -> None:
    finding = find_drift(inventory(), seen)
    assert [(each.environment, each.drift) for each in finding.rows] == [(environment, drift)]
    assert finding.reasons == (f"{environment}: {drift}",)
    drifted = Inventory({**inventory().rows, environment: finding.rows[0]})
    assert find_drift(drifted, seen) == Finding()
    ended = find_drift(drifted, undrifted())
    assert ended.rows == (inventory().rows[environment],)
    assert ended.reasons == (f"{environment}: the drift has ended",)


def test_unchanged_drift_of_one_row_does_not_hide_new_drift_of_the_next() -> None:
    rows = inventory().rows
    drifted = Inventory({**rows, DEV: replace(rows[DEV], drift=NO_SERVICE)})
    both = undrifted(service(active=False), slot("prod-2", active=False), test="prod-2")
    assert find_drift(drifted, both).reasons == (f"PROD-BLUE: {NO_SERVICE}",)
