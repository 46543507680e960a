"""The page about the path of an operation: every name in it exists."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from devops_core import engine, observe
from devops_core.kinds.kind import Kind
from devops_core.model import decisions
from devops_core.observe import Controller

NAMES = sorted(set(re.findall(r"`([^`]+)`", engine.__doc__ or "")))
ENGINE = {
    path.stem: import_module(f"devops_core.engine.{path.stem}")
    for path in Path(engine.__file__).parent.glob("[a-z]*.py")
}
MODULES = {**ENGINE, "observe": observe}
# The named tuples whose members are functions.
TUPLES: dict[str, Any] = {"Kind": Kind, "Controller": Controller}


def members(owner: str) -> set[str]:
    """Return the functions and classes of a module, or the members of a named tuple.

    Imported and private names are not members of a module.
    """
    if owner in TUPLES:
        return set(TUPLES[owner]._fields)
    module = MODULES.get(owner)
    if module is None:
        return set()
    return {
        name
        for name, value in vars(module).items()
        if callable(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


@pytest.mark.parametrize("name", [name for name in NAMES if "." in name])
def test_a_named_function_exists(name: str) -> None:
    owner, member = name.split(".")

    assert member in members(owner)


@pytest.mark.parametrize("name", [name for name in NAMES if "." not in name])
def test_a_single_name_is_a_module_or_a_decision(name: str) -> None:
    assert name in ENGINE or hasattr(decisions, name)


def test_the_page_names_every_module() -> None:
    named = {name.split(".")[0] for name in NAMES}

    assert set(ENGINE) == named & set(ENGINE)


@pytest.mark.parametrize("name", ["Kind.absent", "accept.replace", "absent.accept", "steps._save"])
def test_a_wrong_name_is_noticed(name: str) -> None:
    owner, member = name.split(".")

    assert member not in members(owner)
