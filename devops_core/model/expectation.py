"""The release that a caller expects in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from devops_core.model.inventory import Service


class Expectation(NamedTuple):
    """A version, a digest or both; None matches any."""

    version: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        """Return the expected release, such as `1.0 (sha256:...)`."""
        if self.version and self.digest:
            return f"{self.version} ({self.digest})"
        return self.version or self.digest or "any release"

    def matches(self, service: Service) -> bool:
        """Return whether a service runs the expected release."""
        return self.version in (None, service.version) and self.digest in (None, service.digest)

    def actual(self, service: Service) -> str:
        """Return the release of a service, with its digest if a digest is expected."""
        return release_text(service) if self.digest else service.version or _FIRST


_FIRST = "the first image"


def release_text(service: Service) -> str:
    """Return the release of a service with its digest, such as `1.0 (sha256:...)`."""
    return f"{service.version or _FIRST} ({service.digest or 'unknown digest'})"
