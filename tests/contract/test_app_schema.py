"""docs/app.schema.json judges a file as the service judges the body of its create."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devops_cli import documents
from tests.contract.test_request_agreement import EXCEPTIONS, is_encodable, near, values_of
from tests.contract.test_request_rules import EVERYWHERE, FIELDS, FULL, MINIMAL, faults, put
from tools.contract import app_schema

SCHEMA = json.loads(app_schema.PAGE.read_text())
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
_OF_CREATE = [path for path in FIELDS if path.startswith("create.")]
_BODIES = [MINIMAL["create"], EVERYWHERE, FULL]
_PROPERTY = settings(
    max_examples=300, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def nodes(node: Any) -> list[dict[str, Any]]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    found = [each for one in inner for each in nodes(one)]
    return [node, *found] if isinstance(node, dict) else found


def agree(body: Any) -> bool:
    """Assert that the schema and the service agree about a body; return whether it is valid."""
    accepted, refusal = VALIDATOR.is_valid(body), faults("create", body)
    if accepted and refusal:
        own = [each for each in EXCEPTIONS if "create" in each.calls]
        assert any(each.applies(body) for each in own), (body, refusal)
    else:
        assert accepted or refusal, body
    return not refusal


def test_it_is_a_schema_of_the_draft_that_it_names() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    references = {each["$ref"] for each in nodes(SCHEMA) if "$ref" in each}
    assert references == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


def test_an_editor_shows_a_description_without_links_to_pages() -> None:
    for node in nodes(SCHEMA):
        assert ".md" not in str(node.get("description", ""))
    service = SCHEMA["$defs"]["Service"]["properties"]
    assert all(each.get("description") for each in service.values())


@pytest.mark.parametrize("path", _OF_CREATE)
def test_each_field_has_the_same_values(path: str) -> None:
    field = path.removeprefix("create.")
    verdicts = {agree(put(EVERYWHERE, field, value)) for value in values_of(path)}
    assert verdicts == {True, False}


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """Return a body with some fields from the tables: valid, invalid, or almost valid values."""
    body = draw(st.sampled_from(_BODIES))
    for path in draw(st.lists(st.sampled_from(_OF_CREATE), max_size=4)):
        known = FIELDS[path]
        invalid = [each for several in known.invalid.values() for each in several]
        values = st.sampled_from([*known.valid, *known.valid, *invalid]) | near(path)
        changed = draw(values.filter(is_encodable))
        try:
            body = put(body, path.removeprefix("create."), changed)
        except (TypeError, AttributeError, KeyError):  # within a value that is not an object
            continue
    return body


@_PROPERTY
@given(bodies())
def test_generated_documents_are_judged_alike(body: Any) -> None:
    agree(body)


@_PROPERTY
@given(bodies())
def test_a_document_as_yaml_is_the_same_document(tmp_path_factory: Any, body: Any) -> None:
    file: Path = tmp_path_factory.getbasetemp() / "app.yml"
    file.write_text(documents.text(body), encoding="utf-8")
    assert documents.read(str(file)).content == body
