"""The version of an application template."""

from __future__ import annotations

from typing import NamedTuple


class Template(NamedTuple):
    """The version of an application template: its URL, its S3 version, its SHA-256."""

    url: str
    version: str | None
    sha256: str

    def view(self) -> dict[str, str]:
        """Return the view of the template: its version and its hash."""
        version = {"version": self.version} if self.version else {}
        return {**version, "sha256": self.sha256}
