"""Accounts in known states: the starting points of the stories."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from devops_core.errors import RefusedError
from devops_core.model.stack_change import PropertyChange, ResourceChange
from devops_core.naming import Environment
from tests.lab.client import Client, Reply
from tests.lab.fakes import ACCOUNT, Crash, FakeCloud
from tests.lab.fakes.change_sets import dependents
from tests.lab.fakes.cloud import REGISTRY
from tests.lab.fakes.task_service import CRASH, HANG, OK
from tests.lab.templates import SMALL

Prepare = Callable[[FakeCloud, Client], object]
Call = Callable[[Client], Reply]

# The content of an image that `rebuilt` pushes again, and its digest.
REBUILT = "rebuilt"
REBUILT_DIGEST = f"sha256:{hashlib.sha256(REBUILT.encode()).hexdigest()}"
TESTS = ("dev", "qa", "stage")
# A specification with a variable in all environments, and another one in dev.
CONFIGURED: Mapping[str, Any] = {
    "service": {"environment": {"LEVEL": "info", "OLD": "1"}, "desiredCount": 1},
    "overrides": {"dev": {"environment": {"DEV": "1"}}},
}
# A patch that changes the settings of all environments.
LEVEL: Mapping[str, Any] = {"service": {"environment": {"LEVEL": "debug", "OLD": None}}}
# A patch that adds an environment.
ADD_DA: Mapping[str, Any] = {"environments": {"da": True}}
# A patch that removes an environment.
DROP_QA: Mapping[str, Any] = {"environments": {"nonProd": ["dev", "stage"]}}
# A sidecar, whose image `with_agent` pushes.
AGENT: Mapping[str, Any] = {"name": "agent", "image": f"{REGISTRY}/agent:1", "essential": True}
# The beginning of the ARNs of secrets.
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:shop"
# A change of a listener, which would return the customers to the first slot.
LISTENER = ResourceChange(
    "Modify", "ProductionListener", "AWS::ElasticLoadBalancingV2::Listener", "False",
    (PropertyChange("DefaultActions", "DirectModification"),),
)  # fmt: skip
# A patch that changes the settings of production only.
PRODUCTION: Mapping[str, Any] = {"overrides": {"prod": {"environment": {"LIVE": "1"}}}}


def empty(cloud: FakeCloud, api: Client) -> None:
    """Push images, without an application."""
    del api
    for version in ("1.0", "2.0", "3.0", "4.0"):
        cloud.push(version)
    cloud.push("crash", CRASH)
    cloud.push("hang", HANG)


def failing(*, create: bool = False, delete: bool = False) -> Prepare:
    """Return an empty account in which stacks fail."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        empty(cloud, api)
        cloud.stacks.create_failures = ("DevService: it was not stable",) if create else ()
        cloud.stacks.delete_failures = ("Repository: it is not empty",) if delete else ()

    return prepare


def lagging(cloud: FakeCloud, api: Client) -> None:
    """Delay the appearance of a new stack in CloudFormation."""
    empty(cloud, api)
    cloud.stacks.lag = 2


def first_image(behaviour: str) -> Prepare:
    """Return an empty account with a behaviour of the first image of an application."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        empty(cloud, api)
        cloud.containers.behaviours[cloud.settings.initial_image] = behaviour

    return prepare


def shop(cloud: FakeCloud, api: Client) -> None:
    """Create an application in use: 1.0 is live, 2.0 is tested and promoted."""
    _in_use(cloud, api)


def configured(cloud: FakeCloud, api: Client) -> None:
    """Create the shop with settings in its specification."""
    _in_use(cloud, api, **CONFIGURED)


def _in_use(cloud: FakeCloud, api: Client, **members: Any) -> None:
    empty(cloud, api)
    api.finished(api.create(environments={"nonProd": [*TESTS]}, **members))
    for version in ("1.0", "2.0"):
        api.finished(api.deploy(version, *TESTS))
        api.finished(api.promote())
        if version == "1.0":
            assert api.swap().status == 200


def rebuilt(cloud: FakeCloud, api: Client) -> None:
    """Promote a rebuilt image with the live version 1.0."""
    shop(cloud, api)
    cloud.images.push("shop", "1.0", content=REBUILT)
    api.finished(api.deploy("1.0", "stage"))
    api.finished(api.promote())


def backwards(cloud: FakeCloud, api: Client) -> None:
    """Create the shop in an account that executes simultaneous calls in reverse order."""
    shop(cloud, api)
    cloud.backwards = True


def tested(version: str) -> Prepare:
    """Return the shop with another tested version in stage."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        shop(cloud, api)
        behaviours = dict(cloud.containers.behaviours)
        cloud.push(version, OK)
        api.finished(api.deploy(version, "stage"))
        cloud.containers.behaviours = behaviours

    return prepare


