"""Many applications whose callers start operations at the same moment.

Each call of the service to AWS takes some time, and a token of the published rates
(tests/lab/rates.py). The SDK repeats a refused call as it does in Lambda; then it raises the error.
The functions run at the same time, with the time limits of serverless.yml.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import handlers.reconcile
from devops_core.bootstrap import CLIENT_CONFIG
from devops_core.errors import ThrottledError
from tests.lab import events
from tests.lab.client import SCHEDULE, Client, Reply, handled, http_event
from tests.lab.fakes import Call, Crash, FakeCloud
from tests.lab.memory.memory_snapshot import MemorySnapshot
from tests.lab.promises import Watch
from tests.lab.rates import Limiter
from tests.lab.timeline import Timeline
from tests.proofs.rates import command_line

# Seconds.
_CALL = (0.02, 0.08)  # one call of AWS
ROLLOUT = (45.0, 120.0)
STACK = (180.0, 300.0)
_REQUEST_LIMIT, _RECONCILE_LIMIT = 29.0, 60.0
_SCHEDULE = 60.0
_MAX_BACKOFF = 20.0  # botocore.retries.standard
_OPERATION = "/stacks/{applicationName}/operations/{id}"

# The operations of each outgoing call. Calls without a published rate are absent.
_OPERATIONS = {
    "containers.register": ("RegisterTaskDefinition",),
    "containers.deregister": ("DeregisterTaskDefinition",),
    "containers.blueprint": ("DescribeTaskDefinition",),
    "containers.update": ("UpdateService",),
    "containers.services": ("DescribeServices",),
    "containers.stopped": ("ListTasks", "DescribeTasks"),
    "containers.digests": ("ListTasks", "DescribeTasks"),
    "load_balancer.rules": ("DescribeRules",),
    "load_balancer.healthy": ("DescribeTargetHealth",),
    "load_balancer.switch": ("ModifyListener",),
    "monitoring.alarms": ("DescribeAlarms",),
    "monitoring.traffic": ("GetMetricData",),
}
_NO_RATE = {
    "tables", "listing", "outbox", "notifications", "stacks", "images", "templates", "web",
}  # fmt: skip
# The maximum numbers of task definitions that the adapter describes (devops_core/adapters/ecs.py).
_DESCRIBED = {"containers.find": 5, "containers.registered": 50}


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller of one write: its resource and body, and the way in which it follows the operation.

    With `waits` it sends the header `Prefer: wait=25`; `pause` is the time between two reads of the
    operation in seconds, None for a caller who uses the command line.
    """

    application: str
    resource: str
    body: dict[str, Any]
    waits: bool = True
    pause: float | None = 0.0


@dataclass(slots=True)
class Result:
    """The results of all callers.

    `ended` has the status of each operation by application, with the reasons of a failure.
    `seconds` is the time until the last one had ended. `repeated` counts the requests that were
    answered with 503 or not at all, `crashes` the invocations of reconcile that exceeded their time
    limit.
    """

    ended: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    repeated: int = 0
    crashes: int = 0


