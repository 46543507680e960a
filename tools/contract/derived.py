"""The files that hold text derived from the declarations of requests and from a replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.contract import app_schema, recording, reference, rules, schemas, service_rules
from tools.contract.document import FILE, document, operation, operations
from tools.contract.places import filled, names


def files(bodies: Mapping[recording.Key, Any]) -> Iterator[tuple[Path, str]]:
    """Yield each file and the text that it should have, the contract first.

    `bodies` are recorded responses, the examples of the contract. The other files follow from the
    contract: it must be written before the next file is asked for.
    """
    components = {
        "parameters": schemas.text(schemas.parameters()),
        "schemas": schemas.text(schemas.components()),
    }
    yield FILE, recording.recorded(filled(FILE.read_text(), components), bodies)
    document.cache_clear()
    operations.cache_clear()
    tables = _tables()
    for page in sorted(FILE.parent.rglob("*.md")):
        text = page.read_text()
        if names(text):
            yield page, filled(text, tables)
    yield reference.PAGE, reference.page()
    yield app_schema.PAGE, app_schema.text()
    yield rules.RULES, rules.text()
    yield rules.NAMES, rules.names()
    yield service_rules.FILE, service_rules.text()


def _tables() -> dict[str, str]:
    """Return the tables of fields and query parameters by the names of their places."""
    bodies = {
        each.body["schema"]["$ref"].rpartition("/")[2]: each.body["schema"]
        for each in operations().values()
        if each.body
    }
    found = {f"fields of {name}": reference.fields(schema) for name, schema in bodies.items()}
    for called in schemas.QUERIES:
        found[f"parameters of {called}"] = reference.queries(operation(called))
    return {name: f"{table}\n" for name, table in found.items()}
