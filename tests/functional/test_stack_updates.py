"""Updates that change the stack: environments, and the secrets that tasks can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from devops_core.access import AccessPolicy
from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from devops_core.naming import Environment
from tests.lab.callers import ONLY_APPROVERS, OWNER, with_policy
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient, plan
from tests.lab.events import stack_status
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.cloud import ACCOUNT
from tests.lab.fakes.stacks import FakeStack
from tests.lab.fakes.task_service import CRASH

SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:payments/db-AbCdEf"
OTHER = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:payments/key-AbCdEf"
KEYS = tuple(f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{number}" for number in range(2))
ADD_DA: Mapping[str, Any] = {"environments": {"da": True}}
DROP_QA: Mapping[str, Any] = {"environments": {"nonProd": ["dev", "stage"]}}
READ: Mapping[str, Any] = {"service": {"secrets": {"DB": SECRET}}}


def stack(cloud: FakeCloud) -> FakeStack:
    found = cloud.stacks.named("Shop")
    assert found
    return found


def revision(api: Client) -> int:
    return int(api.specification().body["revision"])


def parameters(cloud: FakeCloud, name: str) -> set[str]:
    """Return the secrets that the stack lets an environment read."""
    return set(filter(None, stack(cloud).parameters.get(f"{name}SecretArns", "").split(",")))


def unchanged(cloud: FakeCloud, api: Client) -> None:
    """Assert that the specification and the environments are those of the create."""
    assert revision(api) == 1
    assert set(cloud.tables.inventory_of("Shop").rows) == {
        Environment.DEV, Environment.QA, Environment.STAGE, Environment.TRAINING,
        Environment.PROD_BLUE, Environment.PROD_GREEN,
    }  # fmt: skip
    executable = [
        each for each in stack(cloud).change_sets.values() if each.execution == "AVAILABLE"
    ]
    assert executable == []
    # The next update is possible, with a new number.
    done = api.ended(api.patch({"service": {"environment": {"LEVEL": "debug"}}}))
    assert done.operation["spec"] == 3


def test_an_added_environment_gets_its_settings(promoted: FakeCloud, api: Client) -> None:
    before = {
        name: each.primary.task_definition
        for (_, name), each in promoted.containers.services_.items()
    }
    change = {**ADD_DA, "overrides": {"da": {"environment": {"LEVEL": "debug"}, "desiredCount": 2}}}
    done = api.ended(api.patch(change))
    assert set(done.environments) == {"DA"}
    assert done.operation["stack"] == {"added": ["DA"]}
    assert done.environments["DA"]["url"] == "http://internal-Shop-da.elb.example"
    row = promoted.tables.inventory_of("Shop").rows[Environment.DA]
    assert row.service
    assert (row.status, row.service.spec, row.service.desired_count) == ("ACTIVE", 2, 2)
    assert promoted.containers.running("Shop", "da").variables["LEVEL"] == "debug"
    assert promoted.containers.service("Shop", "da").desired == 2
    for name, definition in before.items():
        assert promoted.containers.service("Shop", name).primary.task_definition == definition
    assert revision(api) == 2
    api.ended(api.deploy("1.1", "da"))


def test_a_removed_environment_leaves_nothing(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.deploy("1.1", "qa"))
    done = api.ended(api.patch(DROP_QA, remove="qa"))
    assert done.operation["stack"] == {"removed": ["QA"]}
    assert Environment.QA not in promoted.tables.inventory_of("Shop").rows
    assert ("Shop", "qa") not in promoted.containers.services_
    left = [each for each in promoted.containers.task_definitions.values()
            if each.request["family"] == "Shop-qa" and each.active]  # fmt: skip
    assert left == []
    assert api.deploy("1.1", "qa").status == 409
    # The environment can be added again.
    api.ended(api.patch({"environments": {"nonProd": ["dev", "qa", "stage"]}}))
    api.ended(api.deploy("1.1", "qa"))


def test_new_secrets_are_readable_before_their_rollout(promoted: FakeCloud, api: Client) -> None:
    started: list[bool] = []

    def watch(call: Any) -> None:
        if call.name == "containers.register":
            started.append(SECRET in parameters(promoted, "dev"))

    promoted.wire.watchers.append(watch)
    done = api.ended(api.patch(READ))
    assert started
    assert all(started)
    assert done.operation["stack"] == {"secrets": ["dev", "qa", "stage", "training", "prod"]}
    for name in ("dev", "qa", "stage", "training", "prod"):
        assert parameters(promoted, name) == {SECRET}
    # A further use of the same secret needs no change of the stack.
    promoted.wire.journal.clear()
    api.ended(api.patch({"service": {"secrets": {"DB": None, "DATABASE": SECRET}}}))
    assert not [call for call in promoted.wire.journal if call.port == "stacks"]


@pytest.mark.parametrize("before", ["", f"{KEYS[0]},{KEYS[1]}", f"{KEYS[1]},{KEYS[0]}", "other"])
def test_new_secrets_bring_the_present_keys_to_all_environments(
    promoted: FakeCloud, api: Client, before: str
) -> None:
    api.ended(api.patch(READ))
    promoted.settings = promoted.settings._replace(secret_keys=KEYS)
    stack(promoted).parameters["SecretKeyArns"] = before
    done = api.ended(api.patch({"overrides": {"dev": {"secrets": {"KEY": OTHER}}}}))
    assert {*stack(promoted).parameters["SecretKeyArns"].split(",")} == {*KEYS}
    same = {*before.split(",")} == {*KEYS}
    expected = ["dev"] if same else ["dev", "qa", "stage", "training", "prod"]
    assert done.operation["stack"] == {"secrets": expected}


def test_a_new_environment_with_secrets_brings_the_present_keys(
    promoted: FakeCloud, api: Client
) -> None:
    api.ended(api.patch({"overrides": {"qa": {"secrets": {"DB": SECRET}}}}))
    promoted.settings = promoted.settings._replace(secret_keys=KEYS)
    stack(promoted).parameters["SecretKeyArns"] = ""
    api.ended(api.patch({"environments": {"training": False}}, remove="training"))
    assert stack(promoted).parameters["SecretKeyArns"] == ""
    done = api.ended(api.patch({**ADD_DA, "overrides": {"da": {"secrets": {"DB": SECRET}}}}))
    assert stack(promoted).parameters["SecretKeyArns"] == ",".join(KEYS)
    assert done.operation["stack"] == {"added": ["DA"], "secrets": ["qa"]}


def test_a_stack_without_their_parameter_receives_no_keys(promoted: FakeCloud, api: Client) -> None:
    promoted.settings = promoted.settings._replace(secret_keys=KEYS)
    api.ended(api.patch(READ))
    assert "SecretKeyArns" not in stack(promoted).parameters


def test_secrets_of_running_tasks_stay_readable(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.patch(READ))
    api.ended(api.promote())
    api.ended(api.patch({"service": {"secrets": {"DB": None, "KEY": OTHER}}}))
    # The idle slot still runs the first secret, and a swap makes it live.
    assert parameters(promoted, "prod") == {SECRET, OTHER}
    api.ended(api.promote())
    api.ended(api.patch(ADD_DA))
    assert parameters(promoted, "dev") == {OTHER}
    assert parameters(promoted, "prod") == {OTHER}


@pytest.mark.parametrize(
    ("remove", "patch", "message"),
    [
        (None, DROP_QA, "must be qa"),
        ("qa,stage", DROP_QA, "must be qa"),
        ("qa", ADD_DA, "must be absent"),
        ("qa", {"description": "x"}, "must be absent"),
    ],
)
def test_a_removal_must_be_named(
    promoted: FakeCloud, api: Client, remove: str | None, patch: Mapping[str, Any], message: str
) -> None:
    reply = api.patch(patch, remove=remove) if remove else api.patch(patch)
    assert reply.status == 400
    (fault,) = reply.body["errors"]
    assert fault["field"] == "remove"
    assert fault["message"].startswith(message)
    assert not promoted.tables.in_progress()


def test_a_removal_requires_the_right_to_delete(promoted: FakeCloud) -> None:
    with_policy(promoted, ONLY_APPROVERS)
    team = Client(promoted, OWNER)
    refused = team.patch(DROP_QA, remove="qa")
    assert (refused.status, refused.body["code"]) == (403, "FORBIDDEN")
    assert team.patch(ADD_DA).status == 202


@pytest.mark.usefixtures("promoted")
def test_a_dry_run_shows_the_change_of_the_stack(dry: DryClient) -> None:
    change = {"environments": {"nonProd": ["dev", "stage"], "da": True}, **READ}
    planned = plan(dry.patch(change, remove="qa"))
    assert planned["stack"] == {
        "added": ["DA"], "removed": ["QA"], "secrets": ["dev", "stage", "training", "prod"],
    }  # fmt: skip
    parts = {part["environment"]: part for part in planned["environments"]}
    assert set(parts) == {"DEV", "QA", "STAGE", "TRAINING", "DA"}
    assert parts["DA"]["secrets"] == ["DB"]
    assert "taskDefinition" not in parts["QA"]


def test_a_dry_run_shows_the_settings_of_an_added_environment(
    cloud: FakeCloud, api: Client, dry: DryClient
) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/payments-tasks"
    with_policy(cloud, AccessPolicy(task_roles={"payments": (role,)}))
    api.finished(api.create(service={"cpu": 512, "memory": 1024}))
    named = {"da": {"cpu": 1024, "memory": 2048, "taskRole": role, "desiredCount": 2}}
    (part,) = plan(dry.patch({**ADD_DA, "overrides": named}))["environments"]
    assert part == {"environment": "DA", **named["da"]}
    # A size that the specification does not name any more is that of the stack.
    api.ended(api.patch({"service": None}))
    (part,) = plan(dry.patch(ADD_DA))["environments"]
    assert part == {"environment": "DA", "cpu": 512, "memory": 1024, "desiredCount": 1}


def test_an_added_environment_has_the_size_of_the_stack(cloud: FakeCloud, api: Client) -> None:
    """The stack keeps the size of the create, which the present specification does not name."""
    size = {"cpu": 1024, "memory": 2048}
    api.finished(api.create(environments={"nonProd": ["dev"]}, service=size))
    api.ended(api.patch({"service": dict.fromkeys(size)}))
    small, large = ({**ADD_DA, "overrides": {"da": {"memory": each}}} for each in (1024, 4096))
    refused = api.patch(small)
    assert refused.status == 400
    sizes = "2048, 3072, 4096, 5120, 6144, 7168, 8192"
    fault = f"must be one of {sizes} MiB for 1024 CPU units (of the stack), not 1024"
    assert refused.body["errors"] == [{"field": "overrides.da.memory", "message": fault}]
    api.ended(api.patch(large))
    definition = cloud.containers.running("Shop", "da").request
    assert (definition["cpu"], definition["memory"]) == ("1024", "4096")


def test_unexpected_changes_are_not_executed(promoted: FakeCloud, api: Client) -> None:
    # Another tool has changed the stack, and its change set would change all services.
    found = api.patch(ADD_DA)
    name = f"op-{found.id}"
    promoted.stacks.pace = None
    change_set = stack(promoted).change_sets[name]
    foreign = change_set.changes[-1]._replace(
        action="Modify", logical_id="prod1Service", type="AWS::ECS::Service", replacement="False"
    )
    change_set.changes = (*change_set.changes, foreign)
    change_set.complete()
    done = api.ended(found, "FAILED")
    assert done.operation["reasons"] == [
        "the change set was not executed, because it would Modify prod1Service (AWS::ECS::Service)"
    ]
    assert stack(promoted).status == "CREATE_COMPLETE"
    promoted.stacks.pace = 1
    unchanged(promoted, api)


def test_a_failed_update_of_the_stack_changes_nothing(promoted: FakeCloud, api: Client) -> None:
    promoted.stacks.update_failures = ("daService (AWS::ECS::Service): limit exceeded",)
    done = api.ended(api.patch(ADD_DA), "FAILED")
    assert done.operation["reasons"] == ["daService (AWS::ECS::Service): limit exceeded"]
    assert stack(promoted).status == "UPDATE_ROLLBACK_COMPLETE"
    promoted.stacks.update_failures = ()
    unchanged(promoted, api)
    done = api.ended(api.patch(ADD_DA))
    assert done.operation["spec"] == 4


def test_a_failed_rollback_is_continued_once(promoted: FakeCloud, api: Client) -> None:
    promoted.stacks.update_failures = ("daService (AWS::ECS::Service): limit exceeded",)
    promoted.stacks.rollback_failures = ("daListener (AWS::…::Listener): in use",)
    done = api.ended(api.patch(ADD_DA), "FAILED")
    continued = [call for call in promoted.wire.journal if call.name == "stacks.continue_rollback"]
    assert len(continued) == 1
    assert "daListener" in str(done.operation["reasons"])
    assert "ContinueUpdateRollback" in str(done.operation["reasons"])
    refused = api.patch(ADD_DA)
    assert (refused.status, refused.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert "UPDATE_ROLLBACK_FAILED" in refused.body["errorMessage"]
    # An update without the stack is possible.
    api.ended(api.patch({"service": {"environment": {"LEVEL": "debug"}}}))


def test_a_continued_rollback_can_succeed(promoted: FakeCloud, api: Client) -> None:
    promoted.stacks.update_failures = ("daService (AWS::ECS::Service): limit exceeded",)
    promoted.stacks.rollback_failures = ("daListener (AWS::…::Listener): in use",)

    def repaired(call: Any) -> None:
        if call.name == "stacks.continue_rollback":
            promoted.stacks.rollback_failures = ()

    promoted.wire.watchers.append(repaired)
    done = api.ended(api.patch(ADD_DA), "FAILED")
    assert done.operation["reasons"] == ["daService (AWS::ECS::Service): limit exceeded"]
    promoted.stacks.update_failures = ()
    unchanged(promoted, api)


def test_resources_that_cannot_be_deleted_are_named(promoted: FakeCloud, api: Client) -> None:
    promoted.stacks.cleanup_failures = ("qaLoadBalancer (AWS::…::LoadBalancer): protected",)
    done = api.ended(api.patch(DROP_QA, remove="qa"))
    (warning,) = done.operation["warnings"]
    assert "could not delete resources of QA" in warning
    assert "qaLoadBalancer" in warning
    assert revision(api) == 2


def warning_of_remains(cloud: FakeCloud, api: Client) -> str:
    """Add an environment, which fails with remaining resources; return the warning."""
    cloud.stacks.update_failures = ("daService (AWS::ECS::Service): limit exceeded",)
    cloud.stacks.cleanup_failures = ("daLoadBalancer (AWS::…::LoadBalancer): protected",)
    done = api.ended(api.patch(ADD_DA), "FAILED")
    assert stack(cloud).status == "UPDATE_ROLLBACK_COMPLETE"
    assert done.operation["reasons"] == ["daService (AWS::ECS::Service): limit exceeded"]
    (warning,) = done.operation["warnings"]
    assert "could not delete resources that the failed update had created" in warning
    return str(warning)


def test_resources_that_a_rollback_cannot_delete_are_named(
    promoted: FakeCloud, api: Client
) -> None:
    assert "daLoadBalancer" in warning_of_remains(promoted, api)
    promoted.stacks.update_failures = promoted.stacks.cleanup_failures = ()
    unchanged(promoted, api)


def test_resources_that_a_continued_rollback_cannot_delete_are_named(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.stacks.rollback_failures = ("daListener (AWS::…::Listener): in use",)
    promoted.stacks.repaired = True
    assert "daLoadBalancer" in warning_of_remains(promoted, api)


def test_a_deletion_that_the_rollback_repeats_is_not_a_reason(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.stacks.pace = None
    accepted = api.patch(ADD_DA)
    stack(promoted).change_sets[f"op-{accepted.id}"].complete()
    api.status(accepted.id)
    cause, repeated = "daService: limit exceeded", "daLoadBalancer: in use"
    updating = stack(promoted)
    updating.status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    updating.failures[accepted.id] = cause, repeated
    updating.undeleted[accepted.id] = (repeated,)
    assert api.status(accepted.id).operation["reasons"] == [cause]
    # A later attempt has deleted it.
    updating.failures[accepted.id] = (cause,)
    promoted.stacks.finish("Shop")
    done = api.ended(accepted, "FAILED")
    assert done.operation["reasons"] == [cause]
    assert "warnings" not in done.operation


def executing(cloud: FakeCloud, api: Client) -> Reply:
    """Start to add an environment; CloudFormation updates the stack and shows nothing yet."""
    cloud.stacks.pace = None
    accepted = api.patch(ADD_DA)
    stack(cloud).change_sets[f"op-{accepted.id}"].complete()
    api.status(accepted.id)
    assert stack(cloud).status == "UPDATE_IN_PROGRESS"
    return accepted


def test_the_reasons_of_a_rollback_are_found_after_its_end(
    promoted: FakeCloud, api: Client
) -> None:
    accepted = executing(promoted, api)
    cause, remains = "daService: limit exceeded", "daLoadBalancer: protected"
    ended_stack = stack(promoted)
    ended_stack.status = "UPDATE_ROLLBACK_COMPLETE"
    ended_stack.failures[accepted.id] = cause, remains
    ended_stack.undeleted[accepted.id] = (remains,)
    start = len(promoted.wire.journal)
    done = api.ended(accepted, "FAILED")
    assert done.operation["reasons"] == [cause]
    (warning,) = done.operation["warnings"]
    assert warning.endswith(f"delete them by hand: {remains}")
    reads = [call.args for call in promoted.wire.journal[start:] if call.name == "stacks.undeleted"]
    assert {token for _, token in reads} == {accepted.id}, "no rollback was continued"


def test_the_reasons_of_a_failed_update_without_a_rollback_are_named(
    promoted: FakeCloud, api: Client
) -> None:
    accepted = executing(promoted, api)
    stack(promoted).status = "UPDATE_FAILED"
    stack(promoted).failures[accepted.id] = ("daService: limit exceeded",)
    done = api.ended(accepted, "FAILED")
    assert done.operation["reasons"] == ["daService: limit exceeded"]


def test_the_rollback_of_an_earlier_update_is_not_read(promoted: FakeCloud, api: Client) -> None:
    """DescribeStacks is eventually consistent: it can return the stack before the update."""
    accepted = executing(promoted, api)
    stack(promoted).status = "UPDATE_ROLLBACK_COMPLETE"
    waiting = api.status(accepted.id).operation
    assert waiting["waitingFor"] == "CloudFormation to show the update"
    assert promoted.wire.count("stacks.undeleted") == 0
    promoted.stacks.pace = stack(promoted).left = 1
    stack(promoted).status = "UPDATE_IN_PROGRESS"
    api.ended(accepted)


def test_a_refused_change_set_fails_the_update(promoted: FakeCloud, api: Client) -> None:
    words = "Stack:Shop is in DELETE_IN_PROGRESS state and can not be updated."
    promoted.wire.fail("stacks.create_change_set", RefusedError(words), times=1)
    done = api.ended(api.patch(ADD_DA), "FAILED")
    assert done.operation["reasons"] == [words]
    unchanged(promoted, api)


CONFLICT = "daLoadBalancer (AWS::…::LoadBalancer): Shop-da already exists"


def test_an_invalid_change_set_fails_with_the_reasons_of_its_validation(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.stacks.validation_failures = (CONFLICT,)
    done = api.ended(api.patch(ADD_DA), "FAILED")
    assert done.operation["reasons"] == [CONFLICT]
    assert stack(promoted).change_sets == {}
    reads = [call for call in promoted.wire.journal if call.name == "stacks.change_set_failures"]
    assert len(reads) == 1
    promoted.stacks.validation_failures = ()
    unchanged(promoted, api)


@pytest.mark.parametrize(
    "error",
    [
        AccessDeniedError("the service's role lacks cloudformation:DescribeEvents"),
        RefusedError("DescribeEvents is not supported"),
        ThrottledError("Rate exceeded"),
        UnreachableError("AWS did not respond"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_without_the_reasons_of_its_validation_an_update_fails_with_the_general_text(
    promoted: FakeCloud, api: Client, error: AwsError
) -> None:
    promoted.stacks.validation_failures = (CONFLICT,)
    promoted.wire.fail("stacks.change_set_failures", error)
    done = api.ended(api.patch(ADD_DA), "FAILED")
    (reason,) = done.operation["reasons"]
    assert reason.startswith("CloudFormation: The following hook(s)/validation failed: [AWS::Early")
    promoted.stacks.validation_failures = ()
    unchanged(promoted, api)


def test_only_failed_change_sets_need_the_reasons_of_their_validation(
    promoted: FakeCloud, api: Client
) -> None:
    api.ended(api.patch(ADD_DA))
    promoted.stacks.validation_failures = (CONFLICT,)
    promoted.stacks.pace = None
    accepted = api.patch(DROP_QA, remove="qa")
    stack(promoted).change_sets[f"op-{accepted.id}"].complete()
    # A function without the permissions for change sets does not decide on the failure.
    settings = promoted.settings
    promoted.settings = settings._replace(changes_stacks=False)
    assert api.status(accepted.id).operation["status"] == "IN_PROGRESS"
    promoted.settings = settings
    assert api.abort(accepted.id).operation["reasons"] == ["aborted by iam user/alice"]
    assert not [call for call in promoted.wire.journal if "failures" in call.name]


def test_the_reasons_of_a_validation_are_read_once_after_the_change_of_another_tool(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.stacks.validation_failures = (CONFLICT,)
    promoted.stacks.pace = None
    accepted = api.patch(ADD_DA)
    stack(promoted).change_sets[f"op-{accepted.id}"].complete()
    stack(promoted).status, stack(promoted).left = "UPDATE_IN_PROGRESS", None
    for _ in range(3):
        waiting = api.status(accepted.id).operation
        assert waiting["waitingFor"] == "stack UPDATE_IN_PROGRESS"
    stack(promoted).status = "UPDATE_COMPLETE"
    assert api.status(accepted.id).operation["reasons"] == [CONFLICT]
    reads = [call for call in promoted.wire.journal if call.name == "stacks.change_set_failures"]
    assert len(reads) == 1


def test_an_abort_before_the_execution_removes_the_change_set(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.stacks.pace = None
    accepted = api.patch(ADD_DA)
    assert api.abort(accepted.id).status == 200
    assert api.status(accepted.id).operation["status"] == "FAILED"
    assert stack(promoted).change_sets == {}
    assert stack(promoted).status == "CREATE_COMPLETE"
    promoted.stacks.pace = 1
    unchanged(promoted, api)


def test_an_abort_during_the_execution_waits_for_the_stack(
    promoted: FakeCloud, api: Client
) -> None:
    accepted = api.patch(ADD_DA)
    promoted.stacks.pace = None
    name = f"op-{accepted.id}"
    stack(promoted).change_sets[name].complete()
    api.status(accepted.id)
    assert stack(promoted).status == "UPDATE_IN_PROGRESS"
    assert api.abort(accepted.id).status == 202
    promoted.stacks.pace = 1
    stack(promoted).left = 1
    done = api.ended(accepted, "FAILED")
    assert done.operation["abortedBy"] == api.caller
    # The stack has the change, so the revision is the present one.
    assert revision(api) == 2
    assert promoted.tables.inventory_of("Shop").rows[Environment.DA].status == "ACTIVE"


def test_a_failed_rollout_keeps_the_added_environment(promoted: FakeCloud, api: Client) -> None:
    crashes = {"environment": {"BEHAVIOUR": CRASH}}
    done = api.ended(api.patch({**ADD_DA, "overrides": {"da": crashes}}), "FAILED")
    assert done.environments["DA"]["status"] == "FAILED"
    row = promoted.tables.inventory_of("Shop").rows[Environment.DA]
    assert row.service
    assert (row.status, row.service.spec) == ("ACTIVE", None)
    assert revision(api) == 2
    api.ended(api.patch({"overrides": {"da": {"environment": {"BEHAVIOUR": None}}}}))


def test_an_operation_that_was_given_up_can_be_repeated(promoted: FakeCloud, api: Client) -> None:
    accepted = api.patch(ADD_DA)
    promoted.wire.fail("containers.services", UnreachableError("AWS did not respond"))
    promoted.wire.fail("stacks.describe", UnreachableError("AWS did not respond"))
    promoted.clock.pass_(minutes=180)
    api.settle()
    assert promoted.tables.operations["Shop", accepted.id].status == "FAILED"
    promoted.wire.heal()
    promoted.lines.clear()
    api.ended(api.patch(ADD_DA))
    assert promoted.tables.inventory_of("Shop").rows[Environment.DA].status == "ACTIVE"


def test_two_updates_can_add_the_same_environment(promoted: FakeCloud, api: Client) -> None:
    promoted.wire.on("containers.services", lambda: api.patch(ADD_DA))
    refused = api.patch(ADD_DA)
    assert (refused.status, refused.body["code"]) == (409, "BUSY")
    assert "the specification of Shop is held" in refused.body["errorMessage"]


def test_new_secrets_need_the_stack_only_until_it_has_them(
    promoted: FakeCloud, api: Client
) -> None:
    accepted = api.patch(READ)

    def denied(call: Any) -> None:
        if call.name == "containers.register":
            promoted.wire.fail("stacks.describe", UnreachableError("AWS did not respond"))

    promoted.wire.watchers.append(denied)
    api.ended(accepted)
    assert revision(api) == 2


def test_only_functions_with_the_permission_change_stacks(promoted: FakeCloud, api: Client) -> None:
    accepted = api.patch(ADD_DA)
    settings = promoted.settings
    promoted.settings = settings._replace(changes_stacks=False)
    for _ in range(5):
        assert api.status(accepted.id).operation["status"] == "IN_PROGRESS"
    executed = [call for call in promoted.wire.journal if call.name == "stacks.execute_change_set"]
    assert executed == []
    promoted.settings = settings
    api.ended(accepted)


@pytest.mark.usefixtures("promoted")
def test_secrets_must_fit_into_their_parameter(api: Client) -> None:
    many = {f"S{n}": f"{SECRET[:-7]}-{n:02}{'x' * 79}-AbCdEf" for n in range(26)}
    api.ended(api.patch({"service": {"secrets": many}}))
    others = {name: arn.replace("db", "key") for name, arn in many.items()}
    reply = api.patch({"service": {"secrets": others}})
    assert reply.status == 400
    assert "remove secrets first" in reply.body["errors"][0]["message"]


def test_the_event_of_a_stack_continues_an_update_that_holds_no_rows(
    promoted: FakeCloud, api: Client
) -> None:
    accepted = api.patch({"overrides": {"prod": {"secrets": {"DB": SECRET}}}})
    assert "environments" not in accepted.operation
    promoted.clock.wait(60)
    stack(promoted).change_sets[f"op-{accepted.id}"].complete()
    assert api.wake(stack_status("Shop", "UPDATE_COMPLETE")) == 1
    assert stack(promoted).status == "UPDATE_IN_PROGRESS"
    api.ended(accepted)
    assert parameters(promoted, "prod") == {SECRET}