def unverified(cloud: FakeCloud, api: Client) -> None:
    """Deploy a version that crashes to stage without tasks; then scale stage to one task."""
    shop(cloud, api)
    stage = cloud.containers.service("Shop", "stage")
    stage.desired = stage.running = 0
    # No task starts, so no task crashes.
    cloud.containers.behaviours, behaviours = {}, cloud.containers.behaviours
    api.finished(api.deploy("crash", "stage"))
    cloud.containers.behaviours = behaviours
    stage.desired = stage.running = 1


def cold(cloud: FakeCloud, api: Client) -> None:
    """Create a shop with two warm-up pages; one responds, one does not."""
    empty(cloud, api)
    api.finished(api.create(service={"warmup": ["/", "/slow"]}))
    for version in ("1.0", "2.0"):
        api.finished(api.deploy(version, "dev"))
        api.finished(api.promote())
        if version == "1.0":
            assert api.swap().status == 200
    url = cloud.tables.inventory_of("Shop").rows[Environment.PROD_BLUE].url
    cloud.web.pages[f"{url}/"] = 200


def small_blue(cloud: FakeCloud, api: Client) -> None:
    """Scale green out, so that a swap must scale blue first."""
    shop(cloud, api)
    green = cloud.containers.service("Shop", "prod-2")
    green.desired = green.running = 3


def swapped(cloud: FakeCloud, api: Client) -> None:
    """Swap, so that the next swap can return."""
    shop(cloud, api)
    assert api.swap().status == 200


def undeletable(cloud: FakeCloud, api: Client) -> None:
    """Create the shop with a stack that CloudFormation cannot delete."""
    shop(cloud, api)
    cloud.stacks.delete_failures = ("Repository: it is not empty",)


def under_way(cloud: FakeCloud, api: Client) -> None:
    """Accept a promote and a deploy; only their first steps are executed."""
    tested("3.0")(cloud, api)
    api.promote()
    api.deploy("4.0", "dev", "qa")


# --- revisions of the specification ---


def updated(cloud: FakeCloud, api: Client) -> None:
    """Update the specification of the shop, so that production lacks the settings."""
    configured(cloud, api)
    api.finished(api.patch(LEVEL))


def promoted_update(cloud: FakeCloud, api: Client) -> None:
    """Promote the settings of an update with the release 2.0."""
    updated(cloud, api)
    api.finished(api.promote(spec=2))


def swapped_update(cloud: FakeCloud, api: Client) -> None:
    """Make the settings of an update live."""
    promoted_update(cloud, api)
    assert api.swap(spec=2).status == 200


def outdated(cloud: FakeCloud, api: Client) -> None:
    """Update the specification; ECS refuses the task definition of dev."""
    configured(cloud, api)
    cloud.wire.fail("containers.register", RefusedError("it is not valid"), times=1)
    patch = {"overrides": {"dev": {"environment": {"DEV": None, "NEW": "1"}}}}
    assert api.patch(patch).status == 424
    cloud.wire.heal()


def several_revisions(cloud: FakeCloud, api: Client) -> None:
    """Write several revisions of the specification."""
    configured(cloud, api)
    for number in range(3):
        reply = api.patch({"description": f"{number}"})
        assert reply.status == 200, reply.body


def with_agent(cloud: FakeCloud, api: Client) -> None:
    """Push the image of a sidecar."""
    configured(cloud, api)
    cloud.images.push("agent", "1")


def variable_by_hand(cloud: FakeCloud, api: Client) -> None:
    """Add a variable to dev by hand, and change one of the specification."""
    configured(cloud, api)
    running = cloud.containers.running("Shop", "dev").request
    container = running["containerDefinitions"][0]
    variables = {each["name"]: each["value"] for each in container["environment"]}
    variables |= {"BY_HAND": "1", "LEVEL": "error"}
    pairs = [{"name": name, "value": value} for name, value in variables.items()]
    containers = [{**container, "environment": pairs}]
    by_hand = cloud.containers.add({**running, "containerDefinitions": containers, "tags": []})
    cloud.containers.service("Shop", "dev").deploy(by_hand, cloud.clock.now())
    cloud.containers.service("Shop", "dev").complete(cloud.clock.now())


