"""The scenarios of the responses that refuse a call, or report an error."""

from __future__ import annotations

from collections.abc import Callable

from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    ChangedMeanwhileError,
    LostClaimError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.inventory import RowStatus
from devops_core.naming import Environment
from tests.contract.example_account import REVISION_1, Account, Scenarios
from tests.lab.callers import ONLY_TEAMS, with_policy
from tests.lab.client import Reply
from tools.contract.document import operation

NOBODY = "01JN8EY4M00000000000000009"


def _exists(account: Account) -> Reply:
    return account.with_shop().send("createApplication", "minimal")


def _faulty(account: Account) -> Reply:
    return account.api.deploy("", "prod", application="my_shop", colour="red")


def _other_team(account: Account) -> Reply:
    with_policy(account.with_shop().cloud, ONLY_TEAMS)
    return account.send("deploy", "own")


def _web_page(account: Account) -> Reply:
    cloud = account.with_shop().cloud
    cloud.settings = cloud.settings._replace(authentication="none")
    return account.api.deploy("1.0", "dev", headers={"Origin": "https://intranet.example.com"})


def _unknown_environment(account: Account) -> Reply:
    account.api.finished(account.send("createApplication", "minimal"))
    return account.send("deploy", "own")


def _incomplete(account: Account) -> Reply:
    account.with_shop().change(Environment.DEV, status=RowStatus.DELETE_FAILED)
    return account.send("deploy", "own")


def _no_image(account: Account) -> Reply:
    return account.with_shop().api.deploy("2.0.0.0", "dev")


def _busy(account: Account) -> Reply:
    account.with_shop().send("deploy", "own")
    return account.send("deploy", "own")


def _changed(account: Account) -> Reply:
    account.with_shop().cloud.wire.fail(
        "tables.claim",
        ChangedMeanwhileError("the inventory of Shop changed at the same moment: repeat the call"),
    )
    return account.send("deploy", "own")


def _key_reused(account: Account) -> Reply:
    key = {"Idempotency-Key": "Shop-build-100"}
    account.with_shop().send("deploy", "own", key)
    return account.send("deploy", "foreign", key)


def _nothing_tested(account: Account) -> Reply:
    return account.with_shop().send("promote", "highest")


def _other_version(account: Account) -> Reply:
    return account.promoted().api.swap(version="2.0.0.0")


def _ambiguous(account: Account) -> Reply:
    api = account.promoted().api
    api.swap()
    account.cloud.images.push("shop", "1.0.0.0", content="rebuilt")
    api.finished(api.deploy("1.0.0.0", "stage"))
    api.finished(api.promote())
    return api.swap(version="1.0.0.0")


def _not_ready(account: Account) -> Reply:
    return account.with_shop().send("swap", "back")


def _listener(account: Account) -> Reply:
    cloud = account.promoted().cloud
    cloud.load_balancer.listeners[cloud.stacks.estate.listener("Shop", "production")] = []
    return account.send("swap", "back")


def _ended(account: Account) -> Reply:
    api = account.deployed().api
    return api.abort(api.finished(api.deploy("1.0.0.1", "dev")).id)


def _a_delete(account: Account) -> Reply:
    return account.with_shop().api.abort(account.send("deleteApplication", "body").id)


def _moving_on(account: Account) -> Reply:
    running = account.deployed().api.deploy("1.0.0.1", "dev")
    account.cloud.wire.fail("tables.save", LostClaimError(running.id))
    return account.api.abort(running.id)


def _swap_without_approval(account: Account) -> Reply:
    swap = account.promoted().api.swap(strategy={"type": "canary"})
    return account.api.advance(swap.id, "continue")


def _ended_swap(account: Account) -> Reply:
    return account.api.advance(account.promoted().api.swap().id, "finish")


def _moving_swap(account: Account) -> Reply:
    swap = account.promoted().api.swap(strategy={"type": "canary"})
    account.cloud.wire.fail("tables.save", LostClaimError(swap.id))
    return account.api.advance(swap.id, "finish")


