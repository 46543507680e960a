"""Files hold the derived text, byte for byte."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.contract import replay
from tools.contract import derived, places, recording, schemas
from tools.contract.document import FILE, JSON, Node, document

# In a component that several responses share, and in a response itself.
SHARED, OWN = ("deploy", 409, "BUSY"), ("deploy", 202, "own")


def test_every_file_is_up_to_date() -> None:
    files = derived.files(replay.bodies())
    assert [file.name for file, text in files if file.read_text() != text] == [], (
        "run `make reference`"
    )


def test_only_the_examples_that_have_changed_are_written() -> None:
    bodies = replay.bodies()
    text = FILE.read_text()
    changed = bodies | {
        SHARED: {"errorMessage": "held: by #1", "code": "BUSY", "operation": {"id": "2"}},
        OWN: {"operation": {"id": "é", "environments": [{"environment": "DEV"}, {"a": []}]}},
    }
    written = recording.recorded(text, changed)
    read = yaml.safe_load(written)
    own = read["paths"]["/stacks/deploy"]["post"]["responses"]["202"]["content"][JSON]["examples"]
    assert own["own"]["value"] == changed[OWN]
    assert read["components"]["examples"]["Busy"]["value"] == changed[SHARED]
    own["own"]["value"] = bodies[OWN]
    read["components"]["examples"]["Busy"]["value"] = bodies[SHARED]
    assert read == yaml.safe_load(text)
    kept = set(text.splitlines()) - set(written.splitlines())
    assert kept < set(text.partition("operationId: deploy\n")[2].splitlines())
    assert len(text.splitlines()) - len(written.splitlines()) < 40


def test_the_derived_schemas_are_read_back_as_they_are() -> None:
    components = document()["components"]
    assert components["schemas"].items() >= schemas.components().items()
    assert components["parameters"].items() >= schemas.parameters().items()


def test_nothing_refers_to_a_component_that_is_not_there() -> None:
    known = document()["components"]["schemas"]
    assert set(re.findall("components/schemas/([A-Za-z]+)", FILE.read_text())) == set(known)


def nodes(node: object) -> list[Node]:
    """Return all objects in a node that generators read: they ignore the branches of `if`."""
    inner: list[object] = []
    if isinstance(node, dict):
        inner = [each for name, each in node.items() if name not in ("if", "then", "else")]
    elif isinstance(node, list):
        inner = node
    found = [each for one in inner for each in nodes(one)]
    return [node, *found] if isinstance(node, dict) else found


def test_generators_of_code_can_read_the_schemas() -> None:
    """openapi-python-client refuses the first two, and makes a class of each alternative.

    So an alternative is a component, whose class has a name.
    """
    for node in nodes(schemas.components()):
        assert node.get("items") is not False
        assert node.get("default") != {}
        assert "anyOf" not in node
        assert all("$ref" in each for each in node.get("oneOf", ()))


@pytest.mark.parametrize(
    ("python", "other"),
    [
        (r"(?!(?i:aws|dev):)[\w .]+", r"^(?:(?!(?:[Aa][Ww][Ss]|[Dd][Ee][Vv]):)[\p{L}\p{N}_ .]+)$"),
        (r"(?P<tag>[a-z]{2})\Z", r"^([a-z]{2})$$"),
        (r"[^\x00-\x1f\ud800-\udfff]*", r"^[^\u0000-\u001f]*$"),
        ("a|b", "^(?:a|b)$"),
    ],
)
def test_a_pattern_of_python_becomes_one_of_ecma_262(python: str, other: str) -> None:
    assert schemas.ecma(python) == other


def test_only_the_places_are_filled() -> None:
    yaml = "a\n  # derived: one\n{}  # derived: end\nb\n"
    markdown = "<!-- derived: two -->\n{}<!-- derived: end -->\nc"
    text = yaml.format("old\n") + markdown.format("")
    assert places.names(text) == ["one", "two"]
    filled = places.filled(text, {"one": "1\n", "two": "2\n"})
    assert filled == yaml.format("1\n") + markdown.format("2\n")
    assert places.filled("no place\n", {}) == "no place\n"


def test_a_place_that_nobody_fills_is_an_error() -> None:
    with pytest.raises(KeyError):
        places.filled("# derived: other\n# derived: end\n", {"one": ""})
