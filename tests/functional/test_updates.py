"""Updates: revisions of the specification, and their rollout in the environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from devops_core.errors import RefusedError
from devops_core.naming import Environment
from tests.lab.client import USER, Client
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.cloud import REGISTRY
from tests.lab.fakes.task_service import CRASH

BLUE, GREEN = Environment.PROD_BLUE, Environment.PROD_GREEN
CRASHES: Mapping[str, Any] = {"overrides": {"dev": {"environment": {"BEHAVIOUR": CRASH}}}}
LEVEL: Mapping[str, Any] = {"service": {"environment": {"LEVEL": "debug"}}}


def variables(cloud: FakeCloud, service: str) -> dict[str, str]:
    """Return the variables of the running task definition of a service."""
    container = cloud.containers.running("Shop", service).request["containerDefinitions"][0]
    own = {each["name"]: each["value"] for each in container["environment"]}
    return {name: own[name] for name in own if name not in ("APPLICATION", "ENVIRONMENT")}


# Variables that need most of the bytes of a task definition.
LARGE: Mapping[str, str] = {f"V{number:02}": "x" * 4069 for number in range(15)}


def by_hand(cloud: FakeCloud, **values: str) -> None:
    """Deploy a task definition of dev with other variables, as a person in the console."""
    running = cloud.containers.running("Shop", "dev").request
    app = running["containerDefinitions"][0]
    kept = [each for each in app["environment"] if each["name"] not in values]
    changed = [*kept, *({"name": name, "value": value} for name, value in values.items())]
    request = {**running, "containerDefinitions": [{**app, "environment": changed}], "tags": []}
    service = cloud.containers.service("Shop", "dev")
    service.deploy(cloud.containers.add(request), cloud.clock.now())
    service.complete(cloud.clock.now())


def revisions(cloud: FakeCloud) -> dict[str, int | None]:
    """Return the revision of each environment in the inventory."""
    rows = cloud.tables.inventory_of("Shop").rows.items()
    return {name.value: row.service.spec if row.service else None for name, row in rows}


def test_a_patch_rolls_out_the_environments_that_it_changes(
    promoted: FakeCloud, api: Client
) -> None:
    before = promoted.containers.running("Shop", "qa").arn
    change = {"overrides": {"dev": {"environment": {"LEVEL": "debug"}, "cpu": 512, "memory": 2048}}}
    done = api.ended(api.patch(change))
    assert (done.operation["kind"], done.operation["spec"]) == ("update", 2)
    assert set(done.environments) == {"DEV"}
    definition = promoted.containers.running("Shop", "dev")
    assert variables(promoted, "dev") == {"LEVEL": "debug"}
    assert (definition.request["cpu"], definition.request["memory"]) == ("512", "2048")
    assert promoted.containers.running("Shop", "qa").arn == before
    assert revisions(promoted) == {
        "DEV": 2, "QA": 1, "STAGE": 1, "TRAINING": 1, "PROD-BLUE": 1, "PROD-GREEN": 1,
    }  # fmt: skip


def test_an_update_keeps_the_version_and_its_deploy(promoted: FakeCloud, api: Client) -> None:
    before = promoted.tables.inventory_of("Shop").rows[Environment.DEV].service
    bob = Client(promoted, USER.replace("alice", "bob"))
    bob.finished(bob.patch(LEVEL))
    after = promoted.tables.inventory_of("Shop").rows[Environment.DEV].service
    assert before is not None
    assert after is not None
    kept = ("version", "digest", "image", "deployed_at", "deployed_by", "deployers")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    digest = promoted.images.pushed["shop", "1.0"]
    assert promoted.containers.running("Shop", "dev").image == f"{REGISTRY}/shop@{digest}"
    first = promoted.containers.running("Shop", "qa")
    assert first.image == promoted.settings.initial_image
    assert variables(promoted, "qa") == {"LEVEL": "debug"}
    assert api.specification(revision="2").body["caller"] == bob.caller


def test_customers_receive_settings_only_after_a_swap(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.patch(LEVEL))
    assert variables(promoted, "prod-1") == variables(promoted, "prod-2") == {}
    promote = api.finished(api.promote(spec=2))
    assert promote.operation["spec"] == 2
    live = promoted.live("Shop")
    assert (live, variables(promoted, "prod-1"), variables(promoted, "prod-2")) == (
        "prod-1", {}, {"LEVEL": "debug"},
    )  # fmt: skip
    swapped = api.swap(version="1.0", spec=2)
    assert (swapped.status, swapped.operation["spec"]) == (200, 2)
    assert promoted.live("Shop") == "prod-2"
    assert api.specification().body["pending"] == []
    assert api.swap().status == 200
    assert (promoted.live("Shop"), variables(promoted, "prod-1")) == ("prod-1", {})


def test_pending_changes_name_the_next_call(promoted: FakeCloud, api: Client) -> None:
    del promoted
    done = api.ended(api.patch(LEVEL))
    assert done.operation["pending"] == ["environment"]
    change = [{"field": "environment", "new": {"LEVEL": "debug"}}]
    for call, following in (
        ("POST /stacks/deploytoprodBlue", api.promote),
        ("POST /stacks/swapProdBlueAndGreen", api.swap),
    ):
        pending = api.specification().body["pending"]
        assert pending == [{"environment": "PROD-GREEN", "changes": change, "call": call}]
        following()
        api.settle()
    assert api.specification().body["pending"] == []


def test_an_operation_does_not_name_the_variables_of_production(
    promoted: FakeCloud, api: Client
) -> None:
    """All callers can read an operation, and only the team sees a plan and the specification."""
    del promoted
    api.ended(api.patch({"service": {"environment": {"LEVEL": "debug", "TOKEN_NAME": "a"}}}))
    api.finished(api.promote())
    assert api.swap().status == 200
    change = {"service": {"environment": {"LEVEL": "info", "TOKEN_NAME": None}}}
    plan = api.patch(change, dryRun="true").body["plan"]
    assert {each["field"] for each in plan["pending"]} == {
        "environment.LEVEL", "environment.TOKEN_NAME",
    }  # fmt: skip
    assert api.ended(api.patch(change)).operation["pending"] == ["environment"]


def test_a_removed_setting_leaves_the_tasks(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.patch({"service": {"environment": {"A": "1", "B": "2"}, "command": ["serve"]}}))
    api.ended(api.patch({"service": {"environment": {"B": None}, "command": None}}))
    assert variables(promoted, "dev") == {"A": "1"}
    container = promoted.containers.running("Shop", "dev").request["containerDefinitions"][0]
    assert "command" not in container
    api.ended(api.patch({"overrides": {"dev": {"unset": ["A"]}}}))
    assert (variables(promoted, "dev"), variables(promoted, "qa")) == ({}, {"A": "1"})


def test_a_put_replaces_exactly_the_expected_revision(promoted: FakeCloud, api: Client) -> None:
    document = api.specification().body["specification"]
    document["service"]["environment"] = {"LEVEL": "info"}
    bare = {"applicationName": "Shop"}
    missing = api.send("PUT", "/stacks/{applicationName}/spec", document, parameters=bare)
    assert (missing.status, missing.body["code"]) == (428, "PRECONDITION_REQUIRED")
    old = api.replace(document, 7)
    assert (old.status, old.body["code"]) == (412, "PRECONDITION_FAILED")
    for unknown in ('W/"1"', '"0"', '"x"', '""', '"123456789"'):
        assert api.replace(document, headers={"If-Match": unknown}).status == 412
    for malformed in ("1", "", "W/*", "'1'", '"1', 'w/"1"', '"a b"', '"1", "2"', '"1"2"'):
        refused = api.replace(document, headers={"If-Match": malformed})
        fault = 'must be one ETag of a GET with its quotes, for example "3", or *'
        assert (refused.status, refused.body["errors"]) == (
            400, [{"field": "If-Match", "message": fault}],
        )  # fmt: skip
    assert api.patch({"email": "b@example.com"}, headers={"If-Match": "1"}).status == 400
    assert promoted.tables.records["Shop"].current == 1
    done = api.finished(api.replace(document, 1))
    assert done.operation["status"] == "SUCCEEDED"
    assert variables(promoted, "qa") == {"LEVEL": "info"}
    again = api.specification()
    assert (again.headers["ETag"], again.body["specification"]) == ('"2"', document)


def test_a_replacement_by_the_document_of_a_read_starts_nothing(
    promoted: FakeCloud, api: Client
) -> None:
    del promoted
    same = api.replace(api.specification().body["specification"], 1)
    assert (same.status, same.body["operation"]) == (200, None)


def test_an_unchanged_specification_starts_nothing(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.patch(LEVEL))
    again = api.patch(LEVEL)
    assert (again.status, again.body["operation"]) == (200, None)
    assert "revision 2 of the specification has these settings" in again.body["message"]
    assert promoted.tables.records["Shop"].current == 2


def test_a_repeated_update_without_rollouts_returns_its_operation(
    promoted: FakeCloud, api: Client
) -> None:
    change, key = {"overrides": {"prod": {"cpu": 512, "memory": 1024}}}, {"Idempotency-Key": "k"}
    first = api.patch(change, headers=key)
    assert (first.status, first.operation["status"]) == (200, "SUCCEEDED")
    again = api.patch(change, headers=key)
    assert (again.status, again.id) == (200, first.id)
    assert promoted.tables.records["Shop"].current == 2


@pytest.mark.parametrize("removed", [None, {"stopSeconds": None}, {"cpu": None}])
def test_a_specification_that_was_read_is_written_back_without_a_change(
    promoted: FakeCloud, api: Client, removed: Mapping[str, None] | None
) -> None:
    del promoted
    api.ended(api.patch({"service": {"stopSeconds": 5}}))
    assert api.patch({"service": removed, "description": "The web shop"}).status in (200, 202)
    api.settle()
    found = api.specification()
    again = api.replace(found.body["specification"], found.body["revision"])
    assert (again.status, again.body["operation"]) == (200, None)


def test_a_failed_environment_is_outdated_until_the_update_is_repeated(
    shop: FakeCloud, api: Client
) -> None:
    failed = api.finished(api.patch(CRASHES))
    assert failed.operation["status"] == "FAILED"
    assert variables(shop, "dev") == {}
    view = {each["environment"]: each for each in api.specification().body["environments"]}
    assert (view["DEV"]["outdated"], view["DEV"]["revision"]) == (True, 1)
    (pending,) = api.specification().body["pending"]
    assert (pending["environment"], pending["call"]) == ("DEV", "POST /stacks/deploy")
    repeated = api.finished(api.patch({}))
    assert (repeated.operation["status"], repeated.operation["spec"]) == ("FAILED", 2)
    api.ended(api.patch({"overrides": {"dev": {"environment": {"BEHAVIOUR": "ok"}}}}))
    assert (variables(shop, "dev"), revisions(shop)["DEV"]) == ({"BEHAVIOUR": "ok"}, 3)


def test_a_deploy_applies_the_present_specification(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("containers.register", RefusedError("the role does not exist"), times=1)
    assert api.patch({"overrides": {"dev": {"environment": {"A": "1"}}}}).status == 424
    done = api.finished(api.deploy("1.0", "dev"))
    assert (done.operation["spec"], variables(shop, "dev")) == (2, {"A": "1"})
    assert api.specification().body["pending"] == []


def test_a_promote_requires_that_the_source_runs_the_present_settings(
    promoted: FakeCloud, api: Client
) -> None:
    del promoted
    assert api.finished(api.patch(CRASHES)).operation["status"] == "FAILED"
    refused = api.promote()
    assert (refused.status, refused.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert (
        "DEV of Shop runs revision 1 of the specification, not revision 2"
        in (refused.body["errorMessage"])
    )


@pytest.mark.parametrize("kind", ["promote", "swap"])
def test_another_revision_than_the_expected_one_is_refused(
    promoted: FakeCloud, api: Client, kind: str
) -> None:
    call = {"promote": api.promote, "swap": api.swap}[kind]
    refused = call(spec=9)
    assert (refused.status, refused.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert promoted.live("Shop") == "prod-1"


def test_slots_with_the_same_image_and_other_settings_are_ambiguous(
    promoted: FakeCloud, api: Client
) -> None:
    assert api.swap().status == 200
    api.ended(api.patch(LEVEL))
    api.finished(api.promote())
    ambiguous = api.swap(version="1.0")
    assert (ambiguous.status, ambiguous.body["code"]) == (409, "AMBIGUOUS")
    assert api.swap(version="1.0", spec=2).status == 200
    assert promoted.live("Shop") == "prod-1"
    live = api.swap(version="1.0", spec=2)
    assert (live.status, live.body["operation"]) == (200, None)


def test_only_the_count_of_production_changes_at_once(promoted: FakeCloud, api: Client) -> None:
    definitions = [promoted.containers.running("Shop", slot).arn for slot in ("prod-1", "prod-2")]
    done = api.ended(api.patch({"overrides": {"prod": {"desiredCount": 3}}}))
    assert set(done.environments) == {"PROD-GREEN", "PROD-BLUE"}
    slots = [promoted.containers.service("Shop", slot) for slot in ("prod-1", "prod-2")]
    assert [slot.desired for slot in slots] == [3, 3]
    assert [slot.primary.task_definition for slot in slots] == definitions
    assert api.specification().body["pending"] == []
    both = {"overrides": {"prod": {"desiredCount": 4, "environment": {"A": "1"}}}}
    # Nothing rolls out, so the operation ends at once.
    assert api.patch(both).status == 200
    assert [slot.desired for slot in slots] == [3, 3]
    (pending,) = api.specification().body["pending"]
    assert [each["field"] for each in pending["changes"]] == ["desiredCount", "environment"]


def test_a_count_alone_keeps_the_task_definition(promoted: FakeCloud, api: Client) -> None:
    before = promoted.containers.running("Shop", "dev").arn
    api.ended(api.patch({"overrides": {"dev": {"desiredCount": 3}}}))
    service = promoted.containers.service("Shop", "dev")
    assert (service.desired, service.primary.task_definition) == (3, before)


def test_a_restart_registers_a_new_task_definition_with_the_same_image(
    promoted: FakeCloud, api: Client
) -> None:
    before = promoted.containers.running("Shop", "dev")
    body = {"applicationName": "Shop", "environment": ["dev", "qa"], "restart": True}
    done = api.finished(api.send("POST", "/stacks/deploy", body))
    assert done.operation["status"] == "SUCCEEDED"
    after = promoted.containers.running("Shop", "dev")
    assert (after.arn != before.arn, after.image) == (True, before.image)
    assert done.environments["DEV"]["version"] == "1.0"
    assert "version" not in done.environments["QA"]


def test_an_update_holds_the_specification_and_its_environments(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.containers.automatic = False
    running = api.patch({"overrides": {"dev": {"environment": {"A": "1"}}}})
    assert running.status == 202
    for refused in (api.patch(LEVEL), api.delete(), api.deploy("1.1", "dev")):
        assert (refused.status, refused.body["code"]) == (409, "BUSY")
        assert refused.body["operation"]["id"] == running.id
    assert api.deploy("1.1", "qa").status == 202


@pytest.mark.parametrize("environments", [["dev"], ["dev", "qa"]])
def test_an_abort_keeps_a_task_count_that_ecs_has_accepted(
    promoted: FakeCloud, api: Client, dry: DryClient, environments: list[str]
) -> None:
    promoted.containers.automatic = False
    counts = {name: {"desiredCount": 3} for name in environments}
    running = api.patch({"overrides": counts})
    kept = f"the task count is kept: {', '.join(environments).upper()}"
    assert dry.abort(running.id).body["plan"]["message"] == kept
    assert api.abort(running.id).body["message"] == kept
    promoted.containers.automatic = True
    assert promoted.containers.service("Shop", "dev").desired == 3
    service = promoted.tables.inventory_of("Shop").service(Environment.DEV)
    assert service
    assert service.desired_count == 3


def test_an_abort_returns_to_the_previous_settings(promoted: FakeCloud, api: Client) -> None:
    promoted.containers.automatic = False
    running = api.patch({"overrides": {"dev": {"environment": {"A": "1"}}}})
    assert api.abort(running.id).status == 202
    promoted.containers.automatic = True
    api.settle()
    done = api.status(running.id)
    assert done.operation["status"] == "FAILED"
    assert variables(promoted, "dev") == {}
    assert promoted.tables.records["Shop"].current == 2


def test_all_faults_of_the_resulting_document_are_reported(
    promoted: FakeCloud, api: Client
) -> None:
    del promoted
    patch = {
        "email": None,
        "service": {"containerPort": 81, "cpu": 1024, "sidecar": []},
        "overrides": {"da": {}, "prod": {"desiredCount": 0}},
        "tags": {"technicalTeam": "others"},
        "applicationName": "Store",
    }
    refused = api.patch(patch)
    assert refused.status == 400
    assert {each["field"] for each in refused.body["errors"]} == {
        "email", "service.containerPort", "service.memory", "service.sidecar", "overrides.da",
        "overrides.prod.desiredCount", "tags", "applicationName",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("patch", "fields"),
    [
        ({"overrides": {"qa": {"cpu": 512, "memory": 1024}}}, ["overrides.qa"]),
        ({"overrides": {"dev": {"cpu": 1024, "memory": 512}}}, ["overrides.dev.memory"]),
        ({"service": {"startSeconds": 1800}}, ["service.startSeconds"]),
    ],
)
def test_a_document_with_only_required_members_is_checked_as_a_whole(
    cloud: FakeCloud, api: Client, patch: Mapping[str, Any], fields: list[str]
) -> None:
    """Its environments are the default: dev and production."""
    api.finished(api.create())
    refused = api.patch(patch)
    assert refused.status == 400
    assert [each["field"] for each in refused.body["errors"]] == fields
    assert cloud.tables.records["Shop"].current == 1


def test_a_rollout_names_the_changes_that_it_overwrites(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.patch({"overrides": {"dev": {"environment": {"LEVEL": "info"}}}}))
    by_hand(promoted, LEVEL="debug", EXTRA="1")
    done = api.finished(api.deploy("1.1", "dev"))
    warnings = " ".join(done.operation["warnings"])
    assert (
        "keeps changes made outside of this service: containerDefinitions.app.environment.EXTRA"
        in warnings
    )
    assert "OVERWRITTEN" in warnings
    assert variables(promoted, "dev") == {"LEVEL": "info", "EXTRA": "1"}


def test_the_calls_of_an_update_are_few(promoted: FakeCloud, api: Client) -> None:
    start = len(promoted.wire.journal)
    assert api.patch({"overrides": {"dev": {"environment": {"A": "1"}}}}).status == 202
    made = [call.name for call in promoted.wire.journal[start:]]
    assert made == [
        "tables.inventory", "containers.services", "tables.claim", "containers.register",
        "containers.update", "tables.save",
    ]  # fmt: skip


def test_settings_that_do_not_fit_into_a_task_definition_are_refused(
    promoted: FakeCloud, api: Client
) -> None:
    assert api.patch({"service": {"environment": LARGE}}).status == 202
    api.settle()
    override = {"overrides": {"qa": {"environment": {"MORE": "x"}}}}
    reply = api.patch(override)
    assert reply.status == 400
    assert reply.body["errors"] == [
        {
            "field": "overrides.qa.environment",
            "message": "must be smaller: variables, secrets, command and sidecars of an environment"
            " need at most 61440 bytes in its task definition, not 61458 in qa",
        }
    ]
    assert not promoted.tables.in_progress()
    # A merge patch that removes a variable makes room.
    assert api.patch({"service": {"environment": {"V00": None}}, **override}).status == 202


def test_settings_must_fit_beside_the_other_containers(cloud: FakeCloud, api: Client) -> None:
    sidecar = {"name": "proxy", "image": "proxy", "command": ["x" * 4000]}
    cloud.stacks.estate.sidecars = [sidecar]
    api.finished(api.create(environments={"nonProd": ["dev", "qa"]}))
    reply = api.patch({"overrides": {"qa": {"environment": LARGE}}})
    assert reply.status == 400
    ((field, message),) = [(each["field"], each["message"]) for each in reply.body["errors"]]
    assert field == "service"
    assert message.startswith(
        "must be smaller: a task definition with all its containers has at most 65536 bytes, not 65"
    )
    assert message.endswith(" in qa")
    assert not cloud.tables.in_progress()


def test_settings_can_shrink_in_a_task_definition_above_the_limit(
    cloud: FakeCloud, api: Client
) -> None:
    """ECS does not document how it measures the size, so it can have accepted such a definition."""
    words = ["x" * 4000] * 17
    cloud.stacks.estate.sidecars = [{"name": "proxy", "image": "proxy", "command": words}]
    level = {"environment": {"LEVEL": "debug"}}
    api.finished(api.create(environments={"nonProd": ["dev", "qa"]}, service=level))
    assert api.patch({"overrides": {"qa": {"environment": {"MORE": "x"}}}}).status == 400
    api.ended(api.patch({"service": {"environment": {"LEVEL": "info"}}}))
    _, app = cloud.containers.running("Shop", "qa").request["containerDefinitions"]
    assert {"name": "LEVEL", "value": "info"} in app["environment"]
