"""The courses of operations, with the permissions that each function needs in them.

The function of a route starts an operation. Each function that can end it does so: the same one
after a repeated call, a status read, an abort, and the schedule. The operation succeeds, or AWS
fails, or the function that started it crashes at one of its calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from devops_core.access import AccessPolicy, principal
from devops_core.adapters.dynamodb.attributes import encode
from devops_core.adapters.dynamodb.items import CURSOR
from devops_core.naming import Environment
from tests.infra.permissions.needed import needed
from tests.lab.client import USER, Reply
from tests.lab.fakes import ACCOUNT, REGION
from tests.lab.fakes.cloud import REGISTRY
from tests.lab.faults import Kind, Plan
from tests.lab.moto import backends, states
from tests.lab.moto.moto_world import World
from tests.lab.moto.stand import stand
from tests.lab.moto.states import State
from tests.lab.moto.transport import Call
from tests.lab.moto.transport_faults import Fault
from tests.lab.processes import processes
from tests.lab.reads import READS, SPEC, STACK
from tests.lab.world import (
    APPLICATION,
    OPERATION,
    SPECIFICATION,
    UPGRADE,
    Request,
    create,
    delete,
    deploy,
    drift_check,
    event,
    patch,
    promote,
    restart,
    schedule,
    swap,
)
from tools.laptop.calls import Permission

# The functions of serverless.yml by their routes; all other events start reconcile.
FUNCTIONS: Mapping[tuple[str, str], str] = {
    ("POST", "/stacks"): "create",
    ("POST", "/stacks/deploy"): "deployNonProd",
    ("POST", "/stacks/deploytoprodBlue"): "deployProdBlue",
    ("POST", "/stacks/swapProdBlueAndGreen"): "swap",
    ("PUT", SPECIFICATION): "update",
    ("PATCH", SPECIFICATION): "update",
    ("POST", UPGRADE): "upgrade",
    ("DELETE", "/stacks"): "delete",
    ("DELETE", OPERATION): "abort",
    ("POST", OPERATION): "advance",
    ("GET", OPERATION): "query",
    ("GET", "/health"): "query",
    **{("GET", resource): "inventory" for resource in READS},
}
# The functions with the environment variable CHANGES_STACKS.
CHANGES_STACKS = ("update", "upgrade", "reconcile")
_ALL = ("dev", "qa", "stage", "training", "da")
_CREATE = create(
    environments={"nonProd": _ALL[:3], "training": True, "da": True},
    service={"environment": {"LEVEL": "info"}, "desiredCount": 2},
)
_FULL = State(lambda world: _prepare(world))
_LEVEL = patch({"service": {"environment": {"LEVEL": "debug"}}})
# The release and the test environments have different revisions.
_UPDATED = State(lambda world: states.done(world, _LEVEL), _FULL)
_WITH_LOGIN = State(states.require_login, states.SHOP)
_GROWN_BACK = State(lambda world: states.scale(world, "prod-1"), states.SWAPPED)
_SCALING = {"min": 2, "max": 4, "cpuPercent": 60, "requestsPerTarget": 100}
_SCALE = {"scaling": _SCALING}
_COUNT = {"scaling": None, "desiredCount": 2}
_SCALED = State(
    lambda world: states.done(world, patch({"service": _SCALE, "overrides": None})), states.SHOP
)
_UNSCALED = patch({"service": {**_COUNT, "environment": {"LEVEL": "debug"}}})
# The release in dev, and that in the idle slot, still have scaling; the specification has none.
_SCALED_RELEASES = State(lambda world: _fail_update(world), _SCALED)
_SCALED_AND_GROWN = State(lambda world: states.scale(world, "prod-2"), _SCALED)
_ADDS = patch({"environments": {"da": True}})
_REMOVES = patch({"environments": {"nonProd": ["dev", "qa"]}}, "stage")
_UPGRADE = Request("POST", UPGRADE)
# Swaps that receive requests in steps and are checked; the second one waits for an approval.
_ALARMED = State(lambda world: _add_alarm(world), _SCALED_AND_GROWN)
_POLICY: Mapping[str, Any] = {
    "strategy": {"type": "canary", "percent": 10, "stepMinutes": 6},
    "alarms": ["errors"],
    "judge": {},
}
_CANARY = (_ALARMED, swap("2.0", **_POLICY))
_APPROVED = (_ALARMED, swap("2.0", **_POLICY, approval={"before": "shift"}))
_OUTDATED = State(lambda world: _prepare(world))
_CHANGES_OF_STACKS = (_ADDS, _REMOVES, _UPGRADE)
_REQUESTS: tuple[tuple[State, Request], ...] = (
    (states.EMPTY, _CREATE),
    (_FULL, deploy("2.0", *_ALL)),
    (states.SHOP, restart("dev")),
    (_FULL, _LEVEL),
    (_FULL, patch({"overrides": {"prod": {"desiredCount": 3}}})),
    (states.SHOP, patch({"service": _SCALE})),
    (_SCALED, patch({"service": _COUNT})),
    (_SCALED, deploy("2.0", "dev")),
    (_SCALED, promote()),
    (_SCALED_AND_GROWN, swap("2.0")),
    (_SCALED, delete()),
    (_SCALED_RELEASES, deploy("2.0", "dev")),
    (State(lambda world: states.done(world, _UNSCALED), _SCALED), promote()),
    (states.EMPTY, create(service=_SCALE)),
    (states.SHOP, _ADDS),
    (_FULL, _REMOVES),
    (states.TESTED, promote()),
    (_FULL, promote(environment="training")),
    (_WITH_LOGIN, swap("2.0")),
    (states.GROWN, swap("2.0")),
    (_GROWN_BACK, swap("1.0")),
    _CANARY,
    _APPROVED,
    (_OUTDATED, _UPGRADE),
    (_FULL, delete()),
)
_WITHOUT_IMAGES = State(states.remove_images, states.TESTED)
_DRIFTS = (
    State(lambda world: world.account.clock.pass_(minutes=10), _SCALED),
    states.SERVICE_CHANGED,
    states.STACK_DELETED,
    states.CLAIM_LEFT,
)
_OTHER_TEAMS = AccessPolicy(teams={"others": ("arn:aws:iam::123456789012:role/others",)})
# Longer than a lease, and than anything takes here that goes on by itself.
_PAUSE = 70
# A create begins with reading the template.
_TEMPLATE = 0
_DRY_RUN = {"dryRun": "true"}
_STORED = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:missing-AbCdEf"
_PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/missing/key"
# Enough to look more than once, in seconds.
_WAIT = 2
# More turns than an operation needs that does not wait for its time limit.
_TURNS = 12

Used = Mapping[str, Collection[Permission]]
Drive = Callable[["Traced"], object]


class Traced(World):
    """A world that notes who calls what; `begun` is the request that it was begun with."""

    begun: Request
    function = "reconcile"

    def send(self, event: Mapping[str, Any]) -> Reply:
        """Make a call of the API, as the function of its route."""
        self._start(FUNCTIONS[event["httpMethod"], event["resource"]])
        try:
            return super().send(event)
        finally:
            self._start("reconcile")

    def _start(self, function: str) -> None:
        """Continue as a function, with its environment variables."""
        self.function = function
        changes = function in CHANGES_STACKS
        self.cloud.settings = self.cloud.settings._replace(changes_stacks=changes)


def again(world: Traced) -> None:
    """Repeat the call that began it, and wait."""
    world.ask(replace(world.begun, wait=_WAIT))


def _each(request: Request, world: Traced) -> None:
    for operation in world.records().open:
        world.going = operation.id
        world.ask(request)


def _abort(world: Traced) -> None:
    for query in (_DRY_RUN, None):
        _each(Request("DELETE", OPERATION, key=None, wait=_WAIT, query=query), world)


def _abort_and_schedule(world: Traced) -> None:
    """Abort an update of a stack; the function of the abort cannot delete the change set."""
    _abort(world)
    schedule(world)


def _abort_and_repeat(world: Traced) -> None:
    """Abort an update of a stack, and repeat its call, which deletes the change set."""
    _abort(world)
    again(world)


def _finish(world: Traced) -> None:
    """End the waits of a swap, also before its first shift."""
    _advance(world, "finish")


def _approve(world: Traced) -> None:
    """Let the schedule prepare a swap, approve it, and end its waits after the first shift."""
    schedule(world)
    shifted = any(getattr(each.details, "weight", 0) for each in world.records().open)
    _advance(world, "finish" if shifted else "continue")


def _advance(world: Traced, action: str) -> None:
    for query in (_DRY_RUN, None):
        request = Request("POST", OPERATION, {"action": action}, key=None, query=query)
        _each(replace(request, wait=_WAIT), world)


_READ: Drive = partial(_each, Request("GET", OPERATION, key=None, wait=_WAIT))
_ABORT: Drive = _abort


@dataclass(frozen=True, slots=True)
class Course:
    """A request, the driver that ends it, whether AWS fails, and the call at which it crashes.

    `fails_late` means that the second rollout of a create fails, after its stack is complete,
    `invalid` that the validation of the change set of an update fails.
    """

    state: State
    request: Request
    drive: Drive
    fails: bool = False
    fails_late: bool = False
    invalid: bool = False
    dies_at: int | None = None


def used() -> Used:
    """Go through everything; return what each function had to be allowed."""
    asked: defaultdict[str, list[Permission]] = defaultdict(list)
    with processes() as pool:
        for part in pool.map(_used_by, [*range(len(_REQUESTS)), None]):
            for function, permissions in part.items():
                asked[function].extend(permissions)
    return asked


def _used_by(number: int | None) -> Used:
    """Go through the courses of a request, or through what no request begins."""
    trace = Trace()
    if number is None:
        trace.others()
    else:
        trace.request(*_REQUESTS[number])
    return {function: list(asked.values()) for function, asked in trace.used.items()}


class Trace:
    """Courses, gone through on one account."""

    def __init__(self) -> None:
        self._stand = stand()
        self.used: defaultdict[str, dict[object, Permission]] = defaultdict(dict)

    def request(self, state: State, request: Request) -> None:
        """Go through everything that a request can lead to."""
        self._opened(state).ask(replace(request, query={**(request.query or {}), **_DRY_RUN}))
        deaths = self._deaths(state, request)
        stack = (_abort_and_schedule, _abort_and_repeat) if request in _CHANGES_OF_STACKS else ()
        steps = (_finish, _approve) if request.resource == _CANARY[1].resource else ()
        for drive in (again, _READ, schedule, _ABORT, *stack, *steps):
            if drive is _ABORT and request.resource == "/stacks" and request.method == "DELETE":
                continue  # a delete cannot be aborted
            for course in _courses(state, request, drive, deaths):
                self._go(course)

    def _deaths(self, state: State, request: Request) -> list[int]:
        """Return the numbers of the calls that a caller is to die at."""
        world = self._opened(state)
        world.ask(request)
        journal = self._stand.account.wire.journal
        steps = [call for call in journal if call.changes_aws or call.service == "s3"]
        creates = request.resource == "/stacks"
        assert all(call.number == _TEMPLATE for call in steps if creates and call.service == "s3")
        # Of each operation the first and the last are enough.
        last = {call.name: call.number for call in steps}
        first = {call.name: call.number for call in reversed(steps)}
        return sorted({*first.values(), *last.values()})

    def _go(self, course: Course) -> None:
        world = self._opened(course.state)
        account = self._stand.account
        world.begun = course.request
        before = _running()
        if course.dies_at is not None:
            Fault(account, Plan(_death(course.dies_at), []), {})
        if course.invalid:
            account.completion.change_sets.invalid = ("daService already exists",)
        world.ask(course.request)
        if course.fails:
            ends = {"DELETE": {"DELETE_COMPLETE"}, "POST": {"CREATE_COMPLETE"}}
            stack = ends.get(course.request.method, set())
            account.completion.failing |= stack | (_running() - before)
            updates = account.completion.change_sets
            updates.failing, updates.failing_rollbacks = True, 1
        for _ in range(_TURNS):
            if not world.records().open:
                return
            account.clock.wait(_PAUSE)
            if course.fails_late:
                account.completion.failing |= _running()
            course.drive(world)

    def others(self) -> None:
        """Do what no request begins."""
        for state in _DRIFTS:
            world = self._opened(state)
            drift_check(world)
        # The last page of a check deletes its stored position.
        world = self._opened(states.SHOP)
        last = {"applicationName": "A", "environment": Environment.PROD_BLUE.value}
        position = encode({**CURSOR, "after": last})
        account = self._stand.account
        account.plain("dynamodb").put_item(TableName=account.settings.tables.log, Item=position)
        drift_check(world)
        # The registry is asked for pull-through caches only if an image is missing.
        self._opened(_FULL).ask(deploy("9.0", "dev"))
        self._opened(_WITHOUT_IMAGES).ask(promote())
        self._notification()
        self._undone_scaling()
        self._secrets_of_a_team()
        self._images_of_sidecars()
        self._refused_callers()
        self._image_of_another_repository()
        self._invalid_dry_run()
        world = self._opened(states.DEPLOYING)
        event(world)
        world.ask(Request("GET", "/health", key=None))
        for resource in READS:
            world.ask(Request("GET", resource, key=None))
        self._opened(_FULL).ask(Request("GET", STACK, key=None, query={"live": "true"}))
        world = self._opened(_UPDATED)
        for query in (None, {"revision": "1"}):
            reply = world.send(Request("GET", SPEC, key=None, query=query).event(APPLICATION, ""))
            assert reply.status == 200
        self._missing_application()

    def _notification(self) -> None:
        """Send the notification about the end of a deploy."""
        world, account = self._opened(_FULL), self._stand.account
        world.ask(deploy("2.0", "dev"))
        for _ in range(_TURNS):
            account.clock.wait(_PAUSE)
            schedule(world)
        assert account.completion.sent
        assert not world.records().outbox

    def _undone_scaling(self) -> None:
        """Undo a create whose dev has scaling, after the rollout of production has failed."""
        world, account = self._opened(states.EMPTY), self._stand.account
        overrides = {"dev": _SCALE, "prod": {"environment": {"LEVEL": "info"}}}
        world.begun = create(overrides=overrides)
        world.ask(world.begun)
        for _ in range(_TURNS):
            slots = {each for each in _running() if "prod" in each}
            waits = not account.completion.scaling
            account.completion.endless = slots if waits else set()
            account.completion.failing |= set() if waits else slots
            account.clock.wait(_PAUSE)
            again(world)
        assert not account.completion.scaling
        assert not world.records().rows

    def _missing_application(self) -> None:
        """Read an application that does not exist, for which the service reads the names."""
        world = self._opened(states.EMPTY)
        request = Request("GET", STACK, key=None)
        assert world.send(request.event(APPLICATION, "")).status == 404

    def _secrets_of_a_team(self) -> None:
        """Name secrets that have no prefix of the team, and do not exist."""
        secrets = {"secrets": {"DB": _STORED, "KEY": _PARAMETER}}
        policy = AccessPolicy(teams={"payments": (USER,)})
        for state, request in (
            (states.EMPTY, create(service=secrets)),
            (_FULL, patch({"service": secrets})),
        ):
            world = self._opened(state)
            world.cloud.settings = world.cloud.settings._replace(access=policy)
            assert world.send(request.event(APPLICATION, "")).status == 403

    def _images_of_sidecars(self) -> None:
        """Name an image of a sidecar that does not exist, and one that may be another team's."""
        sidecar = {"name": "agent", "image": f"{REGISTRY}/agent:1"}
        settings = {"sidecars": [sidecar]}
        teams = AccessPolicy(teams={"payments": (principal(USER) or "",)})
        for state, request in (
            (states.EMPTY, create(service=settings)),
            (_FULL, patch({"service": settings})),
        ):
            for policy, status in ((AccessPolicy(), 400), (teams, 403)):
                world = self._opened(state)
                world.cloud.settings = world.cloud.settings._replace(access=policy)
                assert world.send(request.event(APPLICATION, "")).status == status

    def _image_of_another_repository(self) -> None:
        """Deploy an image of another repository, whose team the service reads."""
        world = self._opened(_FULL)
        own = AccessPolicy(teams={"payments": (principal(USER) or "",)})
        world.cloud.settings = world.cloud.settings._replace(access=own)
        request = deploy("2.0", "dev")
        body = {**(request.body or {}), "repouri": f"{REGISTRY}/other"}
        assert world.send(replace(request, body=body).event(APPLICATION, "")).status == 403

    def _refused_callers(self) -> None:
        """Refuse each call that has an application, so that the refusal is counted."""
        requests = (deploy("2.0", "dev"), promote(), swap("2.0"), _LEVEL, delete())
        for state, request in (
            *((_FULL, request) for request in requests),
            (states.DEPLOYING, Request("DELETE", OPERATION, key=None)),
            (states.DEPLOYING, Request("POST", OPERATION, {"action": "finish"}, key=None)),
        ):
            world = self._opened(state)
            world.cloud.settings = world.cloud.settings._replace(access=_OTHER_TEAMS)
            assert world.send(request.event(APPLICATION, world.going)).status == 403

    def _invalid_dry_run(self) -> None:
        """Show an upgrade whose change set is not valid."""
        world = self._opened(_OUTDATED)
        self._stand.account.completion.change_sets.invalid = ("a bucket already exists",)
        reply = world.send(replace(_UPGRADE, query=_DRY_RUN).event(APPLICATION, ""))
        assert reply.status == 502

    def _opened(self, state: State) -> Traced:
        self._stand.opened(state)
        world = Traced(self._stand.account)
        if state is _OUTDATED:
            # The installation keeps logs longer than the stack of the application.
            world.cloud.settings = world.cloud.settings._replace(log_retention_days="90")

        def note(call: Call) -> None:
            for permission in needed(call):
                same = permission.action, permission.resource, *map(str, permission.keys.items())
                self.used[world.function][same] = permission

        self._stand.account.wire.watchers.append(note)
        return world