# --- changes of the stack ---


def failing_update(*, rollback: bool = False, repaired: bool = False) -> Prepare:
    """Return the shop in an account in which an update of its stack fails.

    With `rollback` its rollback fails too; with `repaired` this happens only once.
    """

    def prepare(cloud: FakeCloud, api: Client) -> None:
        configured(cloud, api)
        cloud.stacks.update_failures = ("daService: it was not stable",)
        cloud.stacks.rollback_failures = ("daListener: it is in use",) if rollback else ()
        cloud.stacks.repaired = repaired

    return prepare


def remaining_resources(cloud: FakeCloud, api: Client) -> None:
    """Create the shop in an account that cannot delete the load balancer of qa."""
    configured(cloud, api)
    cloud.stacks.cleanup_failures = ("qaLoadBalancer: it is protected",)


def changed_stack(cloud: FakeCloud, api: Client) -> None:
    """Change the stack of the shop by hand, so that each change set would change a slot too."""
    configured(cloud, api)
    slot = ResourceChange("Modify", "prod1Service", "AWS::ECS::Service", "False")
    cloud.stacks.unexpected = (slot,)


def publish_template(cloud: FakeCloud, *changes: ResourceChange) -> None:
    """Upload a newer template, which changes a role and further resources of existing stacks."""
    number = len(cloud.templates.versions) + 1
    cloud.templates.versions[f"v{number}"] = f"{SMALL}# {number}\n".encode()
    role = ResourceChange("Modify", "prod1ExecutionRole", "AWS::IAM::Role", "False")
    cloud.stacks.template_changes = (role, *dependents("prod1"), *changes)


def newer_template(*changes: ResourceChange) -> Prepare:
    """Return the shop with a newer template, which changes a role and further resources."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        configured(cloud, api)
        publish_template(cloud, *changes)

    return prepare


def failing_upgrade(cloud: FakeCloud, api: Client) -> None:
    """Create the shop with a newer template in an account in which an update of its stack fails."""
    newer_template()(cloud, api)
    cloud.stacks.update_failures = ("prod1ExecutionRole: it is too large",)


def replaced_secret(cloud: FakeCloud, api: Client) -> None:
    """Replace a secret of the shop, so that only the live slot still runs the first one."""
    _in_use(cloud, api, service={"secrets": {"KEY": f"{SECRET}/first-AbCdEf"}})
    second = {"service": {"secrets": {"KEY": f"{SECRET}/second-AbCdEf"}}}
    api.finished(api.patch(second))


# --- operations in progress, for aborts ---


def preparing(cloud: FakeCloud, api: Client) -> None:
    """Accept an update with a change set that is not complete yet."""
    configured(cloud, api)
    cloud.stacks.pace = 1000
    api.patch(ADD_DA)
    cloud.stacks.pace = 1


def preparing_upgrade(cloud: FakeCloud, api: Client) -> None:
    """Accept an upgrade with a change set that is not complete yet."""
    newer_template()(cloud, api)
    cloud.stacks.pace = 1000
    api.upgrade()
    cloud.stacks.pace = 1


def executing(change: Mapping[str, Any], remove: str = "") -> Prepare:
    """Return the shop with an accepted update whose stack is changing."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        configured(cloud, api)
        query = {"remove": remove} if remove else {}
        api.patch(change, "Shop", None, **query)
        stack = cloud.stacks.named("Shop")
        assert stack
        while stack.status != "UPDATE_IN_PROGRESS":
            api.tick()
        stack.left = 12

    return prepare


def creating(cloud: FakeCloud, api: Client) -> None:
    """Accept a create with a stack that stays in progress."""
    empty(cloud, api)
    cloud.stacks.pace = 1000
    api.create()
    cloud.stacks.pace = 1


def configuring(cloud: FakeCloud, api: Client) -> None:
    """Accept a create with services that do not start."""
    first_image(HANG)(cloud, api)
    api.create(service={"environment": {"LEVEL": "info"}})
    for _ in range(4):
        api.tick()


