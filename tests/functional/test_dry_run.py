"""A dry run makes the checks of the real call, changes nothing and predicts the real result.

`DryClient` checks that a dry run changes nothing. Each test here makes a dry run in an account,
then the same real call, and compares the two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from devops_core import render
from devops_core.errors import ThrottledError
from devops_core.model.differences import differences
from devops_core.model.inventory import Service
from devops_core.naming import SLOTS, Environment
from tests.lab.callers import BOTH, OTHER, OWNER, WRITES, Ask, with_policy
from tests.lab.client import USER, Client, Reply
from tests.lab.dry import DryClient, plan
from tests.lab.fakes import ACCOUNT, REGION, FakeCloud
from tests.lab.memory import accounts
from tests.lab.memory.accounts import Prepare
from tests.lab.stories import STORIES
from tests.lab.templates import SMALL
from tests.lab.world import Request

THROTTLED = ThrottledError("AWS throttles the call")
# The variables that the application template sets.
STANDARD = {"APPLICATION", "ENVIRONMENT", "PORT"}
# The parameters of the application template, and whether each has a default.
DECLARED = FakeCloud().stacks.declared


def new(cloud: FakeCloud, api: Client) -> None:
    """Create an application without a deploy."""
    accounts.empty(cloud, api)
    api.finished(api.create())


def changed(**fakes: Mapping[str, Any]) -> Prepare:
    """Return an empty account in which some members of the fakes have other values."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        accounts.empty(cloud, api)
        for name, members in fakes.items():
            vars(getattr(cloud, name)).update(members)

    return prepare


def after(account: Prepare, change: Callable[[Client], object]) -> Prepare:
    """Return an account after a further change."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        account(cloud, api)
        change(api)

    return prepare


def throttled(account: Prepare, call: str) -> Prepare:
    """Return an account in which AWS throttles a call."""
    return after(account, lambda api: api.cloud.wire.fail(call, THROTTLED))


def sent_by_client(request: Request) -> Ask:
    """Return the request of a story without its key, because the real call follows the dry run."""
    event = request.by_another().event("Shop", "")
    return lambda client: client.raw(event)


# --- accepted requests ---

SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:hidden-AbCdEf"
SERVICE = {
    "cpu": 512, "memory": 1024, "containerPort": 8080, "desiredCount": 2,
    "environment": {"WORD": "shown"}, "secrets": {"TOKEN": SECRET},
}  # fmt: skip
SIZES = {"nonProd": ["dev", "qa"], "da": True}
PUBLIC = "public.ecr.aws/nginx/nginx"
ACCEPTED: Mapping[str, tuple[Prepare, Ask]] = {
    **{
        story.name: (story.memory, sent_by_client(story.request))
        for story in STORIES
        if story.memory and story.request and story.ends == "SUCCEEDED"
        # Calls about an operation in progress have a plan of their own.
        if not story.name.startswith(("abort", "continue", "finish"))
    },
    "create with sizes": (
        accounts.empty,
        partial(Client.create, environments=SIZES, service=SERVICE),
    ),
    "create without a version": (changed(templates={"versioned": False}), Client.create),
    "create with a further parameter": (
        changed(stacks={"declared": {**DECLARED, "Colour": True}}),
        Client.create,
    ),
    "create a second application": (new, partial(Client.create, name="Shop2")),
    "deploy a first image": (new, lambda api: api.deploy("1.0")),
    "deploy a public image": (new, lambda api: api.deploy("1.29", repouri=PUBLIC)),
    "promote to the other slot": (accounts.swapped, Client.promote),
    "delete by query": (new, lambda api: api.send("DELETE", "/stacks", query={"stack": "Shop"})),
}


@pytest.mark.parametrize(("prepare", "request_"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_dry_run_predicts_the_result_of_a_request(
    cloud: FakeCloud, api: Client, dry: DryClient, prepare: Prepare, request_: Ask
) -> None:
    prepare(cloud, api)
    start, before = len(cloud.wire.journal), Observation(cloud)
    planned, real = plan(request_(dry)), request_(api).operation
    api.settle()
    end, (claim,) = Observation(cloud), sent(cloud, "tables.claim", start)
    expected = {
        "kind": real["kind"],
        "applicationName": real["applicationName"],
        "claims": [row.environment for row in (*claim.taken, *claim.new)],
        "environments": [changes(before, end, part, real) for part in real.get("environments", ())],
    }
    expected = {name: value for name, value in expected.items() if value}
    if real.get("warnings"):
        expected["warnings"] = real["warnings"]
    if real.get("policy"):
        expected["policy"] = real["policy"]
    if real["kind"] in ("deploy-blue", "swap"):
        expected["production"] = {"live": before.live, "willBeLive": end.live}
    if real["kind"] == "create":
        (stack,) = sent(cloud, "stacks.create", start)
        sha256 = hashlib.sha256(stack["TemplateBody"].encode()).hexdigest()
        expected["template"] = {**real["template"], "sha256": sha256}
        expected["parameters"] = {
            each["ParameterKey"]: each["ParameterValue"]
            for each in stack["Parameters"]
            if not each["ParameterKey"].endswith("SecretArns")
        }
    if real["kind"] == "update":
        expected |= specification_changes(api, real)
    if real["kind"] == "upgrade":
        expected["template"] = real["template"]
        expected["resources"] = [each.view() for each in cloud.stacks.template_changes]
    assert planned == expected
    assert "hidden" not in str(planned)


def specification_changes(api: Client, update: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a plan about the specification, as the reads show them afterwards."""
    present = api.specification().body
    pending = [
        change
        for each in present["pending"]
        if each["environment"] == Environment.PROD_GREEN
        for change in each.get("changes", ())
    ]
    revision = api.specification(revision=str(update["spec"])).body
    changed = revision["changes"] if revision["operation"] == update["id"] else []
    members = {"changes": changed, "pending": pending, "stack": update.get("stack")}
    return {name: value for name, value in members.items() if value}


