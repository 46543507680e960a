"""A replacement for the `docker` package, on the emulator's path unless a Docker engine is used.

It provides the part of docker-py that MiniStack's ECS uses, on top of `tools.laptop.containers`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from docker import errors
from tools.laptop.containers import Container
from tools.laptop.emulator import engine, registry
from tools.laptop.registry import Image, ImageMissingError

__all__ = ["DockerClient", "errors", "from_env"]


class Containers:
    """docker-py: `docker.models.containers.ContainerCollection`."""

    def run(self, image: str, **options: Any) -> Container:
        """Start a container of an image; return when it accepts connections or has ended."""
        return engine().run(image, _resolve(image), options)

    def get(self, container_id: str) -> Container:
        """Return a container by its id."""
        for container in engine().all():
            if container.id == container_id:
                return container
        raise errors.NotFound(f"No such container: {container_id}")

    def list(self, *, filters: dict[str, Any] | None = None, **_: Any) -> list[Container]:
        """Return the containers that have all labels of the filter (`name` or `name=value`)."""
        labels = (filters or {}).get("label") or []
        labels = [labels] if isinstance(labels, str) else labels
        return [one for one in engine().all() if all(_has_label(one, label) for label in labels)]


class LocalImage:
    """docker-py: `docker.models.images.Image` and, by its `id`, `RegistryData`."""

    def __init__(self, image: Image) -> None:
        self.id = image.digest

    def tag(self, *_: Any, **__: Any) -> bool:
        """Return True without an effect, because references are resolved at each use."""
        return True


class Images:
    """docker-py: `docker.models.images.ImageCollection`."""

    def get(self, reference: str) -> LocalImage:
        """Return an image of the local cache, which is the registry itself."""
        return LocalImage(_resolve(reference))

    def pull(self, reference: str, **_: Any) -> LocalImage:
        """Return the image of a reference from the registry."""
        return LocalImage(_resolve(reference))

    def get_registry_data(self, reference: str, **_: Any) -> LocalImage:
        """Return an object whose `id` is the manifest digest."""
        return LocalImage(_resolve(reference))


class DockerClient(SimpleNamespace):
    """docker-py: `docker.client.DockerClient`."""

    def __init__(self) -> None:
        super().__init__(containers=Containers(), images=Images())


def from_env(**_: Any) -> DockerClient:
    """Return a client."""
    return DockerClient()


def _has_label(container: Container, label: str) -> bool:
    name, equals, value = label.partition("=")
    return name in container.labels and (not equals or container.labels[name] == value)


def _resolve(reference: str) -> Image:
    try:
        return registry().resolve(reference)
    except ImageMissingError as missing:
        raise errors.ImageNotFound(str(missing)) from missing