def deploying(cloud: FakeCloud, api: Client) -> None:
    """Accept a deploy that hangs in all environments."""
    shop(cloud, api)
    api.deploy("hang", *TESTS)
    api.tick()


def updating(cloud: FakeCloud, api: Client) -> None:
    """Accept an update that hangs in dev and qa."""
    configured(cloud, api)
    hangs = {"environment": {"BEHAVIOUR": HANG}}
    api.patch({"overrides": {"dev": hangs, "qa": hangs}})
    api.tick()


def deploying_over_inactive(cloud: FakeCloud, api: Client) -> None:
    """Accept a deploy that hangs in dev; another tool deregisters the previous task definition."""
    shop(cloud, api)
    previous = cloud.containers.running("Shop", "dev")
    api.deploy("hang", "dev")
    api.tick()
    previous.active = False


def promoting(cloud: FakeCloud, api: Client) -> None:
    """Accept a promote that hangs."""
    tested("hang")(cloud, api)
    api.promote()
    api.tick()


def swapping(cloud: FakeCloud, api: Client) -> None:
    """Accept a swap with a blue slot that does not become ready."""
    small_blue(cloud, api)
    api.swap()
    cloud.containers.service("Shop", "prod-1").sick = True


def switched(cloud: FakeCloud, api: Client) -> None:
    """Accept a swap; its worker crashes right after the switch of production, and has a lease."""
    shop(cloud, api)
    cloud.wire.fail("load_balancer.switch", Crash(), times=1, lost=True)
    try:
        api.swap()
    except Crash:
        cloud.wire.heal()


# --- changes by hand, long enough ago for the drift check ---


def moved_listeners(cloud: FakeCloud, api: Client) -> None:
    """Exchange the listeners by hand."""
    shop(cloud, api)
    listeners = cloud.load_balancer.listeners
    production, test = listeners
    listeners[production], listeners[test] = listeners[test], listeners[production]
    cloud.clock.pass_(minutes=10)


def moved_test_listener(cloud: FakeCloud, api: Client) -> None:
    """Change the test listener by hand."""
    shop(cloud, api)
    listeners = cloud.load_balancer.listeners
    production, test = listeners
    listeners[test] = listeners[production]
    cloud.clock.pass_(minutes=10)


def changed_service(cloud: FakeCloud, api: Client) -> None:
    """Change the image of a service by hand."""
    shop(cloud, api)
    now = cloud.clock.now()
    running = cloud.containers.running("Shop", "dev").request
    container = {**running["containerDefinitions"][0], "image": "example.org/other:7"}
    by_hand = cloud.containers.add({**running, "containerDefinitions": [container], "tags": []})
    cloud.containers.service("Shop", "dev").deploy(by_hand, now)
    cloud.containers.service("Shop", "dev").complete(now)
    cloud.clock.pass_(minutes=10)


def resized(name: str) -> Prepare:
    """Return the shop after a change of the size of a service by hand, just before the request."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        tested("3.0")(cloud, api)
        running = cloud.containers.running("Shop", name).request
        by_hand = cloud.containers.add({**running, "cpu": "1024", "memory": "2048", "tags": []})
        cloud.containers.service("Shop", name).deploy(by_hand, cloud.clock.now())
        cloud.containers.service("Shop", name).complete(cloud.clock.now())

    return prepare


def deleted_service(cloud: FakeCloud, api: Client) -> None:
    """Delete a service by hand."""
    shop(cloud, api)
    cloud.containers.service("Shop", "dev").active = False
    cloud.clock.pass_(minutes=10)


def deleted_stack(cloud: FakeCloud, api: Client) -> None:
    """Delete the stack by hand."""
    shop(cloud, api)
    cloud.stacks.estate.tear_down("Shop")
    for stack in cloud.stacks.stacks.values():
        stack.status = "DELETE_COMPLETE"
    cloud.clock.pass_(minutes=10)


def stale_claim(cloud: FakeCloud, api: Client) -> None:
    """Set the claim of an ended operation on a row, as a fault of the service could."""
    shop(cloud, api)
    key = "Shop", Environment.DEV
    row = cloud.tables.rows[key]
    cloud.tables.rows[key] = replace(row, claim=row.operation)
    cloud.wire.watchers.clear()
    cloud.clock.pass_(minutes=10)