def _prepare(world: World) -> None:
    """Make an application with all environments, each of which runs a version."""
    states.done(world, _CREATE)
    world.account.push("1.0", "2.0")
    states.done(world, deploy("1.0", *_ALL))


def _add_alarm(world: World) -> None:
    """Make the alarm of a swap."""
    world.account.plain("cloudwatch").put_metric_alarm(
        AlarmName="errors",
        MetricName="HTTPCode_Target_5XX_Count",
        Namespace="AWS/ApplicationELB",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )


def _fail_update(world: World) -> None:
    """Remove the scaling from the specification by an update whose rollout fails."""
    before = _running()
    world.ask(_UNSCALED.by_another())
    world.account.completion.failing |= _running() - before
    for _ in range(_TURNS):
        world.account.clock.wait(_PAUSE)
        schedule(world)
    assert not world.records().open
    world.account.completion.failing.clear()


def _courses(state: State, request: Request, drive: Drive, deaths: list[int]) -> Iterator[Course]:
    yield Course(state, request, drive)
    yield Course(state, request, drive, fails=True)
    if request is _CREATE:
        yield Course(state, request, drive, fails_late=True)
    if request in _CHANGES_OF_STACKS:
        yield from (Course(state, request, drive, invalid=True, dies_at=n) for n in (None, *deaths))
    for number in deaths:
        yield Course(state, request, drive, dies_at=number)


def _death(number: int) -> Mapping[int, Kind]:
    """Return the faults that let a caller die at a call."""
    if number != _TEMPLATE:
        return {number: Kind.CRASH_BEFORE}
    # A template that cannot be read before the claim is read after it.
    return {_TEMPLATE: Kind.THROTTLED_ONCE, _TEMPLATE + 2: Kind.CRASH_BEFORE}


def _running() -> set[str]:
    """Return the task definitions that services have."""
    return {service.task_definition for service in backends.backend("ecs").services.values()}
