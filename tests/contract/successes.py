"""The scenarios of the responses with an operation: accepted, succeeded or failed."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from devops_core.errors import RefusedError, ThrottledError
from devops_core.model.stack_change import PropertyChange, ResourceChange
from tests.contract.example_account import REVISION_1, WAIT, Account, Scenarios
from tests.lab.client import Reply
from tests.lab.fakes.monitoring import Metrics
from tests.lab.fakes.task_service import CRASH, HANG
from tests.lab.templates import SMALL
from tools.contract.document import operation

_CRASHES = {"overrides": {"dev": {"environment": {"BEHAVIOUR": CRASH}}}}


def _variable(account: Account) -> Reply:
    return account.configured().send("patchSpecification", "variable", WAIT)


def _unchanged(account: Account) -> Reply:
    return account.configured().send("replaceSpecification", "whole", {"If-Match": '"2"'})


def _update_tried(account: Account) -> Reply:
    return account.configured().dry.patch({"service": {"environment": {"LOG_LEVEL": None}}})


def _update_that_fails(account: Account) -> Reply:
    return account.configured().api.patch(_CRASHES, headers=WAIT)


def _create_that_fails(account: Account) -> Reply:
    account.cloud.stacks.create_failures = (
        "DevService (AWS::ECS::Service): ECS Deployment Circuit Breaker was triggered",
    )
    return account.api.create(headers=WAIT)


def _delete_that_fails(account: Account) -> Reply:
    account.with_shop().cloud.stacks.delete_failures = (
        "Repository (AWS::ECR::Repository): the repository is in use",
    )
    return account.api.delete(headers=WAIT)


def _deploy_that_fails(account: Account) -> Reply:
    return account.deployed().api.deploy("1.0.0.1", "dev", headers=WAIT)


def _promote_that_fails(account: Account) -> Reply:
    words = "The role cannot be assumed"
    account.deployed().cloud.wire.fail("containers.register", RefusedError(words), times=1)
    return account.api.promote()


def _swap_that_fails(account: Account) -> Reply:
    cloud, api = account.promoted().cloud, account.api
    cloud.wire.fail("load_balancer.switch", ThrottledError("AWS throttles ModifyListener"))
    # A repeat of the call that comes when the time limit is over.
    key = {"Idempotency-Key": "Shop-swap-100"}
    assert api.swap(headers=key).status == 202
    cloud.clock.pass_(minutes=15)
    return api.swap(headers=key)


def _swap_that_waits(account: Account) -> Reply:
    green = account.promoted().cloud.containers.service("Shop", "prod-1")
    green.desired = green.running = 3
    return account.send("swap", "back")


def _waiting_swap(account: Account) -> str:
    """Start the swap in steps of the examples, with an approval before the first customers."""
    account.cloud.monitoring.states["Shop-errors"] = "OK"
    policy = operation("swap").examples["canary"]["value"]
    return account.promoted().api.swap(**{**policy, "approval": {"before": "shift"}}).id


def _canary(account: Account) -> Reply:
    account.promoted().cloud.monitoring.states["Shop-errors"] = "OK"
    return account.send("swap", "canary")


def _rolled_back(account: Account) -> Reply:
    api = account.promoted().api
    account.send("swap", "version")
    account.cloud.push("1.1.0.0")
    api.finished(api.deploy("1.1.0.0", "stage"))
    api.finished(api.promote())
    assert api.swap(version="1.1.0.0", strategy={"type": "linear"}).operation["weight"] == 10
    return account.send("swap", "version")


def _continued(account: Account) -> Reply:
    return account.send("advanceOperation", "continue", about=_waiting_swap(account))


def _finished(account: Account) -> Reply:
    return account.send("advanceOperation", "finish", WAIT, about=_waiting_swap(account))


def _finish_tried(account: Account) -> Reply:
    return account.dry.advance(_waiting_swap(account), "finish")


def _finish_that_fails(account: Account) -> Reply:
    waiting = _waiting_swap(account)
    account.cloud.monitoring.states["Shop-errors"] = "ALARM"
    return account.api.advance(waiting, "finish")


def _live_already(account: Account) -> Reply:
    account.promoted().send("swap", "version")
    return account.send("swap", "live")


def _in_progress(account: Account) -> Reply:
    return account.api.status(account.deployed().api.deploy("1.0.0.0", "qa").id)


def _failed(account: Account) -> Reply:
    return account.api.finished(account.deployed().api.deploy("1.0.0.1", "dev"))


def _warmed_up(account: Account) -> Reply:
    return account.api.status(account.promoted().send("swap", "version").id)


def _judged(account: Account, errors: int) -> Reply:
    """Read the swap in steps of the examples after its first verdict with enough requests.

    The new release has some errors in 200 requests each minute.
    """
    identifier, estate = _canary(account).id, account.cloud.stacks.estate
    metrics = {"prod-1": Metrics(2000, 2), "prod-2": Metrics(200, errors)}
    for slot, each in metrics.items():
        account.cloud.monitoring.metrics[estate.target_group("Shop", slot)] = partial(_always, each)
    for _ in range(4):
        account.api.tick()
    return account.api.status(identifier)


def _always(metrics: Metrics, _start: datetime) -> Metrics:
    return metrics


def _repair(account: Account) -> Reply:
    cloud, api = account.promoted().cloud, account.api
    cloud.clock.pass_(minutes=10)
    estate = cloud.stacks.estate
    listener = estate.listener("Shop", "production")
    cloud.load_balancer.listeners[listener] = [estate.target_group("Shop", "prod-2")]
    assert api.drift_check() == 1
    (repair,) = (each for each in cloud.tables.operations.values() if each.kind == "repair")
    return api.status(repair.id)


def _stopped(account: Account) -> Reply:
    wire, api = account.promoted().cloud.wire, account.api
    wire.fail("load_balancer.switch", ThrottledError("AWS throttles ModifyListener"))
    return api.abort(api.swap().id)


def _going_back(account: Account) -> Reply:
    account.deployed().cloud.push("slow", HANG)
    return account.api.abort(account.api.deploy("slow", "dev").id)


def _going_back_tried(account: Account) -> Reply:
    account.deployed().cloud.push("slow", HANG)
    return account.dry.abort(account.api.deploy("slow", "dev").id)


def _newer(account: Account, kind: str = "IAM::Role", name: str = "prod1ExecutionRole") -> Account:
    """Publish a newer template, which changes a resource of the application."""
    account.with_shop().cloud.templates.versions["v2"] = f"{SMALL}# newer\n".encode()
    change = ResourceChange(
        "Modify", name, f"AWS::{kind}", "False", (PropertyChange("Tags", "DirectModification"),)
    )
    account.cloud.stacks.template_changes = (change,)
    return account


def _upgraded(account: Account) -> Reply:
    return _newer(account).api.upgrade(headers=WAIT)


def _upgrade_tried(account: Account) -> Reply:
    return _newer(account).api.upgrade(dryRun="true")


def _upgrade_that_fails(account: Account) -> Reply:
    _newer(account, "ElasticLoadBalancingV2::Listener", "ProductionListener")
    return account.api.upgrade(headers=WAIT)


SUCCESSES: Scenarios = {
    ("createApplication", 200, "full"): lambda account: account.send(
        "createApplication", "full", WAIT
    ),
    ("createApplication", 200, "dryRun"): lambda account: account.dry.create(),
    ("createApplication", 202, "minimal"): lambda account: account.send(
        "createApplication", "minimal"
    ),
    ("createApplication", 424, "OPERATION_FAILED"): _create_that_fails,
    ("deleteApplication", 200, "query"): lambda account: account.with_shop().send(
        "deleteApplication", "query", WAIT
    ),
    ("deleteApplication", 200, "dryRun"): lambda account: account.with_shop().dry.delete(),
    ("deleteApplication", 202, "body"): lambda account: account.with_shop().send(
        "deleteApplication", "body"
    ),
    ("deleteApplication", 424, "OPERATION_FAILED"): _delete_that_fails,
    ("deploy", 200, "foreign"): lambda account: account.with_shop().send("deploy", "foreign", WAIT),
    ("deploy", 200, "dryRun"): lambda account: account.deployed().dry.deploy("1.0.0.1", "dev"),
    ("deploy", 202, "own"): lambda account: account.with_shop().send("deploy", "own"),
    ("deploy", 424, "OPERATION_FAILED"): _deploy_that_fails,
    ("promote", 200, "named"): lambda account: account.deployed().send("promote", "named", WAIT),
    ("promote", 200, "dryRun"): lambda account: account.deployed().dry.promote(),
    ("promote", 202, "highest"): lambda account: account.deployed().send("promote", "highest"),
    ("promote", 424, "OPERATION_FAILED"): _promote_that_fails,
    ("swap", 200, "version"): lambda account: account.promoted().send("swap", "version"),
    ("swap", 200, "live"): _live_already,
    ("swap", 200, "dryRun"): lambda account: account.promoted().dry.swap(version="1.0.0.0"),
    ("swap", 200, "rolledBack"): _rolled_back,
    ("swap", 202, "back"): _swap_that_waits,
    ("swap", 202, "canary"): _canary,
    ("swap", 424, "OPERATION_FAILED"): _swap_that_fails,
    ("replaceSpecification", 200, "variable"): _variable,
    ("replaceSpecification", 200, "unchanged"): _unchanged,
    ("replaceSpecification", 200, "dryRun"): _update_tried,
    ("replaceSpecification", 202, "whole"): lambda account: account.promoted().send(
        "replaceSpecification", "whole", REVISION_1
    ),
    ("replaceSpecification", 424, "OPERATION_FAILED"): _update_that_fails,
    ("patchSpecification", 202, "removed"): lambda account: account.configured().send(
        "patchSpecification", "removed"
    ),
    ("upgradeApplication", 200, "upgraded"): _upgraded,
    ("upgradeApplication", 200, "upToDate"): lambda account: account.with_shop().api.upgrade(),
    ("upgradeApplication", 200, "dryRun"): _upgrade_tried,
    ("upgradeApplication", 202, "empty"): lambda account: _newer(account).send(
        "upgradeApplication", "empty"
    ),
    ("upgradeApplication", 424, "OPERATION_FAILED"): _upgrade_that_fails,
    ("readOperation", 200, "inProgress"): _in_progress,
    ("readOperation", 200, "failed"): _failed,
    ("readOperation", 200, "warmedUp"): _warmed_up,
    ("readOperation", 200, "judged"): lambda account: _judged(account, errors=1),
    ("readOperation", 200, "judgedBad"): lambda account: _judged(account, errors=20),
    ("readOperation", 200, "repair"): _repair,
    ("abortOperation", 200, "stopped"): _stopped,
    ("abortOperation", 200, "dryRun"): _going_back_tried,
    ("abortOperation", 202, "goingBack"): _going_back,
    ("advanceOperation", 200, "finish"): _finished,
    ("advanceOperation", 200, "dryRun"): _finish_tried,
    ("advanceOperation", 202, "continue"): _continued,
    ("advanceOperation", 424, "OPERATION_FAILED"): _finish_that_fails,
    ("health", 200, "ok"): lambda account: account.api.health(),
}
