"""Call the real handlers as API Gateway and EventBridge do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import handlers.abort
import handlers.advance
import handlers.create
import handlers.delete
import handlers.deploy_nonprod
import handlers.deploy_prod_blue
import handlers.inventory
import handlers.query
import handlers.reconcile
import handlers.swap
import handlers.update
import handlers.upgrade
from devops_core.ports import Cloud
from tests.lab.fakes import ACCOUNT, Call, FakeCloud
from tools.contract import conformance
from tools.laptop import gateway

USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
http_event = partial(gateway.http_event, caller=USER)
SPECIFICATION = "/stacks/{applicationName}/spec"
UPGRADE = "/stacks/{applicationName}/upgrade"
HANDLED: Mapping[tuple[str, str], Any] = {
    ("POST", "/stacks"): handlers.create.handle,
    ("POST", "/stacks/deploy"): handlers.deploy_nonprod.handle,
    ("POST", "/stacks/deploytoprodBlue"): handlers.deploy_prod_blue.handle,
    ("POST", "/stacks/swapProdBlueAndGreen"): handlers.swap.handle,
    ("DELETE", "/stacks"): handlers.delete.handle,
    ("PUT", SPECIFICATION): handlers.update.handle,
    ("PATCH", SPECIFICATION): handlers.update.handle,
    ("POST", UPGRADE): handlers.upgrade.handle,
    ("GET", SPECIFICATION): handlers.inventory.handle,
    ("GET", "/stacks/{applicationName}/operations/{id}"): handlers.query.handle,
    ("DELETE", "/stacks/{applicationName}/operations/{id}"): handlers.abort.handle,
    ("POST", "/stacks/{applicationName}/operations/{id}"): handlers.advance.handle,
    ("GET", "/health"): handlers.query.handle,
    ("GET", "/stacks"): handlers.inventory.handle,
    ("GET", "/stacks/{applicationName}"): handlers.inventory.handle,
    ("GET", "/stacks/{applicationName}/operations"): handlers.inventory.handle,
    ("GET", "/stacks/{applicationName}/events"): handlers.inventory.handle,
    ("GET", "/events"): handlers.inventory.handle,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: HTTP status, headers, JSON body."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def operation(self) -> dict[str, Any]:
        """The operation it is about."""
        found: dict[str, Any] = self.body["operation"]
        return found

    @property
    def id(self) -> str:
        """The id of that operation."""
        return str(self.operation["id"])

    @property
    def environments(self) -> dict[str, dict[str, Any]]:
        """The parts of that operation by environment."""
        return {part["environment"]: part for part in self.operation["environments"]}


def handled(event: Mapping[str, Any], cloud: Cloud) -> Reply:
    """Return what the handler of an API Gateway event answers, held to docs/openapi.yml."""
    route = event["httpMethod"], event["resource"]
    answer = HANDLED[route](event, None, cloud)
    reply = Reply(answer["statusCode"], answer["headers"], json.loads(answer["body"]))
    assert conformance.problems(*route, reply.status, reply.headers, reply.body) == []
    return reply


class Client:
    """A caller of the API over a `FakeCloud`; holds what is promised of every answer."""

    def __init__(self, cloud: FakeCloud, caller: str = USER) -> None:
        self.cloud = cloud
        self.caller = caller
        # Numbers of the outgoing calls of requests and events that are over. A test may make some
        # while another is under way, as another worker would.
        self._over: set[int] = set()

    def send(self, method: str, resource: str, body: Any = None, **further: Any) -> Reply:
        """Send a JSON body."""
        text = None if body is None else json.dumps(body)
        return self.raw(http_event(method, resource, text, caller=self.caller, **further))

    def raw(self, event: Mapping[str, Any]) -> Reply:
        """Send an event as it is."""
        start = len(self.cloud.wire.journal)
        reply = handled(event, self.cloud)
        self._hold(reply, start)
        return reply

    def _hold(self, reply: Reply, start: int) -> None:
        assert reply.headers["Content-Type"] == "application/json"
        if reply.status == 202:
            key = reply.operation["applicationName"], reply.id
            assert key in self.cloud.tables.operations, "4: accepted, but not durable"
        if reply.status >= 400:
            assert {"errorMessage", "code"} <= reply.body.keys()
            text = json.dumps(reply.body)
            for secret in ("arn:aws", ACCOUNT, "Traceback", ".py"):
                assert secret not in text, f"an error contains {secret}: {text}"
        own = self._own(start)
        wrote = [call.name for call in own if call.writes and call.number in self.cloud.wire.done]
        if reply.status in (400, 404, 409, 422):
            assert wrote == [], f"{reply.status} after {wrote}"
        if reply.status == 403:
            assert wrote in ([], ["tables.count_refusal"]), f"403 after {wrote}"
        self._over.update(range(start, len(self.cloud.wire.journal)))

    def _own(self, start: int) -> list[Call]:
        """Return the calls of this caller's request, of those from number `start` on."""
        journal = self.cloud.wire.journal
        return [call for call in journal[start:] if call.number not in self._over]

    # --- the calls of the API ---

    def create(
        self, name: str = "Shop", headers: Mapping[str, str] | None = None, **members: Any
    ) -> Reply:
        """POST /stacks with the required members and `members`."""
        body = {
            "applicationName": name,
            "email": "team@example.com",
            "tags": {"technicalTeam": "payments"},
        }
        return self.send("POST", "/stacks", body | members, headers=headers)

    def deploy(
        self,
        version: str,
        *environments: str,
        application: str = "Shop",
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> Reply:
        """POST /stacks/deploy."""
        body = {
            "applicationName": application,
            "environment": list(environments or ("dev",)),
            "version": version,
        }
        return self.send("POST", "/stacks/deploy", body | members, headers=headers)

    def promote(
        self, headers: Mapping[str, str] | None = None, application: str = "Shop", **members: Any
    ) -> Reply:
        """POST /stacks/deploytoprodBlue."""
        body = {"applicationName": application, **members}
        return self.send("POST", "/stacks/deploytoprodBlue", body, headers=headers)

    def swap(
        self, headers: Mapping[str, str] | None = None, application: str = "Shop", **members: Any
    ) -> Reply:
        """POST /stacks/swapProdBlueAndGreen."""
        body = {"applicationName": application, **members}
        return self.send("POST", "/stacks/swapProdBlueAndGreen", body, headers=headers)

    def specification(self, application: str = "Shop", **query: str) -> Reply:
        """GET /stacks/{applicationName}/spec."""
        parameters = {"applicationName": application}
        return self.send("GET", SPECIFICATION, parameters=parameters, query=query)

    def replace(
        self,
        document: Any,
        revision: int | None = None,
        application: str = "Shop",
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> Reply:
        """PUT /stacks/{applicationName}/spec; `revision` None matches any."""
        expected = {"If-Match": "*" if revision is None else f'"{revision}"'}
        return self._change("PUT", document, application, {**expected, **(headers or {})}, query)

    def patch(
        self,
        document: Any,
        application: str = "Shop",
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> Reply:
        """PATCH /stacks/{applicationName}/spec."""
        return self._change("PATCH", document, application, headers, query)

    def _change(
        self,
        method: str,
        document: Any,
        application: str,
        headers: Mapping[str, str] | None,
        query: Mapping[str, str],
    ) -> Reply:
        parameters = {"applicationName": application}
        return self.send(
            method, SPECIFICATION, document, parameters=parameters, headers=headers, query=query
        )

    def upgrade(
        self,
        application: str = "Shop",
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        **query: str,
    ) -> Reply:
        """POST /stacks/{applicationName}/upgrade."""
        parameters = {"applicationName": application}
        return self.send("POST", UPGRADE, body, parameters=parameters, headers=headers, query=query)

    def delete(self, name: str = "Shop", headers: Mapping[str, str] | None = None) -> Reply:
        """DELETE /stacks with a body."""
        return self.send("DELETE", "/stacks", {"stack": name}, headers=headers)

    def status(
        self, operation: str, application: str = "Shop", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """GET /stacks/{applicationName}/operations/{id}."""
        return self._about_operation("GET", operation, application, headers)

    def abort(
        self, operation: str, application: str = "Shop", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """DELETE /stacks/{applicationName}/operations/{id}."""
        return self._about_operation("DELETE", operation, application, headers)

    def advance(
        self,
        operation: str,
        action: str,
        application: str = "Shop",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """POST /stacks/{applicationName}/operations/{id}."""
        body = {"action": action}
        return self._about_operation("POST", operation, application, headers, body)

    def _about_operation(
        self,
        method: str,
        operation: str,
        application: str,
        headers: Mapping[str, str] | None,
        body: Any = None,
    ) -> Reply:
        resource = "/stacks/{applicationName}/operations/{id}"
        parameters = {"applicationName": application, "id": operation}
        return self.send(method, resource, body, parameters=parameters, headers=headers)

    def health(self) -> Reply:
        """GET /health."""
        return self.send("GET", "/health")

    # --- EventBridge ---

    def wake(self, event: Mapping[str, Any]) -> int:
        """Hand an event to the reconcile handler; return how many operations it looked after."""
        start = len(self.cloud.wire.journal)
        answer = handlers.reconcile.handle(event, None, self.cloud)
        self._over.update(range(start, len(self.cloud.wire.journal)))
        return int(answer["operations"])

    def drift_check(self) -> int:
        """Let the other schedule fire; return how many applications needed a repair."""
        return self.wake({"detail-type": "Drift check"})

    def tick(self) -> int:
        """Let the schedule fire, a minute after the last time."""
        self.cloud.clock.wait(60)
        return self.wake(SCHEDULE)

    def settle(self, limit: int = 400) -> None:
        """Let the schedule fire until nothing is open any more."""
        for _ in range(limit):
            if not self.cloud.tables.in_progress():
                return
            self.tick()
        raise AssertionError(f"still open: {self.cloud.tables.in_progress()}")

    def finished(self, reply: Reply) -> Reply:
        """Return the status of an accepted operation when nothing is open any more."""
        assert reply.status == 202, reply.body
        self.settle()
        return self.status(reply.id, reply.operation["applicationName"])

    def ended(self, reply: Reply, status: str = "SUCCEEDED") -> Reply:
        """Return the status of an operation, which must have this one, after its end."""
        done = self.finished(reply) if reply.status == 202 else reply
        assert done.operation["status"] == status, done.body
        return done


# A scheduled rule's event (Amazon EventBridge User Guide, "Events from AWS services").
SCHEDULE: Mapping[str, Any] = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": ACCOUNT,
    "time": "2025-03-01T09:01:00Z",
    "region": "eu-west-1",
    "resources": [f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/devops-ecs-reconcile"],
    "detail": {},
}
