"""The sizes of the proofs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_README = Path(__file__).parents[1] / "README.md"


@dataclass(frozen=True, slots=True)
class Sizes:
    """The two sizes of a proof in words, for `--help` and for the table in tests/README.md."""

    ci: str
    full: str

    def is_documented(self, proof: str) -> bool:
        """Return whether the table in tests/README.md has these sizes."""
        return f"| `{proof}` | {self.ci} | {self.full} |" in _README.read_text()

    def __str__(self) -> str:
        return f"CI size (make proofs): {self.ci}. Full size: {self.full}."
