"""Inventory against what was seen of a settled application: what changes, and the words for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devops_core.model.inventory import Application, Inventory, Row, RowStatus, Service
from devops_core.model.observed import Deployment, Observed, RunningService
from devops_core.naming import Environment
from tests.unit.builders import BEFORE, NOW, deployment, observed, production, service, slot, stack

DEV, GREEN, BLUE = Environment.DEV, Environment.PROD_GREEN, Environment.PROD_BLUE
DIGEST = f"sha256:{'a' * 64}"
SHOP = Application(name="MyApp", technical_team="payments", email="team@example.com")
GONE = "its ECS service does not exist: delete the application and create it again"


def known(name: str, **changes: Any) -> Service:
    """Return a service as inventory knows it: at rest with the task definition "td"."""
    usual = Service(
        name=name,
        arn=name,
        target_group=name,
        task_definition="td",
        blueprint=blueprint("repo:1.0"),
        image="repo:1.0",
        version="1.0",
        deployed_at=BEFORE,
        deployed_by="someone",
    )
    return replace(usual, **changes)


def row(environment: Environment, of: Service | None, **changes: Any) -> Row:
    usual = Row(application=SHOP, environment=environment, status=RowStatus.ACTIVE, service=of)
    return replace(usual, **changes)


def inventory(**changes: Any) -> Inventory:
    """Return dev and production; `changes` are made in the service in dev."""
    rows = {
        DEV: row(DEV, known("dev", **changes)),
        GREEN: row(GREEN, known("prod-1")),
        BLUE: row(BLUE, known("prod-2")),
    }
    return Inventory(rows)


def blueprint(image: str) -> dict[str, Any]:
    """Return a task definition of one container."""
    return {"containerDefinitions": [{"image": image}]}


def at_rest(*services: RunningService, **changes: Any) -> Observed:
    """Return everything as `inventory` says it is, but for these services and changes."""
    usual = production("prod-1", test="prod-2", stack=stack())
    seen = {"dev": service(deployment("td")), **usual.services}
    return replace(usual, services=seen | {each.name: each for each in services}, **changes)


def by_hand(image: str = "repo:2.0", name: str = "dev", **changes: Any) -> Observed:
    """Return a service that somebody gave another task definition."""
    there = service(deployment("theirs", updated_at=NOW), name=name)
    return at_rest(there, blueprints={name: blueprint(image)}, **changes)


def test_what_is_as_inventory_says_is_no_finding() -> None:
    assert drift.find(inventory(), at_rest()) == drift.Finding()


SETTLED: list[tuple[str, dict[str, Any], bool]] = [
    ("long ago", {"updated_at": NOW - timedelta(minutes=2)}, True),
    ("just now", {"updated_at": NOW - timedelta(minutes=2) + timedelta(seconds=1)}, False),
    ("nobody knows when", {"updated_at": None}, True),
    ("held", {"claim": "an operation"}, False),
    ("not complete", {"status": RowStatus.CREATING}, False),
]


@pytest.mark.parametrize(
    ("changes", "settled"), [case[1:] for case in SETTLED], ids=[case[0] for case in SETTLED]
)
def test_an_application_is_settled_when_all_its_rows_are(
    changes: dict[str, Any], settled: bool
) -> None:
    rows = inventory().rows
    changed = Inventory({**rows, BLUE: replace(rows[BLUE], **changes)})
    assert drift.settled(changed, NOW) is settled


def test_nothing_is_not_settled() -> None:
    assert not drift.settled(Inventory({}), NOW)


MOVED: list[tuple[str, RunningService | None, bool]] = [
    ("another task definition", service(deployment("theirs")), True),
    ("the one that inventory knows", service(deployment("td")), False),
    ("still on its way", service(deployment("theirs", "IN_PROGRESS")), False),
    ("of a service that was deleted", service(deployment("theirs"), active=False), False),
    ("no deployment at all", service(), False),
    ("no service", None, False),
]


@pytest.mark.parametrize(
    ("running", "moved"), [case[1:] for case in MOVED], ids=[case[0] for case in MOVED]
)
def test_a_service_has_moved_with_a_complete_deployment_of_something_else(
    running: RunningService | None, moved: bool
) -> None:
    seen = observed(running) if running else observed()
    found = drift.moved(known("dev"), seen)
    assert isinstance(found, Deployment) is moved
    assert found is None or found.task_definition == "theirs"


@pytest.mark.parametrize("gone", [None, stack("DELETE_COMPLETE")], ids=["missing", "deleted"])
def test_without_its_stack_no_row_can_be_used(gone: Any) -> None:
    finding = drift.find(inventory(), by_hand(stack=gone, production="prod-2"))
    assert [each.status for each in finding.rows] == [RowStatus.STACK_DELETED] * 3
    assert finding.reasons == ("the application's stack was deleted outside of this service",)


def test_a_stack_that_is_being_deleted_is_waited_for() -> None:
    assert drift.find(inventory(), by_hand(stack=stack("DELETE_IN_PROGRESS"))) == drift.Finding()


def test_a_stack_that_was_updated_by_hand_hides_nothing() -> None:
    assert len(drift.find(inventory(), by_hand(stack=stack("UPDATE_COMPLETE"))).rows) == 1


def test_production_rows_follow_the_listener() -> None:
    finding = drift.find(inventory(), at_rest(production="prod-2", test="prod-1"))
    green, blue = sorted(finding.rows, key=lambda each: each.environment, reverse=True)
    assert (green.environment, green.service) == (GREEN, known("prod-2", was_live=True))
    assert (blue.environment, blue.service) == (BLUE, known("prod-1"))
    assert finding.reasons == ("production forwards to prod-2, the inventory had prod-1",)


@pytest.mark.parametrize("role", [GREEN, BLUE])
def test_rows_that_know_no_service_follow_no_listener(role: Environment) -> None:
    rows = inventory().rows
    half = Inventory({**rows, role: replace(rows[role], service=None)})
    finding = drift.find(half, at_rest(production="prod-2", test="prod-1"))
    assert [(each.environment, each.service) for each in finding.rows] == [(role, None)]
    assert finding.reasons == (f"{role}: {GONE}",)


IMAGES: list[tuple[str, str, str, str | None]] = [
    ("its tag", "repo:2.0", "2.0", None),
    ("the start of its digest", f"repo@{DIGEST}", "a" * 12, DIGEST),
    ("its tag, whatever the digest", f"repo:2.0@{DIGEST}", "2.0", DIGEST),
    ("latest", "repo", "latest", None),
    ("what nobody can take apart", "no image", "no image", None),
]


@pytest.mark.parametrize(
    ("image", "version", "digest"), [case[1:] for case in IMAGES], ids=[case[0] for case in IMAGES]
)
def test_a_row_follows_its_service_to_the_version_that_is(
    image: str, version: str, digest: str | None
) -> None:
    finding = drift.find(inventory(), by_hand(image))
    theirs = known(
        "dev",
        task_definition="theirs",
        blueprint=blueprint(image),
        image=image,
        digest=digest,
        version=version,
        deployed_at=NOW,
        deployed_by=None,
    )
    assert finding.rows == (row(DEV, theirs),)
    assert finding.reasons == (f"DEV runs {version} ({image}), the inventory had 1.0",)


def test_a_row_without_a_version_said_the_first_image() -> None:
    finding = drift.find(inventory(version=None), by_hand())
    assert finding.reasons == ("DEV runs 2.0 (repo:2.0), the inventory had the first image",)


CALLED: list[tuple[str, dict[str, Any], str]] = [
    ("the same bytes", {"version": "0.9", "digest": DIGEST}, "0.9"),
    ("other bytes", {"version": "0.9", "digest": f"sha256:{'b' * 64}"}, "a" * 12),
    ("the same bytes, but no name for them", {"version": None, "digest": DIGEST}, "a" * 12),
]


@pytest.mark.parametrize(
    ("elsewhere", "version"), [case[1:] for case in CALLED], ids=[case[0] for case in CALLED]
)
def test_a_digest_is_called_what_inventory_calls_it(
    elsewhere: dict[str, Any], version: str
) -> None:
    rows = inventory().rows
    there = Inventory({**rows, BLUE: row(BLUE, known("prod-2", **elsewhere))})
    finding = drift.find(there, by_hand(f"repo@{DIGEST}"))
    assert [each.service and each.service.version for each in finding.rows] == [version]


def test_an_image_without_a_digest_is_not_what_another_one_without_it_is_called() -> None:
    finding = drift.find(inventory(digest=None), by_hand("repo"))
    assert [each.service and each.service.version for each in finding.rows] == ["latest"]


def test_what_moved_is_followed_in_every_row_after_one_that_did_not() -> None:
    finding = drift.find(inventory(), by_hand(name="prod-2"))
    assert [each.environment for each in finding.rows] == [BLUE]


NOTES: list[tuple[str, Observed, Environment, str]] = [
    ("a service that was deleted", at_rest(service(active=False)), DEV, GONE),
    ("a listener that forwards elsewhere", at_rest(production=None, test="prod-2"), GREEN,
     "the production listener does not forward to exactly one of the slots prod-1 and prod-2:"
     " point it at one of their target groups"),
    ("a test listener that was moved", at_rest(test="prod-1"), BLUE,
     "the test listener does not forward to prod-2: the next swap corrects it"),
    ("a live slot that was deleted", at_rest(slot("prod-1", active=False)), GREEN, GONE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "environment", "note"), [case[1:] for case in NOTES], ids=[case[0] for case in NOTES]
)
def test_what_no_row_can_follow_is_noted_until_it_is_over(
    seen: Observed, environment: Environment, note: str
) -> None:
    finding = drift.find(inventory(), seen)
    assert [(each.environment, each.drift) for each in finding.rows] == [(environment, note)]
    assert finding.reasons == (f"{environment}: {note}",)
    noted = Inventory({**inventory().rows, environment: finding.rows[0]})
    assert drift.find(noted, seen) == drift.Finding()
    over = drift.find(noted, at_rest())
    assert over.rows == (inventory().rows[environment],)
    assert over.reasons == (f"{environment}: the drift has ended",)


def test_what_is_over_in_one_row_hides_nothing_in_the_next() -> None:
    rows = inventory().rows
    same = Inventory({**rows, DEV: replace(rows[DEV], drift=GONE)})
    gone = at_rest(service(active=False), slot("prod-2", active=False), test="prod-2")
    assert drift.find(same, gone).reasons == (f"PROD-BLUE: {GONE}",)
