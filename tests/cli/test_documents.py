"""Specification files: their values, their lines, and the text of a document."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from devops_cli import documents
from devops_cli.failures import UsageError

CHECKED = settings(max_examples=300, deadline=None, derandomize=True, database=None)
# Texts that YAML 1.1 or 1.2 could read as another type, and characters with a meaning in YAML.
LOOKALIKES = [
    "NO", "yes", "on", "null", "~", "", "true", "0123", "1e3", "1_000", "0o17", "0x1f", ".5", "+1",
    "1.", "12:30:45", "2026-01-31", "=", "<<", ".inf", "-", "- a", "a: b", "a #b", "#a", "&a", "*a",
    "!a", "%a", "@a", "`a", "{a}", "[a]", "'a'", '"a"', " a ", "a\n", "a\n\n", "\n a\n", "a\tb",
    "\ta", "a\\b", "é", "\U0001f469\u200d\U0001f52c", "\u202e", "\u2028", "\x85", "\xa0", "\ufeff",
]  # fmt: skip
TEXTS = st.sampled_from(LOOKALIKES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
# Each line repeats the one before ten times.
BOMB = "a: &a x\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in pairwise("abcdef")
)
VALUES = st.recursive(
    TEXTS | st.booleans() | st.none() | st.integers(-(10**20), 10**20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


def read(tmp_path: Path, content: str | bytes, name: str = "app.yml") -> documents.Document:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return documents.read(str(file))


@CHECKED
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_any_document_is_read_back_from_its_text(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    text = documents.text(content) if content else "{}"
    assert read(folder, text).content == content
    # A reader with the types of YAML 1.1 agrees.
    assert yaml.safe_load(text) == content


@CHECKED
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_json_is_read_as_json(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for text in (json.dumps(content, indent="\t"), json.dumps(content, ensure_ascii=False)):
        assert read(folder, f"\ufeff\n{text}").content == content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"), ("yes", "yes"), ("0123", "0123"), ("1:30", "1:30"), ("1e400", "1e400"),
        ("2026-01-31", "2026-01-31"), ("8080", 8080), ("-1", -1), ("1.5", 1.5), ("true", True),
        ("null", None), ("", None), ("~", None), ('"8080"', "8080"), ("!!str 8080", "8080"),
        ("|\n  a\n  b", "a\nb"), ("[a, 1]", ["a", 1]), ("{b: 1}", {"b": 1}),
    ],
)  # fmt: skip
def test_only_values_of_json_are_not_text(tmp_path: Path, text: str, value: Any) -> None:
    assert read(tmp_path, f"a: {text}").content == {"a": value}


def test_an_alias_repeats_its_value(tmp_path: Path) -> None:
    found = read(tmp_path, "a: &x {b: 1}\nc: *x\n")
    assert found.content == {"a": {"b": 1}, "c": {"b": 1}}
    assert found.places["c"] == f"{found.file}:2"


def test_each_field_has_its_line(tmp_path: Path) -> None:
    text = "email: a\nservice:\n  # text\n  environment:\n    a.b: c\n  command: [x,\n    y]\n"
    found = read(tmp_path, text)
    lines = {field: int(place.rpartition(":")[2]) for field, place in found.places.items()}
    assert lines == {
        "email": 1, "service": 2, "service.environment": 4, "service.environment.a.b": 5,
        "service.command": 6,
    }  # fmt: skip
    as_json = read(tmp_path, '{"service":\n\t{"cpu":\n\t1}}')
    assert as_json.places["service.cpu"] == f"{as_json.file}:2"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", ":4: b.c is also in line 3"),
        ('{"a": 1,\n"a": 2}', ":2: a is also in line 1"),
        ('{"a": "\x7f", "b": {"c": 1, "c": 2}}', ": c occurs twice in one object"),
        ("a: [1", ":1: is not valid YAML"),
        ("a: 1\n\tb: 2", ":2: is not valid YAML"),
        ('{"a": 1,}x', ":1: is not valid YAML"),
        ("a: 1\n---\nb: 2", ":2: is not valid YAML: but found another document"),
        ("a: *b", ":1: is not valid YAML: found undefined alias"),
        ("a: \x07", " is not valid YAML: unacceptable character"),
        ("? [a]\n: b", ":1: the name of a field must be text"),
        ("a: !!binary eA==", ":1: the tag tag:yaml.org,2002:binary is not supported"),
        ("a: !!python/object/apply:os.system [id]", ":1: the tag tag:yaml.org,2002:python"),
        ("a: &x [*x]", " has too many values, or an alias within its own anchor"),
        (BOMB, " has too many values"),
        ("[" * 2000, " is nested too deeply"),
        ("- a", " has no fields"),
        ("", " has no fields"),
        ("null", " has no fields"),
        (b"a: \xff", " is not text in UTF-8"),
    ],
    ids=range(19),
)  # fmt: skip
def test_a_file_with_a_fault_is_refused(tmp_path: Path, text: str | bytes, problem: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path / 'app.yml'}{problem}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        documents.read(str(tmp_path / "app.yml"))


def test_the_text_cannot_control_a_terminal() -> None:
    assert documents.text({"a": "x\u202ey"}) == 'a: "x\\u202Ey"\n'
    assert documents.text({"a": "é"}) == "a: é\n"
