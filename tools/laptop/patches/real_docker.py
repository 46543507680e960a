"""With a real Docker engine: the engine pulls images of ECR from the emulator's registry."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

_ECR_HOST = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/")


def apply() -> None:
    """Rewrite the image references that are passed to the docker package.

    Raises:
        SystemExit: no engine is available; the emulator would silently start no tasks.

    """
    import docker
    from docker.models.containers import ContainerCollection
    from docker.models.images import ImageCollection

    try:
        docker.from_env().ping()
    except docker.errors.DockerException as error:
        sys.exit(f"DOCKER=1 needs a Docker engine: {error}")

    for collection, names in (
        (ImageCollection, ("pull", "get", "get_registry_data")),
        (ContainerCollection, ("run",)),
    ):
        for name in names:
            setattr(collection, name, from_emulator(getattr(collection, name)))


def from_emulator(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method of docker-py so that it accepts ECR references.

    Gap: the engine would call the ECR of AWS. A registry on 127.0.0.0/8 needs no TLS.
    """

    @wraps(method)
    def call(self: Any, reference: str, *args: Any, **kwargs: Any) -> Any:
        return method(self, local_reference(reference), *args, **kwargs)

    return call


def local_reference(reference: str) -> str:
    """Return the reference with the host of ECR replaced by the emulator's address."""
    return _ECR_HOST.sub(f"127.0.0.1:{os.environ['GATEWAY_PORT']}/", reference)