class Simulation:
    """An account with applications, in which callers start operations at the same time."""

    def __init__(self, prepare: Callable[[FakeCloud, Client], None], seed: int) -> None:
        self.cloud = FakeCloud()
        self._random = random.Random(seed)  # noqa: S311 - no cryptography
        prepare(self.cloud, Client(self.cloud))
        self._watch = Watch(self.cloud.wire, partial(MemorySnapshot, self.cloud), reads=False)
        self.result = Result()
        self._timeline = Timeline(self.cloud.clock)
        self.limiter = Limiter(lambda: self._timeline.now)
        self._open = 0

    def run(self, callers: Sequence[Caller]) -> Result:
        """Let all callers begin at the same time, and return the results when all have ended."""
        cloud, timeline = self.cloud, self._timeline
        cloud.clock.sleep, cloud.together = timeline.sleep, timeline.together
        cloud.workers = timeline.work_off
        cloud.wire.around = self._send
        cloud.containers.automatic = False
        cloud.stacks.pace = None
        self._open = len(callers)
        for number, caller in enumerate(callers):
            timeline.start(partial(self._call, number, caller))
        timeline.start(self._schedule, _SCHEDULE * self._random.random())
        timeline.run()
        cloud.clock.sleep, cloud.together = None, FakeCloud().together
        cloud.workers = FakeCloud().workers
        cloud.wire.around = None
        self._watch.hold_at_rest()
        return self.result

    # --- AWS ---

    def _send(self, call: Call, effect: Callable[[], Any]) -> Any:
        """Send the requests of a call as the SDK does, then return its response."""
        for operation in self._operations(call):
            self._request(operation)
        answer = effect()
        if call.name == "containers.update" and call.args[2]:
            self._roll_out(call.args[0], call.args[1])
        elif call.name == "stacks.create":
            name = call.args[0]["StackName"]
            self._timeline.start(partial(self._complete_stack, name), self._between(*STACK))
        return answer

    def _request(self, operation: str | None) -> None:
        attempts = CLIENT_CONFIG.retries["total_max_attempts"]
        for attempt in range(attempts):
            self._timeline.sleep(self._between(*_CALL))
            if operation is None or self.limiter.take(operation):
                return
            if attempt < attempts - 1:
                self._timeline.sleep(self._random.random() * min(2**attempt, _MAX_BACKOFF))
        raise ThrottledError(f"AWS throttles {operation}")

    def _operations(self, call: Call) -> list[str | None]:
        if call.port in _NO_RATE:
            return [None]
        if call.name in _DESCRIBED:
            family = call.args[0]
            known = sum(
                each.active and each.family == family
                for each in self.cloud.containers.task_definitions.values()
            )
            described = min(known, _DESCRIBED[call.name])
            return ["ListTaskDefinitions", *["DescribeTaskDefinition"] * described]
        return [*_OPERATIONS[call.name]]

    def _roll_out(self, cluster: str, service: str) -> None:
        """Complete a rollout later; EventBridge sends an event of its start and of its end."""

        def complete() -> None:
            there = self.cloud.containers.service(cluster, service)
            if there.primary.state == "IN_PROGRESS":
                there.complete(self.cloud.clock.right())
            self._event(events.deployment_state(cluster, service, "SERVICE_DEPLOYMENT_COMPLETED"))

        started = events.deployment_state(cluster, service, "SERVICE_DEPLOYMENT_IN_PROGRESS")
        self._timeline.start(partial(self._event, started), self._between(0.5, 3))
        self._timeline.start(complete, self._between(*ROLLOUT))

    def _complete_stack(self, name: str) -> None:
        self.cloud.stacks.finish(name)
        self._event(events.stack_status(name, "CREATE_COMPLETE"))

    def _between(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    # --- the functions ---

    def _event(self, event: Any) -> None:
        """Invoke the reconcile function; an error or a crash ends only this invocation."""
        act = partial(handlers.reconcile.handle, event, None, self.cloud)
        try:
            self._timeline.limited(_RECONCILE_LIMIT, act)
        except Crash:
            self.result.crashes += 1
        except ThrottledError:
            pass

    def _schedule(self) -> None:
        """Invoke the reconcile function each minute; a slow invocation does not delay the next."""
        while self._open:
            self._timeline.start(partial(self._event, SCHEDULE))
            self._timeline.sleep(_SCHEDULE)

    def _ask(self, method: str, resource: str, body: str | None = None, **further: Any) -> Reply:
        """Send a request until it has an answer other than 503."""
        while True:
            reply = self._send_request(method, resource, body, **further)
            if reply and reply.status != 503:
                return reply
            self.result.repeated += 1
            self._timeline.sleep(float(reply.headers["Retry-After"]) if reply else 1.0)

    def _send_request(
        self, method: str, resource: str, body: str | None = None, **further: Any
    ) -> Reply | None:
        """Send a request and return its answer, None after the time limit of the function."""
        act = partial(handled, http_event(method, resource, body, **further), self.cloud)
        with suppress(Crash):
            reply: Reply = self._timeline.limited(_REQUEST_LIMIT, act)
            return reply
        return None

    # --- the callers ---

    def _get(
        self, resource: str, place: Mapping[str, str], query: Mapping[str, str]
    ) -> Reply | None:
        return self._send_request("GET", resource, parameters=dict(place), query=dict(query))

    def _call(self, number: int, caller: Caller) -> None:
        wait = {"Prefer": "wait=25"} if caller.waits else {}
        headers = {"Idempotency-Key": f"key-{number}", **wait}
        reply = self._ask("POST", caller.resource, json.dumps(caller.body), headers=headers)
        assert reply.status in (200, 202, 424), reply.body
        operation = reply.operation
        if caller.pause is None:
            now = self.cloud.clock.now
            operation = command_line.end(self._timeline, now, self._get, reply)
        while operation["status"] == "IN_PROGRESS":
            self._timeline.sleep(caller.pause or 0.0)
            place = {"applicationName": caller.application, "id": reply.id}
            operation = self._ask("GET", _OPERATION, parameters=place, headers=wait).operation
        reasons = operation.get("reasons", [])
        self.result.ended[caller.application] = " ".join([operation["status"], *reasons])
        self.result.seconds = self._timeline.now
        self._open -= 1
