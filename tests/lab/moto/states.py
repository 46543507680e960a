"""The accounts at the start of stories, and the requests that prepare them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSResponse

from devops_core.model.operation import LEASE
from devops_core.naming import Environment
from tests.lab.fakes import ACCOUNT, REGION, Crash
from tests.lab.moto.backends import backend
from tests.lab.moto.moto_world import World
from tests.lab.moto.transport import Call, Deliver
from tests.lab.world import APPLICATION, Request, create, deploy, patch, promote, schedule, swap

TESTS = ("dev", "qa", "stage")
_VERSIONS = ("1.0", "2.0", "3.0")
_LEVEL = patch({"service": {"environment": {"LEVEL": "debug"}}})


@dataclass(frozen=True, slots=True)
class State:
    """An account: its preparation, after that of `before`; None is an empty account."""

    prepare: Callable[[World], object]
    before: State | None = None


def done(world: World, *requests: Request) -> None:
    """Execute requests one after the other; all must succeed."""
    for request in requests:
        reply = world.ask(request.by_another())
        assert reply
        assert reply.status in (200, 202), reply
        world.recover((schedule,))
    assert all(each.status == "SUCCEEDED" for each in world.records().operations.values())


def _doing(request: Request) -> Callable[[World], object]:
    """Return a preparation that leaves an operation in progress."""
    return lambda world: world.ask(request.by_another())


def _begun(request: Request) -> Callable[[World], object]:
    """Return a preparation that leaves an operation after a crash right after its claim."""

    def prepare(world: World) -> None:
        world.account.wire.fault = _dead_after_the_claim
        world.ask(request.by_another())
        world.account.clock.wait(LEASE.total_seconds())

    return prepare


def _dead_after_the_claim(call: Call, deliver: Deliver) -> AWSResponse:
    if call.changes_aws:
        raise Crash
    return deliver()


def _hanging(request: Request, service: str) -> Callable[[World], object]:
    """Return a preparation that leaves a rollout that stays in progress."""

    def prepare(world: World) -> None:
        world.ask(request.by_another())
        running = backend("ecs").services[f"{APPLICATION}:{service}"]
        world.account.completion.endless.add(running.task_definition)

    return prepare


def _new(world: World) -> None:
    del world


def _large(world: World) -> None:
    done(world, create(environments={"nonProd": TESTS}))
    world.account.push(*_VERSIONS)
    done(world, deploy("2.0", *TESTS))


def _shop(world: World) -> None:
    """Create an application in use: 1.0 is live, 2.0 is tested and promoted."""
    done(world, create())
    world.account.push(*_VERSIONS)
    done(world, deploy("1.0", "dev"), promote(), swap("1.0"), deploy("2.0", "dev"), promote())


def _tested(world: World) -> None:
    done(world, deploy("3.0", "dev"))


def _grown(world: World) -> None:
    scale(world, "prod-2")


def _scaled(world: World) -> None:
    scaling = {"min": 1, "max": 4, "cpuPercent": 60, "requestsPerTarget": 100}
    done(world, patch({"overrides": {"prod": {"scaling": scaling}}}))
    scale(world, "prod-2")


def _updated(world: World) -> None:
    done(world, _LEVEL, promote())


def _older_settings(world: World) -> None:
    """Let the stack keep its logs for a shorter time than the installation."""
    stack = backend("cloudformation").get_stack(APPLICATION)
    stack.parameters["LogRetentionDays"] = "7"
    del world


def _failing_update(*, rollbacks: int = 0) -> Callable[[World], object]:
    """Return a preparation after which updates of stacks fail, and as many of their rollbacks."""

    def prepare(world: World) -> None:
        updates = world.account.completion.change_sets
        updates.failing, updates.failing_rollbacks = True, rollbacks

    return prepare


def _swapped(world: World) -> None:
    done(world, swap("2.0"))


def _listener_moved(world: World) -> None:
    rows = {row.environment: row for row in world.records().rows}
    green, blue = rows[Environment.PROD_GREEN], rows[Environment.PROD_BLUE]
    assert blue.service
    assert green.service
    weights = ((blue.service.target_group, 100), (green.service.target_group, 0))
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights]
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
    world.account.plain("elbv2").modify_listener(
        ListenerArn=green.application.production_listener, DefaultActions=[forward]
    )
    _long_ago(world)


def _service_changed(world: World) -> None:
    container = {"name": "app", "image": "nginx:2"}
    definition = world.account.plain("ecs").register_task_definition(
        family=f"{APPLICATION}-dev", cpu="256", memory="512", containerDefinitions=[container]
    )["taskDefinition"]["taskDefinitionArn"]
    _update(world, "dev", taskDefinition=definition)
    _long_ago(world)


def require_login(world: World) -> None:
    """Let the listeners of production authenticate users with Amazon Cognito."""
    elb, (row, *_) = world.account.plain("elbv2"), world.records().rows
    application = row.application
    pool = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{REGION}_users"
    config = {"UserPoolArn": pool, "UserPoolClientId": "shop", "UserPoolDomain": "shop"}
    login = {"Type": "authenticate-cognito", "AuthenticateCognitoConfig": config}
    for listener in (application.production_listener, application.test_listener):
        (described,) = elb.describe_listeners(ListenerArns=[listener])["Listeners"]
        actions = [login, *described["DefaultActions"]]
        ordered = [{**action, "Order": n} for n, action in enumerate(actions, 1)]
        elb.modify_listener(ListenerArn=listener, DefaultActions=ordered)


def remove_images(world: World) -> None:
    """Remove the images from the repository of the application."""
    images = [{"imageTag": version} for version in _VERSIONS]
    world.account.plain("ecr").batch_delete_image(repositoryName="shop", imageIds=images)


def _stack_deleted(world: World) -> None:
    remove_images(world)
    world.account.plain("cloudformation").delete_stack(StackName=APPLICATION)
    _long_ago(world)


def _claim_left(world: World) -> None:
    world.account.plain("dynamodb").update_item(
        TableName=world.account.settings.tables.production,
        Key={"applicationName": {"S": APPLICATION}, "environment": {"S": "PROD-BLUE"}},
        UpdateExpression="SET claim = :over",
        ExpressionAttributeValues={":over": {"S": "01JN8FKG700000000000000009"}},
    )
    _long_ago(world)


def scale(world: World, service: str) -> None:
    """Scale a service to three tasks by hand."""
    _update(world, service, desiredCount=3)


def _update(world: World, service: str, **changes: Any) -> None:
    world.account.plain("ecs").update_service(cluster=APPLICATION, service=service, **changes)


def _long_ago(world: World) -> None:
    world.account.clock.pass_(minutes=10)


EMPTY = State(_new)
SHOP = State(_shop)
LARGE = State(_large)
TESTED = State(_tested, SHOP)
GROWN = State(_grown, SHOP)
SCALED = State(_scaled, SHOP)
SWAPPED = State(_swapped, SHOP)
UPDATED = State(_updated, SHOP)
FAILING_UPDATE = State(_failing_update(), SHOP)
FAILING_ROLLBACK = State(_failing_update(rollbacks=1), SHOP)
OLDER_SETTINGS = State(_older_settings, SHOP)
BEGUN_CREATE = State(_begun(create()), EMPTY)
BEGUN_DEPLOY = State(_begun(deploy("3.0", "dev")), SHOP)
BEGUN_UPDATE = State(_begun(_LEVEL), SHOP)
BEGUN_SWAP = State(_begun(swap("2.0")), SHOP)
HANGING = State(_hanging(deploy("3.0", "dev"), "dev"), SHOP)
PROMOTING = State(_hanging(promote(), "prod-1"), TESTED)
UPDATING = State(_hanging(_LEVEL, "dev"), SHOP)
CREATING = State(_doing(create()), EMPTY)
DEPLOYING = State(_doing(deploy("3.0", "dev")), SHOP)
SWAPPING = State(_hanging(swap("2.0"), "prod-1"), GROWN)
LISTENER_MOVED = State(_listener_moved, SHOP)
SERVICE_CHANGED = State(_service_changed, SHOP)
STACK_DELETED = State(_stack_deleted, SHOP)
CLAIM_LEFT = State(_claim_left, SHOP)
