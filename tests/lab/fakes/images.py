"""The images in ECR and the templates in S3."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from devops_core.errors import ImageNotFoundError, NotDeployableError, RefusedError
from devops_core.settings import TemplateLocation
from tests.lab.fakes.wire import Port, Wire, outgoing
from tests.lab.templates import SMALL


class FakeImages(Port, port="images"):
    """`ports.aws.ImageRegistry`; `pushed` has the digest by repository and tag.

    `caches` are the prefixes of pull-through caches, `repository_tags` the tags by repository.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self.pushed: dict[tuple[str, str], str] = {}
        self.caches: list[str] = []
        self.repository_tags: dict[str, dict[str, str]] = {}

    @outgoing
    def digest(
        self, repository: str, *, tag: str | None, digest: str | None, expires: bool
    ) -> str | None:
        """Return the digest of an image."""
        there = {known for (name, _), known in self.pushed.items() if name == repository}
        found = self.pushed.get((repository, tag)) if tag else digest
        name = f"{repository}:{tag}" if tag else f"{repository}@{digest}"
        if found is None or found not in there:
            if any(repository.startswith(f"{prefix}/") for prefix in self.caches):
                if tag and digest:
                    raise NotDeployableError(f"ECR has not imported {name} yet")
                return digest
            raise ImageNotFoundError(f"this account's ECR has no image {name}: push it first")
        if digest and digest != found:
            raise NotDeployableError(f"the image {name} has the digest {found}, not {digest}")
        if expires and not any(tag for (_, tag), known in self.pushed.items() if known == found):
            raise NotDeployableError(f"the image {name} has no tag")
        return found

    @outgoing
    def tags(self, repository_arn: str) -> Mapping[str, str] | None:
        """Return the tags of a repository."""
        name = repository_arn.partition(":repository/")[2]
        exists = name in self.repository_tags or any(name == each for each, _ in self.pushed)
        return dict(self.repository_tags.get(name, {})) if exists else None

    def push(self, repository: str, tag: str, content: str = "") -> str:
        """Push an image and return its digest, which depends on the content (default: the tag).

        An empty tag pushes an image without a tag.
        """
        digest = f"sha256:{hashlib.sha256((content or tag).encode()).hexdigest()}"
        self.pushed[repository, tag] = digest
        return digest


class FakeTemplates(Port, port="templates"):
    """`ports.aws.TemplateStore`: one object; `versions` has its bytes by version.

    Without `versioned`, `read` returns no version. `problems` is the result of `check`.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self.versions: dict[str, bytes] = {"v1": SMALL.encode()}
        self.problems: dict[str, str] = {}
        self.versioned = True

    @outgoing
    def read(self, location: TemplateLocation, version: str | None) -> tuple[bytes, str | None]:
        """Return a template's bytes and version; by default those of the newest version."""
        newest = version or next(reversed(self.versions), "")
        if newest not in self.versions:
            raise RefusedError(f"the application template {location.url} is missing")
        return self.versions[newest], newest if self.versioned else None

    @outgoing
    def check(self, bucket: str, location: TemplateLocation) -> Mapping[str, str]:
        """Return the prepared problems."""
        del bucket, location
        return dict(self.problems)
