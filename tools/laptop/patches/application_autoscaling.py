"""Application Auto Scaling, which the emulator does not have; `tools.laptop.scaling` answers.

The module has the interface of a service of the emulator: `handle_request`, `get_state`,
`load_persisted_state` and `reset`.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import iam_actions, router
from ministack.core.concurrency import run_reentrant
from ministack.core.responses import (
    AccountRegionScopedDict,
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    request_scope,
)
from ministack.services import ecs

from tools.laptop.emulator import clock
from tools.laptop.patches.scaling_metrics import Metrics, has_target_group
from tools.laptop.scaling import api, schedules
from tools.laptop.scaling.records import Account, Members, ScalingError
from tools.laptop.scaling.scaler import Scaler
from tools.laptop.scaling.service_model import SERVICE, service_model
from tools.laptop.scaling.tracking import Count

POLL = 0.5  # seconds between two checks of the scheduled actions
_MODULE = "application_autoscaling"
_STATE = "scaling"
_LOG = logging.getLogger("laptop")
_states = AccountRegionScopedDict()
_lock = threading.RLock()  # of the states


def apply() -> None:
    """Add the service to the emulator, and evaluate its policies in each minute."""
    model = service_model().metadata
    router.SERVICE_PATTERNS[SERVICE] = {
        "target_prefixes": [model["targetPrefix"]],
        "host_patterns": [rf"{SERVICE}\."],
        "credential_scope": SERVICE,
    }
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
    app._loaded_modules[_MODULE] = sys.modules[__name__]
    app.SERVICE_REGISTRY[SERVICE] = {"module": _MODULE}
    app.SERVICE_HANDLERS[SERVICE] = handle_request
    app._state_map[_MODULE] = _MODULE
    threading.Thread(target=run, args=(clock().minute, time.monotonic), daemon=True).start()


async def handle_request(
    method: str, path: str, headers: Any, body: bytes, query_params: Any
) -> Any:
    """Answer a call."""
    del method, path, query_params
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    return await run_reentrant(_answer, operation, body, thread_name="application-autoscaling")


def _answer(operation: str, body: bytes) -> Any:
    try:
        with _lock:
            response = api.call(_account(), operation, json.loads(body or b"{}"))
            return json_response(response)
    except ScalingError as error:
        return error_response_json(error.code, str(error), 400, message_key="Message")


def run(minute: float, monotonic: Callable[[], float]) -> None:
    """Run due actions, and evaluate all policies each time `minute` seconds are over; forever."""
    pause, evaluators = threading.Event(), dict[tuple[str, str], tuple[Scaler, Metrics]]()
    due = monotonic() + minute
    while True:
        pause.wait(min(POLL, max(due - monotonic(), 0)))
        is_due = monotonic() >= due
        try:
            with _lock:
                for account, region, _ in [key for key, _ in _states.all_items()]:
                    evaluator = evaluators.setdefault((account, region), (Scaler(), Metrics()))
                    with request_scope(account, region):
                        _evaluate(*evaluator, is_due=is_due)
        except Exception:  # noqa: BLE001 - a thread would end without a message
            _LOG.exception("scaling: the targets could not be read")
        if is_due:
            # The duration of an evaluation does not lengthen the minute.
            due = max(due + minute, monotonic())


def _evaluate(scaler: Scaler, metrics: Metrics, *, is_due: bool) -> None:
    """Log an error and continue with the next minute; a thread would end without a message."""
    try:
        account = _account()
        schedules.run_due(account)
        if is_due:
            scaler.evaluate(account, metrics.point)
    except Exception:  # noqa: BLE001 - any error of the emulator; the next minute must follow
        _LOG.exception("scaling: the evaluation failed")


def target_arn(resource: str) -> str:
    """Return the ARN of a registered target, or ""."""
    with _lock:
        record = _account().targets.get(resource)
        return record["target"]["ScalableTargetARN"] if record else ""


def tags_of(arn: str) -> Members:
    """Return the tags of a target."""
    with _lock:
        records = _account().targets.values()
        return next((r["tags"] for r in records if r["target"]["ScalableTargetARN"] == arn), {})


def get_state() -> Members:
    """Return the saved state."""
    return {"states": _states}


def load_persisted_state(data: Members) -> None:
    """Restore the saved state. Data points and cooldowns begin anew."""
    _states.update(data["states"])


def reset() -> None:
    """Remove all targets."""
    with _lock:
        _states.clear()


def _account() -> Account:
    """Return the scaling of the account and region of the present request."""
    state = _states.setdefault(_STATE, {})
    return Account(state, EmulatedServices(), clock().time(), get_region(), get_account_id())


class EmulatedServices:
    """The services of the emulator's ECS."""

    def count(self, cluster: str, service: str) -> Count | None:
        """Return the tasks of an ACTIVE service, or None."""
        found = ecs._services.get(f"{cluster}/{service}")
        if not found or found["status"] != "ACTIVE":
            return None
        primary = ecs._primary_deployment(found) or {}
        deploying = primary.get("rolloutState") == "IN_PROGRESS"
        return Count(found["desiredCount"], found["runningCount"], deploying)

    def scale(self, cluster: str, service: str, desired: int) -> None:
        """Set the desired count of a service, as UpdateService does."""
        request = {"cluster": cluster, "service": service, "desiredCount": desired}
        status, _, body = ecs._ACTION_MAP["UpdateService"](request)
        if status != 200:
            _LOG.warning("scaling: UpdateService failed: %s", body)

    def has_target_group(self, cluster: str, service: str, label: str) -> bool:
        """Return whether a service has the target group of a resource label."""
        return has_target_group(f"{cluster}/{service}", label)