def _not_blocked(account: Account) -> Reply:
    running = account.deployed().api.deploy("1.0.0.1", "dev")
    parameters = {"applicationName": "Shop", "id": running.id}
    resource = operation("abortOperation").path
    return account.api.send("DELETE", resource, parameters=parameters, query={"force": "true"})


def _without_precondition(account: Account) -> Reply:
    return account.with_shop().send("replaceSpecification", "whole")


def _another_revision(account: Account) -> Reply:
    return account.configured().send("replaceSpecification", "whole", REVISION_1)


def _without_record(account: Account) -> Reply:
    account.with_shop().cloud.tables.records.pop("Shop")
    return account.get("readSpecification")


def _unhealthy(account: Account) -> Reply:
    account.cloud.tables.problems = {
        "DevOpsLogsTable": "the service's role lacks the permission GetItem"
    }
    return account.api.health()


def _when(error: AwsError | ZeroDivisionError) -> Callable[[Account], Reply]:
    def deploy(account: Account) -> Reply:
        account.with_shop().cloud.wire.fail("tables.inventory", error, times=1)
        reply = account.send("deploy", "own")
        account.cloud.lines.clear()
        return reply

    return deploy


REFUSALS: Scenarios = {
    ("createApplication", 409, "ALREADY_EXISTS"): _exists,
    ("deploy", 400, "INVALID_REQUEST"): _faulty,
    ("deploy", 403, "FORBIDDEN"): _other_team,
    ("deploy", 403, "CROSS_SITE"): _web_page,
    ("deploy", 409, "NO_SUCH_APPLICATION"): lambda account: account.send("deploy", "own"),
    ("deploy", 409, "NO_SUCH_ENVIRONMENT"): _unknown_environment,
    ("deploy", 409, "NOT_DEPLOYABLE"): _incomplete,
    ("deploy", 409, "IMAGE_NOT_FOUND"): _no_image,
    ("deploy", 409, "BUSY"): _busy,
    ("deploy", 409, "CHANGED_MEANWHILE"): _changed,
    ("deploy", 422, "IDEMPOTENCY_KEY_REUSED"): _key_reused,
    ("deploy", 500, "INTERNAL"): _when(ZeroDivisionError()),
    ("deploy", 502, "ACCESS_DENIED"): _when(
        AccessDeniedError("the service's role lacks the permission dynamodb:BatchGetItem")
    ),
    ("deploy", 502, "REFUSED"): _when(RefusedError("Requested resource not found")),
    ("deploy", 502, "AWS_ERROR"): _when(AwsError("AWS did not do it")),
    ("deploy", 503, "THROTTLED"): _when(ThrottledError("AWS throttles BatchGetItem")),
    ("deploy", 503, "AWS_UNREACHABLE"): _when(
        UnreachableError("AWS could not complete BatchGetItem: Internal server error")
    ),
    ("promote", 409, "NOT_DEPLOYABLE"): _nothing_tested,
    ("swap", 409, "NOT_DEPLOYABLE"): _other_version,
    ("swap", 409, "NOT_READY"): _not_ready,
    ("swap", 409, "AMBIGUOUS"): _ambiguous,
    ("swap", 409, "CONFLICT"): _listener,
    ("replaceSpecification", 412, "PRECONDITION_FAILED"): _another_revision,
    ("replaceSpecification", 428, "PRECONDITION_REQUIRED"): _without_precondition,
    ("readSpecification", 409, "NOT_DEPLOYABLE"): _without_record,
    ("readOperation", 404, "NOT_FOUND"): lambda account: account.api.status(NOBODY),
    ("abortOperation", 409, "ALREADY_ENDED"): _ended,
    ("abortOperation", 409, "NOT_ABORTABLE"): _a_delete,
    ("abortOperation", 409, "NOT_BLOCKED"): _not_blocked,
    ("abortOperation", 409, "CHANGED_MEANWHILE"): _moving_on,
    ("advanceOperation", 409, "CONFLICT"): _swap_without_approval,
    ("advanceOperation", 409, "ALREADY_ENDED"): _ended_swap,
    ("advanceOperation", 409, "CHANGED_MEANWHILE"): _moving_swap,
    ("health", 503, "UNHEALTHY"): _unhealthy,
}
