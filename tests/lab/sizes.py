"""The sizes of the proofs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """The two sizes of a proof in words, for `--help` and for the table in tests/README.md."""

    ci: str
    full: str

    def __str__(self) -> str:
        return f"CI size (make proofs): {self.ci}. Full size: {self.full}."
