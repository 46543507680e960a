"""The acts of callers and workers in races."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.lab.client import SCHEDULE, Client, Reply
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.world import OPERATION
from tests.proofs.races.race import Act, Actor

Call = Callable[[Client], Reply]


def deploy(version: str, *environments: str, **headers: str) -> Call:
    """Return the deploy of a version to environments."""
    return lambda actor: actor.deploy(version, *environments, headers=headers)


def patch(document: Mapping[str, Any], **headers: str) -> Call:
    """Return an update of the specification."""
    return lambda actor: actor.patch(document, headers=headers)


def schedule(actor: Actor) -> int:
    """Fire the schedule."""
    return actor.wake(SCHEDULE)


def event(actor: Actor) -> int:
    """Send an event of ECS, which does not respect the rest of an operation."""
    return actor.wake(DEPLOYMENT_COMPLETED)


def open_operation(actor: Actor) -> tuple[str, str]:
    """Return the id and the application of the operation that was open before the race."""
    application, identifier = next(iter(actor.cloud.tables.operations))
    return identifier, application


def read(actor: Actor) -> object:
    """Read the operation that was open before the race."""
    return actor.status(*open_operation(actor))


def abort(actor: Actor) -> object:
    """Abort the operation that was open before the race."""
    return actor.abort(*open_operation(actor))


def after_busy(call: Callable[[Client], Reply], then: Callable[..., Reply]) -> Act:
    """Return a caller who, after a BUSY response, makes a call for the other operation."""

    def act(actor: Actor) -> object:
        reply = call(actor)
        return then(actor, reply.id) if reply.body.get("code") == "BUSY" else reply

    return act


def continue_(actor: Actor) -> object:
    """Approve the operation that was open before the race."""
    return _advance(actor, "continue")


def finish(actor: Actor) -> object:
    """End the waits of the operation that was open before the race."""
    return _advance(actor, "finish")


def force(actor: Actor) -> object:
    """End the operation that was open before the race by force."""
    identifier, application = open_operation(actor)
    parameters = {"applicationName": application, "id": identifier}
    return actor.send("DELETE", OPERATION, parameters=parameters, query={"force": "true"})


def _advance(actor: Actor, action: str) -> object:
    identifier, application = open_operation(actor)
    return actor.advance(identifier, action, application)
