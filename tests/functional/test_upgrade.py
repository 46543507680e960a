"""POST /stacks/{applicationName}/upgrade: the newest template and the installation's settings."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from devops_core.errors import RefusedError
from devops_core.model.stack_change import DRY_RUN, PropertyChange, ResourceChange
from tests.lab.callers import ONLY_APPROVERS, OWNER, with_policy
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.change_sets import dependents
from tests.lab.fakes.stacks import FakeStack
from tests.lab.templates import SMALL

NEW = f"{SMALL}# newer\n"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1a2b3c4d-0000-4000-8000-000000000000"
BOUNDARY = "arn:aws:iam::123456789012:policy/newer"
ROLE = ResourceChange(
    "Modify", "prod1ExecutionRole", "AWS::IAM::Role", "False",
    (PropertyChange("Policies", "DirectModification"),),
)  # fmt: skip
LISTENER = ResourceChange(
    "Modify", "ProductionListener", "AWS::ElasticLoadBalancingV2::Listener", "False",
    (PropertyChange("DefaultActions", "DirectModification"),),
)  # fmt: skip
WITHOUT_EFFECT = "no resource uses the changed parameters: the upgrade would change nothing"
CONFLICT = "Bucket (AWS::S3::Bucket): exists already"
DENIED = "Modify ProductionListener (AWS::ElasticLoadBalancingV2::Listener): DefaultActions"


def stack(cloud: FakeCloud) -> FakeStack:
    found = cloud.stacks.named("Shop")
    assert found
    return found


def publish(cloud: FakeCloud, *changes: ResourceChange) -> None:
    """Upload a newer template, which changes resources of existing stacks."""
    cloud.templates.versions["v2"] = NEW.encode()
    cloud.stacks.template_changes = changes


def running(cloud: FakeCloud) -> dict[Any, Any]:
    """Return the task definition and the count of each service, and the weights of listeners."""
    services = {
        name: (each.primary.task_definition, each.desired)
        for (_, name), each in cloud.containers.services_.items()
    }
    balancer = cloud.load_balancer
    return services | {each: balancer.weights(each) for each in balancer.listeners}


def template_of_record(cloud: FakeCloud) -> str:
    record = cloud.tables.inventory_of("Shop").record
    assert record
    assert record.stack
    return record.stack.template.sha256


def test_an_upgrade_moves_the_stack_to_the_newest_template(
    promoted: FakeCloud, api: Client
) -> None:
    publish(promoted, ROLE, *dependents("prod1"))
    before = running(promoted)
    done = api.ended(api.upgrade())
    sha256 = hashlib.sha256(NEW.encode()).hexdigest()
    assert done.operation["template"] == {"version": "v2", "sha256": sha256}
    assert stack(promoted).template == NEW
    assert template_of_record(promoted) == sha256
    assert running(promoted) == before, "12: an upgrade changes no image and no count"


def test_an_upgrade_sets_the_settings_of_the_installation(promoted: FakeCloud, api: Client) -> None:
    before = dict(stack(promoted).parameters)
    promoted.settings = promoted.settings._replace(
        permissions_boundary=BOUNDARY, log_retention_days="90", secret_keys=(KEY,),
        subnets="subnet-7,subnet-8", initial_image="other:1", security_group="sg-9",
    )  # fmt: skip
    services = running(promoted)
    done = api.ended(api.upgrade())
    changed = {"LogRetentionDays": "90", "PermissionsBoundary": BOUNDARY, "SecretKeyArns": KEY}
    assert done.operation["stack"] == {"parameters": [*changed]}
    assert stack(promoted).parameters == before | changed, "the network and the image remain"
    assert running(promoted) == services


def test_nothing_happens_if_the_stack_is_up_to_date(promoted: FakeCloud, api: Client) -> None:
    for reply in (api.upgrade(), api.upgrade(body={})):
        assert (reply.status, reply.body["operation"]) == (200, None)
        assert "the stack of Shop is up to date" in reply.body["message"]
    publish(promoted, ROLE)
    api.ended(api.upgrade())
    assert api.upgrade().body["operation"] is None


def test_a_template_without_changes_of_resources_becomes_the_recorded_one(
    promoted: FakeCloud, api: Client
) -> None:
    publish(promoted)
    api.ended(api.upgrade())
    assert template_of_record(promoted) == hashlib.sha256(NEW.encode()).hexdigest()
    assert stack(promoted).change_sets == {}


def test_keys_of_an_application_without_secrets_change_nothing(
    promoted: FakeCloud, api: Client
) -> None:
    """CloudFormation then creates no change set, and the stack keeps the old parameter."""
    promoted.settings = promoted.settings._replace(secret_keys=(KEY,))
    assert promoted.stacks.template_changes == ()
    plan = api.upgrade(dryRun="true").body["plan"]
    assert plan["warnings"] == [WITHOUT_EFFECT]
    assert "resources" not in plan
    api.ended(api.upgrade())
    assert promoted.wire.count("stacks.execute_change_set") == 0
    assert stack(promoted).change_sets == {}


def test_an_upgrade_that_would_modify_a_listener_is_not_executed(
    promoted: FakeCloud, api: Client
) -> None:
    publish(promoted, ROLE, LISTENER)
    old = template_of_record(promoted)
    done = api.ended(api.upgrade(), "FAILED")
    assert done.operation["reasons"] == [
        f"the change set was not executed, because it would {DENIED}"
    ]
    assert promoted.wire.count("stacks.execute_change_set") == 0
    assert stack(promoted).change_sets == {}
    assert template_of_record(promoted) == old


def test_a_failed_update_is_rolled_back(promoted: FakeCloud, api: Client) -> None:
    publish(promoted, ROLE)
    old = template_of_record(promoted)
    promoted.stacks.update_failures = ("prod1ExecutionRole (AWS::IAM::Role): access denied",)
    done = api.ended(api.upgrade(), "FAILED")
    assert done.operation["reasons"] == ["prod1ExecutionRole (AWS::IAM::Role): access denied"]
    assert template_of_record(promoted) == old
    promoted.stacks.update_failures = ()
    api.ended(api.upgrade())


def test_a_failed_rollback_is_continued_once(promoted: FakeCloud, api: Client) -> None:
    publish(promoted, ROLE)
    promoted.stacks.update_failures = ("a (AWS::IAM::Role): denied",)
    promoted.stacks.rollback_failures = ("b (AWS::IAM::Role): denied",)
    promoted.stacks.repaired = True
    done = api.ended(api.upgrade(), "FAILED")
    assert "a (AWS::IAM::Role): denied" in done.operation["reasons"]
    assert promoted.wire.count("stacks.continue_rollback") == 1
    assert stack(promoted).status == "UPDATE_ROLLBACK_COMPLETE"


def test_an_upgrade_can_be_aborted_before_its_execution(promoted: FakeCloud, api: Client) -> None:
    publish(promoted, ROLE)
    promoted.stacks.pace = None
    reply = api.upgrade()
    assert reply.status == 202
    api.abort(reply.id)
    done = api.ended(reply, "FAILED")
    assert "aborted by" in done.operation["reasons"][0]
    assert stack(promoted).change_sets == {}
    assert stack(promoted).template == SMALL


def test_deploys_and_swaps_continue_during_an_upgrade(promoted: FakeCloud, api: Client) -> None:
    publish(promoted, ROLE)
    promoted.stacks.pace = None
    upgrade = api.upgrade()
    assert api.swap().status in (200, 202)
    assert api.deploy("1.0", "dev").status in (200, 202)
    for other in (api.upgrade(), api.patch({"service": {"cpu": 512}}), api.delete()):
        assert (other.status, other.body["operation"]["id"]) == (409, upgrade.id)
    promoted.stacks.pace = 1
    change_set = next(iter(stack(promoted).change_sets.values()))
    change_set.left = 0
    api.ended(upgrade)


def test_a_worker_of_an_upgrade_reads_its_record_once(promoted: FakeCloud, api: Client) -> None:
    """A worker reads it again only if the operation has ended: the lease could be another one."""
    publish(promoted, ROLE)
    promoted.stacks.pace = None
    upgrade = api.upgrade()
    before = promoted.wire.count("tables.operation")
    api.status(upgrade.id)
    assert promoted.wire.count("tables.operation") == before + 1
    api.abort(upgrade.id)


def test_an_added_environment_uses_the_template_of_the_upgrade(
    promoted: FakeCloud, api: Client
) -> None:
    publish(promoted, ROLE)
    api.ended(api.upgrade())
    promoted.stacks.template_changes = ()
    done = api.ended(api.patch({"environments": {"da": True}}))
    assert set(done.environments) == {"DA"}
    assert stack(promoted).template == NEW


def test_a_template_that_violates_its_contract_is_refused(promoted: FakeCloud, api: Client) -> None:
    promoted.templates.versions["v2"] = b"Resources:\nOutputs:\n  ClusterName:\n    Value: a\n"
    reply = api.upgrade()
    assert reply.status == 502
    assert "it lacks the outputs" in reply.body["errorMessage"]
    assert promoted.tables.in_progress() == []


def test_an_empty_template_is_refused(promoted: FakeCloud, api: Client) -> None:
    promoted.templates.versions["v2"] = b" "
    reply = api.upgrade()
    assert reply.status == 502
    assert "cannot be used: the template is empty" in reply.body["errorMessage"]


def test_a_stack_that_is_not_on_record_is_refused(promoted: FakeCloud, api: Client) -> None:
    publish(promoted, ROLE)
    records = promoted.tables.records
    before = records["Shop"]
    records["Shop"] = before._replace(stack=None)
    reply = api.upgrade()
    assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert "the stack of Shop is not on record" in reply.body["errorMessage"]
    records["Shop"] = before


def test_a_parameter_without_a_value_is_named(promoted: FakeCloud, api: Client) -> None:
    publish(promoted)
    promoted.stacks.declared["Cluster"] = False
    reply = api.upgrade()
    assert "has no values for its parameters Cluster" in reply.body["errorMessage"]


def test_parameters_that_the_new_template_lacks_are_not_sent(
    promoted: FakeCloud, api: Client
) -> None:
    publish(promoted, ROLE)
    del promoted.stacks.declared["LogRetentionDays"]
    api.ended(api.upgrade())
    assert "LogRetentionDays" not in stack(promoted).parameters


def test_missing_outputs_fail_the_upgrade(promoted: FakeCloud, api: Client) -> None:
    publish(promoted, ROLE)
    stack(promoted).outputs.pop("prod1ServiceArn")
    promoted.stacks.without_outputs = {"prod1ServiceArn"}
    done = api.ended(api.upgrade(), "FAILED")
    assert done.operation["reasons"] == [
        "the stack has the new template, but violates: prod1ServiceArn is missing"
    ]
    assert template_of_record(promoted) == hashlib.sha256(NEW.encode()).hexdigest()


def test_a_dry_run_shows_the_changes_and_leaves_nothing(promoted: FakeCloud, api: Client) -> None:
    publish(promoted, ROLE)
    promoted.settings = promoted.settings._replace(log_retention_days="90")
    before = dict(promoted.tables.operations)
    plan = api.upgrade(dryRun="true").body["plan"]
    assert plan["changes"] == [{"field": "LogRetentionDays", "old": "30", "new": "90"}]
    shown = {each["resource"]: each for each in plan["resources"]}
    assert shown["prod1ExecutionRole"] == {
        "action": "Modify", "resource": "prod1ExecutionRole", "resourceType": "AWS::IAM::Role",
        "replacement": "False", "properties": ["Policies"],
    }  # fmt: skip
    assert "warnings" not in plan
    assert stack(promoted).change_sets == {}
    assert promoted.tables.operations == before


def test_a_dry_run_names_the_changes_that_prevent_the_upgrade(
    promoted: FakeCloud, api: Client
) -> None:
    publish(promoted, LISTENER, ResourceChange("Remove", "Cluster", "AWS::ECS::Cluster"))
    plan = api.upgrade(dryRun="true").body["plan"]
    denied = f"{DENIED}; Remove Cluster (AWS::ECS::Cluster)"
    assert plan["warnings"] == [f"the upgrade would fail, because it would {denied}"]


def test_a_dry_run_deletes_the_change_set_of_an_earlier_one(
    promoted: FakeCloud, api: Client
) -> None:
    publish(promoted, ROLE)
    promoted.stacks.pace = None
    began = promoted.clock.now()
    plan = api.upgrade(dryRun="true").body["plan"]
    assert plan["message"] == (
        "CloudFormation still computes the changes of resources: repeat the dry run"
    )
    assert promoted.clock.now() - began == timedelta(seconds=15)
    stack(promoted).change_sets[DRY_RUN].left = 0
    assert api.upgrade(dryRun="true").body["plan"]["resources"], "it continues with the same one"
    assert promoted.wire.count("stacks.create_change_set") == 1
    api.upgrade(dryRun="true")
    promoted.stacks.pace = 1
    promoted.settings = promoted.settings._replace(log_retention_days="90")
    plan = api.upgrade(dryRun="true").body["plan"]
    assert plan["changes"]
    assert plan["resources"]
    assert stack(promoted).change_sets == {}


def test_a_dry_run_does_not_use_the_change_set_of_an_older_template(
    promoted: FakeCloud, api: Client
) -> None:
    publish(promoted, ROLE)
    promoted.stacks.pace = None
    api.upgrade(dryRun="true")
    newest = f"{NEW}# newest\n"
    promoted.templates.versions["v3"] = newest.encode()
    api.upgrade(dryRun="true")
    assert stack(promoted).change_sets[DRY_RUN].template == newest


def test_a_dry_run_does_not_use_a_failed_change_set(promoted: FakeCloud, api: Client) -> None:
    """The cause of the failure can be gone."""
    publish(promoted, ROLE)
    promoted.stacks.pace = None
    promoted.stacks.validation_failures = (CONFLICT,)
    api.upgrade(dryRun="true")
    stack(promoted).change_sets[DRY_RUN].complete()
    promoted.stacks.pace = 1
    promoted.stacks.validation_failures = ()
    assert api.upgrade(dryRun="true").body["plan"]["resources"]


def test_a_dry_run_has_the_reasons_of_an_invalid_change_set(
    promoted: FakeCloud, api: Client
) -> None:
    publish(promoted, ROLE)
    promoted.stacks.validation_failures = (CONFLICT, "Topic (AWS::SNS::Topic): exists already")
    reply = api.upgrade(dryRun="true")
    assert f"{CONFLICT}; Topic (AWS::SNS::Topic): exists" in reply.body["errorMessage"]
    assert stack(promoted).change_sets == {}


@pytest.mark.usefixtures("promoted")
@pytest.mark.parametrize("body", [{"template": "v1"}, []])
def test_the_body_has_no_members(api: Client, body: Any) -> None:
    assert api.upgrade(body=body).status == 400


def test_an_upgrade_requires_the_right_to_change_production(
    promoted: FakeCloud,
) -> None:
    with_policy(promoted, ONLY_APPROVERS)
    assert Client(promoted, OWNER).upgrade().status == 403


def test_an_unknown_application_is_refused(api: Client) -> None:
    assert api.upgrade("Ghost").body["code"] == "NO_SUCH_APPLICATION"


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"])
def test_a_stack_that_cannot_be_updated_is_409(
    promoted: FakeCloud, api: Client, status: str
) -> None:
    publish(promoted, ROLE)
    stack(promoted).status, stack(promoted).left = status, None
    reply = api.upgrade()
    assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
    stack(promoted).status = "UPDATE_COMPLETE"


def test_a_refused_change_set_fails_the_upgrade(promoted: FakeCloud, api: Client) -> None:
    publish(promoted, ROLE)
    promoted.wire.fail("stacks.create_change_set", RefusedError("no"), times=1)
    assert api.ended(api.upgrade(), "FAILED").operation["reasons"] == ["no"]
