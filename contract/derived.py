"""The files that hold text derived from the declarations in devops_core/requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from contract import schemas
from contract.document import FILE
from contract.places import filled


def files() -> Iterator[tuple[Path, str]]:
    """Yield each file with its text as it should be, the contract first.

    Later ones follow from earlier ones, so each must be written before the next is asked for.
    """
    contents = {
        "parameters": schemas.text(schemas.parameters()),
        "schemas": schemas.text(schemas.components()),
    }
    yield FILE, filled(FILE.read_text(), contents)
