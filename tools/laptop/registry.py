"""Resolves image references to digest, version and behaviour.

Images of ECR are those pushed to the emulator (see `images`). Other registries are not accessible:
any reference to them resolves to an image whose digest is computed from its name, except for a tag
that contains "missing".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devops_core.naming import EcrRegistry

VERSION_ANNOTATION = "org.opencontainers.image.version"
BEHAVIOUR_ANNOTATION = "devops.local/behaviour"
BEHAVIOURS = ("crash", "unhealthy")
_MISSING = "missing"  # in the tag of an image that another registry does not have


class ImageMissingError(LookupError):
    """The registry does not have the image; the message is the reason that ECS reports."""


@dataclass(frozen=True)
class Reference:
    """The parts of an image reference; `tag` is `latest` without a tag and a digest."""

    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Split `repository[:tag][@digest]`; a colon before the last slash is a port."""
        name, _, digest = text.partition("@")
        head, colon, tag = name.rpartition(":")
        if not colon or "/" in tag:
            head, tag = name, ""
        return cls(head, tag or ("" if digest else "latest"), digest)


@dataclass(frozen=True)
class Image:
    """An existing image; the task program receives version and behaviour."""

    digest: str
    version: str
    behaviour: str = ""


def describe(manifest: str, digest: str, tags: list[str]) -> Image:
    """Return the image of an OCI manifest, from its annotations or else from its tags."""
    annotations = json.loads(manifest or "{}").get("annotations") or {}
    version = annotations.get(VERSION_ANNOTATION) or next(iter(tags), digest)
    return Image(digest, version, annotations.get(BEHAVIOUR_ANNOTATION) or _behaviour(version))


def _missing(reference: str) -> ImageMissingError:
    return ImageMissingError(
        "pull image manifest has been retried 1 time(s): failed to resolve ref "
        f"{reference}: {reference}: not found"
    )


def _behaviour(tag: str) -> str:
    return next((word for word in BEHAVIOURS if word in tag), "")


def _import_nothing(account: str, region: str, repository: str, tag: str) -> None:
    """Import no image: the registry has no pull-through caches."""


class Registry:
    """Resolves references against the emulator's ECR, which runs in this process.

    `ecr` is the emulator's ECR service module. `import_upstream` receives account, region,
    repository and tag of a missing image, and can add the image.
    """

    def __init__(
        self, ecr: Any, import_upstream: Callable[[str, str, str, str], None] = _import_nothing
    ) -> None:
        self._ecr, self._import_upstream = ecr, import_upstream
        self._external: dict[str, Image] = {}  # images of other registries by digest

    def resolve(self, text: str) -> Image:
        """Return the image of a reference.

        Raises:
            ImageMissingError: the registry does not have the repository, tag or digest.

        """
        reference = Reference.parse(text)
        host, _, name = reference.repository.partition("/")
        registry = EcrRegistry.of_host(host)
        if registry is None:
            if _MISSING in reference.tag:
                raise _missing(text)
            return self._external_image(reference)
        found = self._stored(registry, name, reference)
        if found is None and reference.tag:
            self._import_upstream(registry.account, registry.region, name, reference.tag)
            found = self._stored(registry, name, reference)
        if found is not None:
            return found
        raise _missing(text)

    def _stored(self, registry: EcrRegistry, name: str, reference: Reference) -> Image | None:
        images = self._ecr._images.get_scoped(registry.account, registry.region, name)
        for image in images or []:
            tags = image.get("imageTags") or []
            if image["imageDigest"] == reference.digest or reference.tag in tags:
                return describe(image.get("imageManifest", ""), image["imageDigest"], tags)
        return None

    def _external_image(self, reference: Reference) -> Image:
        if reference.digest:
            unnamed = Image(reference.digest, reference.tag or reference.digest)
            return self._external.get(reference.digest, unnamed)
        name = f"{reference.repository}:{reference.tag}"
        digest = "sha256:" + hashlib.sha256(name.encode()).hexdigest()
        image = Image(digest, reference.tag, _behaviour(reference.tag))
        return self._external.setdefault(digest, image)
