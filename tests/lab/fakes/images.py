"""ECR and S3: images and templates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from devops_core.errors import ImageNotFoundError, RefusedError
from devops_core.settings import TemplateLocation
from tests.lab.fakes.wire import Wire


class FakeImages:
    """`ports.ImageRegistry`; `pushed` holds the digest by repository and tag."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.pushed: dict[tuple[str, str], str] = {}

    def digest(self, repository: str, *, tag: str | None, digest: str | None) -> str:
        """Return the digest of an image."""
        return self._wire.call(
            "images.digest",
            (repository, tag, digest),
            lambda: self._digest(repository, tag, digest),
        )

    def push(self, repository: str, tag: str, content: str = "") -> str:
        """Push an image; another content (default: the tag) is another digest."""
        digest = f"sha256:{hashlib.sha256((content or tag).encode()).hexdigest()}"
        self.pushed[repository, tag] = digest
        return digest

    def _digest(self, repository: str, tag: str | None, digest: str | None) -> str:
        there = {known for (name, _), known in self.pushed.items() if name == repository}
        found = self.pushed.get((repository, tag or "")) if digest is None else digest
        if found is None or found not in there:
            name = f"{repository}@{digest}" if digest else f"{repository}:{tag}"
            raise ImageNotFoundError(f"this account's ECR has no image {name}: push it first")
        return found


class FakeTemplates:
    """`ports.TemplateStore`: a versioned object; `versions` holds its bytes by version.

    Without `versioned` no version is told. `problems` is what `check` answers.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.versions: dict[str, bytes] = {"v1": b"Resources: {}\n"}
        self.problems: dict[str, str] = {}
        self.versioned = True

    def read(self, location: TemplateLocation, version: str | None) -> tuple[bytes, str | None]:
        """Return a template's bytes and version; None means the newest."""
        return self._wire.call(
            "templates.read", (location, version), lambda: self._read(location, version)
        )

    def check(self, bucket: str, location: TemplateLocation) -> Mapping[str, str]:
        """Return what the test says is wrong."""
        return self._wire.call("templates.check", (bucket, location), lambda: dict(self.problems))

    def _read(self, location: TemplateLocation, version: str | None) -> tuple[bytes, str | None]:
        newest = version or next(reversed(self.versions), "")
        if newest not in self.versions:
            raise RefusedError(f"the application template {location.url} is missing")
        return self.versions[newest], newest if self.versioned else None
