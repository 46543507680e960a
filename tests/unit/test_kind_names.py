"""Only the modules of a kind name it: the rest of the core works with every kind.

A module names a kind if

- a string literal is the kind's name, or contains it as a part of a key, a path or a module. In a
  sentence for people the verb is not a name: "delete the application";
- it imports the kind's module, its observations or its request, also through their packages. Only
  the declaration of a type (`if TYPE_CHECKING`) can import a request;
- it compares the kind of an operation or looks it up in a table.

Docstrings do not count, and neither does the pattern of application names: it excludes paths of
the API.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import devops_core
from devops_core import naming
from devops_core.drift import repair

CORE = Path(devops_core.__file__).parent
# The packages with one module for each kind. A repair has no such modules, only a record.
PACKAGES = ("kinds", "observe", "requests")
REPAIR = "drift/repair.py"
# The names in the contract by the name of the kind's modules.
KINDS = {
    path.stem: module.KIND.name
    for path in sorted((CORE / "kinds").glob("*.py"))
    if hasattr(module := import_module(f"devops_core.kinds.{path.stem}"), "KIND")
}
NAMES = {*KINDS, *KINDS.values(), repair.KIND}
_ANY_NAME = "|".join(sorted(NAMES, key=len, reverse=True))
NAMED = re.compile(rf"(?<![A-Za-z0-9])({_ANY_NAME})(?![A-Za-z0-9])")
OWN_MODULES = {f"devops_core.{package}.{name}" for package in PACKAGES for name in KINDS}
OTHERS = sorted(
    path.relative_to(CORE).as_posix()
    for path in CORE.rglob("*.py")
    if path.relative_to(CORE).parts[0] not in PACKAGES
    and path.relative_to(CORE).as_posix() != REPAIR
)


def places(source: str) -> list[str]:
    """Return the places of a module that name a kind, with their lines."""
    tree = ast.parse(source)
    docstrings = {id(each) for node in ast.walk(tree) if (each := _docstring(node))}
    types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) not in docstrings:
            for place in _places_in(node, only_types=id(node) in types):
                found.append(f"line {getattr(node, 'lineno', '?')}: {place}")
    return found


def _docstring(node: ast.AST) -> ast.expr | None:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) or not node.body:
        return None
    first = node.body[0]
    return first.value if isinstance(first, ast.Expr) else None


def _places_in(node: ast.AST, *, only_types: bool) -> Iterator[str]:
    yield from _literals(node)
    yield from _imports(node, only_types=only_types)
    yield from _distinctions(node)


def _literals(node: ast.AST) -> Iterator[str]:
    """Yield a string literal that contains the name of a kind and is not a sentence."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        sentence = re.search(r"\s", node.value.strip(" .,:;"))
        is_pattern = node.value == naming.APPLICATION_NAME.pattern
        if NAMED.search(node.value) and not sentence and not is_pattern:
            yield f"the literal {node.value!r}"


def _imports(node: ast.AST, *, only_types: bool) -> Iterator[str]:
    """Yield the modules of a kind that a statement imports, or that an expression reads."""
    match node:
        case ast.Import(names=names):
            yield from _own_modules([each.name for each in names], only_types=only_types)
        case ast.ImportFrom(module=str() as package, names=names):
            modules = [package, *(f"{package}.{each.name}" for each in names)]
            yield from _own_modules(modules, only_types=only_types)
        case ast.Attribute(value=ast.Name(id=package), attr=name):
            if package in PACKAGES and name in KINDS:
                yield f"the module {package}.{name}"


def _distinctions(node: ast.AST) -> Iterator[str]:
    """Yield an expression or a statement whose result depends on the kind of an operation."""
    match node:
        case ast.Compare(left=left, comparators=others):
            operands = [left, *others]
        case ast.Match(subject=subject):
            operands = [subject]
        case ast.Subscript(slice=key) | ast.Call(func=ast.Attribute(attr="get"), args=[key, *_]):
            operands = [key]
        case _:
            operands = []
    if any(map(_is_kind, operands)):
        yield f"the distinction {ast.unparse(node)}"


def _own_modules(modules: list[str], *, only_types: bool) -> Iterator[str]:
    for name in modules:
        of_a_type = only_types and name.startswith("devops_core.requests.")
        if name in OWN_MODULES and not of_a_type:
            yield f"the import of {name}"


def _is_kind(node: ast.expr) -> bool:
    """Return whether an expression is the name of an operation's kind."""
    text = ast.unparse(node)
    return text.endswith(".kind") or text in ("kind.name", "self.kind.name")


@pytest.mark.parametrize("module", OTHERS)
def test_a_module_names_no_kind(module: str) -> None:
    assert places((CORE / module).read_text()) == []


def test_each_kind_has_one_module_in_each_package() -> None:
    assert KINDS == {
        "create": "create", "delete": "delete", "deploy": "deploy", "promote": "deploy-blue",
        "swap": "swap", "update": "update", "upgrade": "upgrade",
    }  # fmt: skip
    for package in PACKAGES:
        modules = {path.stem for path in (CORE / package).glob("*.py")}
        assert set(KINDS) <= modules


def test_the_repair_is_named_in_its_record_only() -> None:
    assert len(places((CORE / REPAIR).read_text())) == 1


@pytest.mark.parametrize(
    "source",
    [
        'LIMITS = {"swap": 15}',
        'if name in ("deploy-blue", other): pass',
        'key = f"{name}/promote"',
        'import_module("devops_core.kinds.create")',
        'word = f"{name} repair"',
        "from devops_core.kinds import swap",
        "from devops_core.kinds.swap import SwapDetails",
        "import devops_core.observe.delete",
        "from devops_core.requests.deploy import DEPLOY",
        "if TYPE_CHECKING:\n    from devops_core.kinds.create import CreateDetails",
        "def load():\n    from devops_core.observe import promote",
        "rules = kinds.swap.KIND",
        "if operation.kind == SWAP: pass",
        "if kind.name != other: pass",
        "if operation.kind in _KINDS: pass",
        "limit = LIMITS[operation.kind]",
        "limit = LIMITS.get(operation.kind, 15)",
        "match operation.kind:\n    case _: pass",
    ],
)
def test_notices_a_module_that_names_a_kind(source: str) -> None:
    assert places(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""Swap: it is described in this docstring."""',
        'def swap():\n    """deploy"""',
        'message = f"{name}: delete the application, then create it again"',
        'status = "CREATE_COMPLETE"',
        'event = {"kind": operation.kind}',
        "rules = kinds.load(operation.kind)",
        "from devops_core import kinds, observe",
        "from devops_core.kinds.kind import Kind",
        "from devops_core.requests.reads import STACKS",
        "if TYPE_CHECKING:\n    from devops_core.requests.create import CreateRequest",
        "if kind.abort is None: pass",
        "stack = cloud.stacks.create(request)",
    ],
)
def test_accepts_a_module_for_all_kinds(source: str) -> None:
    assert places(source) == []
