"""The state of AWS in moto: saved as bytes, restored, and read where a call would be slow."""

from __future__ import annotations

import io
import pickle
import threading
from typing import Any

from moto.backends import get_backend
from moto.core.base_backend import BaseBackend
from moto.core.model_instances import reset_model_data

from tests.lab.fakes import ACCOUNT, REGION

# The services that stories change. EC2 has only the VPC, and its state is a megabyte large.
_KEPT = ("cloudformation", "cloudwatch", "dynamodb", "ecr", "ecs", "elbv2", "s3")
_LOCK = type(threading.RLock())


def backend(service: str) -> Any:
    """Return moto's backend of a service ("ecs"); S3 is not regional."""
    return get_backend(service)[ACCOUNT]["aws" if service == "s3" else REGION]  # type: ignore[call-overload]


def save(beside: Any) -> bytes:
    """Return the state of AWS, with further state of a test."""
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump((_state(), beside))
    return file.getvalue()


def restore(saved: bytes) -> Any:
    """Restore a state of AWS; return the further state."""
    # moto keeps references to all objects that it ever created.
    reset_model_data()
    state, beside = _Unpickler(io.BytesIO(saved)).load()
    for service, members in state.items():
        vars(backend(service)).clear()
        vars(backend(service)).update(members)
    return beside


def reset() -> None:
    """Empty the services that stories change."""
    for service in _KEPT:
        backend(service).reset()


def _state() -> dict[str, Any]:
    return {service: vars(backend(service)) for service in _KEPT}


class _Pickler(pickle.Pickler):
    """Pickles locks and the backends themselves by name: the backends are large and remain."""

    def persistent_id(self, value: Any) -> tuple[str, ...] | None:
        if isinstance(value, BaseBackend):
            service = type(value).__module__.split(".")[1]
            return service, value.account_id, value.region_name
        return ("lock",) if isinstance(value, _LOCK) else None


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, name: Any) -> Any:
        if name == ("lock",):
            return threading.RLock()
        service, account, region = name
        return get_backend(service)[account][region]
