"""The mutants that may survive, each with the reason: survivors/*.toml, a file a module."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.proofs.mutants.mutant import Change

_DIRECTORY = Path(__file__).with_name("survivors")


def accepted() -> Mapping[Change, str]:
    """Return the reason why each of them cannot be noticed."""
    return dict(_read_all(_DIRECTORY))


def _read_all(directory: Path) -> Iterator[tuple[Change, str]]:
    for file in sorted(directory.glob("*.toml")):
        module = f"devops_core.{file.stem}"
        for function, entries in tomllib.loads(file.read_text()).items():
            for entry in entries:
                for now in entry["now"]:
                    yield Change(module, function, entry["was"], now), entry["why"]