class Observation:
    """The inventory, the task definitions and the live slot at one time."""

    def __init__(self, cloud: FakeCloud) -> None:
        self.rows, containers = dict(cloud.tables.rows), cloud.containers
        self.definitions = {
            key: render.blueprint(containers.running(*key).request) for key in containers.services_
        }
        self.scalings = {
            key: {"min": each.limits.minimum, "max": each.limits.maximum, **each.policies}
            for key, each in cloud.scaling.targets_.items()
        }
        self.counts = {key: service.desired for key, service in containers.services_.items()}
        self.starts = {key: service.start_seconds for key, service in containers.services_.items()}
        estate, listeners = cloud.stacks.estate, cloud.load_balancer.listeners
        targets = listeners.get(estate.listener("Shop", "production"))
        slots = (slot for slot in SLOTS if [estate.target_group("Shop", slot)] == targets)
        self.live = next(slots, None)


def sent(cloud: FakeCloud, name: str, start: int) -> list[Any]:
    """Return the first arguments of the outgoing calls of a name, from number `start` on."""
    return [call.args[0] for call in cloud.wire.journal[start:] if call.name == name]


def changes(
    before: Observation, end: Observation, part: Mapping[str, Any], operation: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the changes in one environment, as a plan shows them."""
    application = operation["applicationName"]
    old, row = (each.rows.get((application, part["environment"])) for each in (before, end))
    view = {name: part.get(name) for name in ("environment", "slot", "url")}
    # An abort returns from the version of its operation, a request from the recorded one.
    leaves_operation = "abortedBy" in operation
    recorded = old.service.version if old and old.service else None
    view["previousVersion"] = part.get("version") if leaves_operation else recorded
    if old is None and row and row.service:
        view |= settings(end, (application, row.service.name))
    if old and row and (service := row.service):
        view |= {"version": service.version, "image": service.image, "digest": service.digest}
        if part.get("image", "").startswith(PUBLIC):
            del view["digest"]  # only the tasks know it
        if not leaves_operation:
            view["taskDefinition"] = _definition(before, end, application, old.service, service)
        if operation["kind"] != "swap" and not leaves_operation:
            view["changes"] = changed_settings(before, end, (application, service.name))
    return {name: value for name, value in view.items() if value}


def changed_settings(
    before: Observation, end: Observation, key: tuple[str, str]
) -> list[dict[str, Any]]:
    """Return the differences between the settings of a service before and after an operation."""
    old, new = (
        {
            **_sidecars(sidecars),
            "desiredCount": each.counts[key],
            **({"scaling": each.scalings[key]} if key in each.scalings else {}),
            "startSeconds": each.starts[key],
            "cpu": int(each.definitions[key]["cpu"]),
            "memory": int(each.definitions[key]["memory"]),
            "environment": {pair["name"]: pair["value"] for pair in container["environment"]},
            "secrets": {pair["name"]: pair["valueFrom"] for pair in container.get("secrets", ())},
        }
        for each in (before, end)
        for container, *sidecars in [each.definitions[key]["containerDefinitions"]]
    )
    return differences(old, new)


def _sidecars(containers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the settings of the sidecars of the stories, none without sidecars."""
    members = ("name", "image", "essential")
    found = [{name: each[name] for name in members} for each in containers]
    return {"sidecars": found} if found else {}


def _definition(
    before: Observation, end: Observation, application: str, old: Service | None, new: Service
) -> list[dict[str, Any]]:
    """Return the differences of the task definition of an environment; after a swap, of live."""
    name = old.name if old else new.name
    found = differences(
        before.definitions[application, name], end.definitions[application, new.name]
    )
    if name == new.name:
        return found
    changed = [
        each for each in found if each.get("old") != str(each.get("new")).replace(new.name, name)
    ]
    return changed if end.live == new.name else []


def settings(end: Observation, key: tuple[str, str]) -> dict[str, Any]:
    """Return the settings of a service that was created, with only the names of its secrets.

    The template sets some variables of every application.
    """
    (container,) = end.definitions[key]["containerDefinitions"]
    variables = {each["name"]: each["value"] for each in container.get("environment", ())}
    return {
        "cpu": int(end.definitions[key]["cpu"]),
        "memory": int(end.definitions[key]["memory"]),
        "taskRole": end.definitions[key].get("taskRoleArn"),
        "desiredCount": end.counts[key],
        "scaling": end.scalings.get(key),
        "variables": {name: variables[name] for name in variables.keys() - STANDARD},
        "secrets": [each["name"] for each in container.get("secrets", ())],
    }


def test_a_dry_run_of_a_swap_to_the_live_version_has_only_a_message(
    cloud: FakeCloud, api: Client, dry: DryClient
) -> None:
    accounts.shop(cloud, api)
    real = {"applicationName": "Shop", "message": "1.0 is already live; the swap changed nothing"}
    assert plan(dry.swap(version="1.0")) == {"kind": "swap", **real}
    assert api.swap(version="1.0").body == {"operation": None, **real}


# --- accepted aborts ---


def latest_abort(api: Client) -> Reply:
    """Abort the latest operation."""
    return api.abort(max(operation for _, operation in api.cloud.tables.operations))


def rolled_out(*environments: str) -> Prepare:
    """Return a deploy with rollouts that ECS has completed but the record does not yet show."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        accounts.shop(cloud, api)
        api.deploy("3.0", "dev", "qa", "stage")
        cloud.containers.automatic = False
        for name in environments * 2:
            cloud.containers.advance("Shop", name)

    return prepare


def created(cloud: FakeCloud, api: Client) -> None:
    """Accept a create with a complete stack, which the record does not yet show."""
    accounts.creating(cloud, api)
    cloud.stacks.finish("Shop")


def switched_back(cloud: FakeCloud, api: Client) -> None:
    """Accept a swap that cannot switch the test listener; then switch production back by hand."""
    accounts.shop(cloud, api)
    name, estate = "load_balancer.switch", cloud.stacks.estate
    cloud.wire.on(name, lambda: cloud.wire.fail(name, THROTTLED), after=True)
    assert api.swap().operation["switchedAt"]
    listener = estate.listener("Shop", "production")
    cloud.load_balancer.listeners[listener] = [estate.target_group("Shop", "prod-2")]


ABORTS: Mapping[str, Prepare] = {
    **{
        story.name: story.memory
        for story in STORIES
        if story.memory and story.name.startswith("abort")
        # The address and the image of an added environment are known only after its stack. A dry
        # run shows the live slot as ELB describes it.
        if story.name not in ("abort-update-adds", "abort-swap-unseen")
    },
    "a partly complete rollout": rolled_out("dev", "stage"),
    "a complete rollout": rolled_out("dev", "qa", "stage"),
    "a create with a complete stack": created,
    "a swap that was switched back by hand": switched_back,
    "an aborted rollout": after(accounts.deploying, latest_abort),
}
# The message of a plan by the first part of the final message of the abort.
MESSAGES = {
    "the previous version runs again": "would return to the previous version",
    "the previous settings run again": "would return to the previous settings",
    "the created resources are deleted": "the created resources would be deleted",
    "the stack was not changed": (
        "the change set would be deleted, and the stack would not change"
    ),
    "all customers have the previous release": "all customers would have the previous release",
    "too late for an abort: the operation is completed": (
        "too late for an abort: the operation would be completed"
    ),
}


@pytest.mark.parametrize("prepare", ABORTS.values(), ids=ABORTS)
def test_a_dry_run_predicts_the_result_of_an_abort(
    cloud: FakeCloud, api: Client, dry: DryClient, prepare: Prepare
) -> None:
    prepare(cloud, api)
    before = Observation(cloud)
    planned, real = plan(latest_abort(dry)), latest_abort(api)
    cloud.resume()
    api.settle()
    end, ended = Observation(cloud), latest_abort(api)
    operation = ended.operation
    message, _, kept = ended.body["message"].partition("; ")
    parts = operation.get("environments", ())
    restored = [part for part in parts if part["status"] == "FAILED"]
    expected = {
        "kind": operation["kind"],
        "applicationName": "Shop",
        "message": "; ".join(filter(None, [MESSAGES.get(message, message), kept])),
        "claims": sorted(row.environment for row in before.rows.values() if row.claim == real.id),
    }
    if operation["kind"] == "swap" and before.live is None:
        pass  # during a shift no slot is live alone
    elif operation["kind"] == "swap":
        expected["production"] = {"live": before.live, "willBeLive": end.live}
    elif kept.startswith("no rollback") or message.startswith("no rollback"):
        assert [each["version"] for each in planned.pop("environments")] == ["hang"]
    elif restored:
        expected["environments"] = [changes(before, end, part, operation) for part in restored]
    assert planned | {"claims": sorted(planned.get("claims", ()))} == expected


def test_a_dry_run_of_an_abort_that_has_ended_has_only_a_message(
    cloud: FakeCloud, api: Client, dry: DryClient
) -> None:
    accounts.deploying(cloud, api)
    api.finished(latest_abort(api))
    message = "nothing to do: an earlier abort has ended the operation"
    planned, start = plan(latest_abort(dry)), len(cloud.wire.journal)
    assert planned == {"kind": "deploy", "applicationName": "Shop", "message": message}
    assert latest_abort(api).status == 200
    assert cloud.wire.writes(start) == []


# --- refusals ---


def owned(cloud: FakeCloud, api: Client) -> None:
    """Create an installation with teams, in which a deploy of team payments is in progress."""
    accounts.shop(cloud, api)
    Client(with_policy(cloud, BOTH), OWNER).deploy("hang", "dev")


REFUSED: list[tuple[str, Prepare, Ask]] = [
    *(
        ("INVALID_REQUEST", accounts.shop, request)
        for request in (
            partial(Client.create, name="1"),
            lambda api: api.deploy(""),
            partial(Client.promote, environment="prod"),
            partial(Client.swap, version=""),
            partial(Client.delete, name="1"),
            partial(Client.delete, headers={"Idempotency-Key": "a b"}),
        )
    ),
    *(("FORBIDDEN", owned, request) for request in WRITES.values()),
    ("FORBIDDEN", owned, partial(Client.create, name="Depot")),
    ("FORBIDDEN", owned, latest_abort),
    *(("NO_SUCH_APPLICATION", accounts.empty, request) for request in WRITES.values()),
    *(("BUSY", after(accounts.shop, Client.delete), request) for request in WRITES.values()),
    ("NO_SUCH_ENVIRONMENT", accounts.shop, lambda api: api.deploy("1.0", "da")),
    ("IMAGE_NOT_FOUND", accounts.shop, lambda api: api.deploy("9.9")),
    ("NOT_DEPLOYABLE", new, Client.promote),
    ("NOT_DEPLOYABLE", new, partial(Client.promote, environment="dev")),
    ("NOT_DEPLOYABLE", accounts.unverified, Client.promote),
    ("NOT_DEPLOYABLE", accounts.shop, partial(Client.swap, version="3.0")),
    ("NOT_READY", new, Client.swap),
    *(
        ("ALREADY_EXISTS", account, partial(Client.create, name=name))
        for account in (
            accounts.shop,
            accounts.creating,
            after(new, lambda api: api.cloud.templates.versions.clear()),
        )
        for name in ("Shop", "SHOP")
    ),
    ("THROTTLED", throttled(accounts.shop, "images.digest"), lambda api: api.deploy("1.0")),
    ("ALREADY_ENDED", accounts.shop, latest_abort),
    ("NOT_ABORTABLE", after(accounts.shop, Client.delete), latest_abort),
    ("NOT_FOUND", accounts.shop, lambda api: api.abort("01JN8F1ST00000000000000ZZZ")),
]


@pytest.mark.parametrize(
    ("code", "prepare", "request_"), REFUSED, ids=[code for code, *_ in REFUSED]
)
def test_a_dry_run_is_refused_like_the_real_call(
    cloud: FakeCloud, api: Client, code: str, prepare: Prepare, request_: Ask
) -> None:
    prepare(cloud, api)
    caller = OTHER if code == "FORBIDDEN" else USER
    tried, real = request_(DryClient(cloud, caller)), request_(Client(cloud, caller))
    assert tried.body["code"] == code
    assert (tried.status, tried.body) == (real.status, real.body)
    assert tried.headers.get("Retry-After") == real.headers.get("Retry-After")
    # Only the refusal of the real call is in the audit log; a create has no application yet.
    counts = [event.count for event in cloud.tables.events.values() if event.outcome == "DENIED"]
    creates = isinstance(request_, partial) and request_.func is Client.create
    assert counts == ([1] if code == "FORBIDDEN" and not creates else [])


@pytest.mark.parametrize(
    "prepare",
    [
        changed(templates={"versions": {}}),
        *(
            changed(templates={"versions": {"v2": content}})
            for content in (
                b"",
                b" \n",
                b"\xff",
                b"x" * 51_201,
                b"Outputs:\n",
                SMALL.encode()[:-200],
                SMALL.replace("!Ref ProductionListener", "!ImportValue other").encode(),
                SMALL.replace("Resources", "Rules").encode(),
                SMALL.replace("{}", "{Own: {Type: AWS::IAM::Policy}}").encode(),
            )
        ),
        *(
            changed(stacks={"declared": declared})
            for declared in (
                {name: DECLARED[name] for name in DECLARED if name not in ("Cpu", "Image")},
                {**DECLARED, "Colour": False, "Depth": True},
                {**DECLARED, "Colour": False, "Depth": False},
            )
        ),
        after(accounts.empty, lambda api: api.cloud.stacks.add_foreign("Shop")),
    ],
)
def test_a_dry_run_is_refused_if_the_accepted_create_fails(
    cloud: FakeCloud, api: Client, dry: DryClient, prepare: Prepare
) -> None:
    prepare(cloud, api)
    tried, real = dry.create(), api.create()
    assert (tried.status, tried.body["code"], real.status) == (502, "REFUSED", 424)
    assert real.operation["reasons"] == [tried.body["errorMessage"]]


@pytest.mark.parametrize(
    ("account", "call", "request_"),
    [
        (accounts.empty, "templates.read", Client.create),
        (accounts.deploying, "containers", latest_abort),
    ],
    ids=["create", "abort"],
)
def test_a_dry_run_is_refused_if_the_accepted_call_waits_for_aws(
    cloud: FakeCloud, api: Client, dry: DryClient, account: Prepare, call: str, request_: Ask
) -> None:
    throttled(account, call)(cloud, api)
    tried, real = request_(dry), request_(api)
    assert (tried.status, tried.body["code"], real.status) == (503, "THROTTLED", 202)
    assert real.operation["waitingFor"] == tried.body["errorMessage"]


@pytest.mark.parametrize("request_", [Client.promote, Client.swap])
def test_a_dry_run_is_refused_if_production_forwards_to_no_slot(
    promoted: FakeCloud, api: Client, dry: DryClient, request_: Ask
) -> None:
    # The manual change breaks an invariant that the watcher checks.
    promoted.wire.watchers.clear()
    listener = promoted.stacks.estate.listener("Shop", "production")
    targets = promoted.load_balancer.listeners[listener].copy()
    promoted.load_balancer.listeners[listener].clear()
    tried, real = request_(dry), request_(api)
    assert (tried.status, tried.body["code"]) == (409, "CONFLICT")
    assert (tried.status, tried.body) == (real.status, real.body)
    promoted.load_balancer.listeners[listener].extend(targets)
