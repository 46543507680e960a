"""The release that a caller expects in an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from devops_core.model.inventory import Service


class Expectation(NamedTuple):
    """A version, a digest, and the revision of a specification; None matches any."""

    version: str | None = None
    digest: str | None = None
    spec: int | None = None

    def __str__(self) -> str:
        """Return the expected release, such as `1.0 (sha256:...) with revision 3`."""
        release = self.version or self.digest or "any release"
        if self.version and self.digest:
            release = f"{self.version} ({self.digest})"
        return release if self.spec is None else f"{release} with revision {self.spec}"

    def matches(self, service: Service) -> bool:
        """Return whether a service runs the expected release."""
        return (
            self.version in (None, service.version)
            and self.digest in (None, service.digest)
            and self.spec in (None, service.spec)
        )

    def actual(self, service: Service) -> str:
        """Return the release of a service, with its digest and revision if these are expected."""
        release = release_text(service) if self.digest else service.version or _FIRST
        return f"{release} with revision {service.spec}" if self.spec and service.spec else release


_FIRST = "the first image"


def release_text(service: Service) -> str:
    """Return the release of a service with its digest, such as `1.0 (sha256:...)`."""
    return f"{service.version or _FIRST} ({service.digest or 'unknown digest'})"
