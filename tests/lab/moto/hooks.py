"""Faults and responses of AWS that moto does not produce, with botocore's own hooks.

The SDK validates the parameters of a call before these hooks run, so an invalid call fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Http(NamedTuple):
    status_code: int


def refuse(client: Any, operation: str, code: str, message: str = "", status: int = 400) -> None:
    """Make all calls of an operation fail without an effect."""
    error = {"Code": code, "Message": message}
    parsed = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}
    _hook(client, "before-call", operation, lambda **_: (Http(status), parsed))


def respond(client: Any, operation: str, *responses: dict[str, Any]) -> list[dict[str, Any]]:
    """Return responses for the next calls, then let calls through; return the sent parameters."""
    left, sent = list(responses), []

    def hook(params: dict[str, Any], **_: Any) -> tuple[Http, dict[str, Any]] | None:
        sent.append(params)
        return (Http(200), left.pop(0)) if left else None

    _hook(client, "before-call", operation, hook)
    return sent


def parameters(client: Any, operation: str) -> list[dict[str, Any]]:
    """Return the list that receives the parameters of the next calls, as the caller names them."""
    sent: list[dict[str, Any]] = []

    def hook(params: dict[str, Any], **_: Any) -> None:
        sent.append(params)

    _hook(client, "provide-client-params", operation, hook)
    return sent


def cancel(client: Any, code: str, action: int = 0, times: int = 1) -> list[Any]:
    """Cancel the next transactions because of one action; return the parameters of all calls."""
    seen: list[Any] = []

    def hook(params: dict[str, Any], **_: Any) -> tuple[Http, dict[str, Any]] | None:
        seen.append(params)
        reasons = [{"Code": "None"} for _ in json.loads(params["body"])["TransactItems"]]
        reasons[action] = {"Code": code, "Message": f"because of {code}"}
        error = {"Code": "TransactionCanceledException", "Message": "cancelled"}
        parsed = {"Error": error, "CancellationReasons": reasons, "ResponseMetadata": {}}
        return (Http(400), parsed) if len(seen) <= times else None

    _hook(client, "before-call", "TransactWriteItems", hook)
    return seen


def break_before(client: Any, operation: str, error: Exception) -> None:
    """Raise before the call has an effect."""
    _hook(client, "before-call", operation, _raiser(error))


def break_after(client: Any, operation: str, error: Exception) -> None:
    """Raise after the call has taken effect: the response is lost."""
    _hook(client, "after-call", operation, _raiser(error))


def send_twice(client: Any, operation: str) -> list[int]:
    """Make the SDK send each call twice, as after a lost response; return the attempt numbers."""
    sends: list[int] = []

    def hook(attempts: int, **_: Any) -> int | None:
        sends.append(attempts)
        return 0 if attempts == 1 else None

    _hook(client, "needs-retry", operation, hook)
    return sends


def meanwhile(client: Any, operation: str, act: Callable[[], Any]) -> None:
    """Call `act` just before the first call of an operation."""
    waiting = [act]

    def hook(**_: Any) -> None:
        if waiting:
            waiting.pop()()

    _hook(client, "before-call", operation, hook)


def _raiser(error: Exception) -> Callable[..., None]:
    def hook(**_: Any) -> None:
        raise error

    return hook


def _hook(client: Any, event: str, operation: str, hook: Callable[..., Any]) -> None:
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register_first(f"{event}.{service}.{operation}", hook)
