"""The files for people who work on the project: valid YAML, existing commands, pinned packages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.templates import ROOT

FILES = [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / ".pre-commit-config.yaml"]
FORMS = [path for path in FILES if path.parent.name == "ISSUE_TEMPLATE" and path.stem != "config"]
WORKFLOWS = [path for path in FILES if path.parent.name == "workflows"]
REQUIREMENTS = sorted(
    path
    for pattern in ("requirements*.txt", "devops_cli/requirements.txt", "tools/*/requirements*.txt")
    for path in ROOT.glob(pattern)
)
_PINNED = re.compile(
    r"[a-zA-Z0-9_.-]+(?:\[[a-z0-9,]+\])?==[0-9][\w.]*(?: --hash=sha256:[0-9a-f]{64})?"
)


class UniqueKeys(yaml.SafeLoader):
    """A loader that refuses a key that a mapping has twice; the last value would win."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, "duplicate key", node.start_mark)
        return super().construct_mapping(node, deep)


def load(text: str) -> Any:
    return yaml.load(text, UniqueKeys)  # noqa: S506 - a subclass of SafeLoader


def unpinned(text: str) -> list[str]:
    """Return the lines of a list of packages without an exact version, or without a reason.

    The reason is a comment behind the package, or in the lines before it.
    """
    found, before = [], ""
    for line in text.splitlines():
        package, _, reason = line.partition("#")
        if package.strip() and not package.startswith("-r "):
            explained = reason.strip() or before.startswith("#")
            if not _PINNED.fullmatch(package.strip()) or not explained:
                found.append(line)
        before = line
    return found


def floating(workflow: Any) -> list[str]:
    """Return the actions of a workflow that are not pinned by commit."""
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    return [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_valid_yaml(path: Path) -> None:
    assert isinstance(load(path.read_text()), dict)


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2", "a:\n\t- b"])
def test_invalid_yaml_is_found(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        load(text)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_form_has_the_members_that_github_requires(path: Path) -> None:
    """Source: GitHub Docs, "Syntax for issue forms" and "Syntax for GitHub's form schema"."""
    form = load(path.read_text())
    assert {"name", "description", "body"} <= form.keys()
    fields = [each for each in form["body"] if each["type"] != "markdown"]
    assert all(each["attributes"]["label"] for each in fields)
    identifiers = [each["id"] for each in fields]
    assert len(identifiers) == len(set(identifiers)) > 0


def test_there_are_two_forms() -> None:
    assert [path.stem for path in FORMS] == ["bug", "proposal"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_the_build_with_pinned_actions(path: Path) -> None:
    workflow = load(path.read_text())
    assert floating(workflow) == []
    runs = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in runs
    assert workflow["permissions"] == {"contents": "read"}


def test_a_floating_action_is_found() -> None:
    steps = [{"uses": "actions/checkout@v7"}, {"run": "make"}]
    assert floating({"jobs": {"check": {"steps": steps}}}) == ["actions/checkout@v7"]


def test_hooks_run_the_tools_of_make_lint_and_download_nothing() -> None:
    hooks = load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert {each["repo"] for each in hooks} == {"local"}
    entries = [hook["entry"] for each in hooks for hook in each["hooks"]]
    programs = {" ".join(entry.split()[:2]).partition(" --")[0] for entry in entries}
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    assert len(programs) == 4
    for program in programs:
        assert program.replace(".venv/bin/", "$(TOOLS)/") in lint


def test_dependabot_watches_every_list_of_packages() -> None:
    updates = load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    (pip,) = (each for each in updates if each["package-ecosystem"] == "pip")
    watched = {ROOT / directory.strip("/") for directory in pip["directories"]}
    assert watched == {path.parent for path in REQUIREMENTS}
    assert {each["package-ecosystem"] for each in updates} == {"pip", "npm", "github-actions"}


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_package_is_pinned_with_its_reason(path: Path) -> None:
    assert unpinned(path.read_text()) == []


@pytest.mark.parametrize(
    "line", ["typer", "typer>=0.29 # commands", "typer==0.29.2", "typer==* # x"]
)
def test_a_package_without_version_or_reason_is_found(line: str) -> None:
    assert unpinned(f"# a list\n\n{line}\n") == [line]


def test_every_package_of_node_is_pinned_with_its_reason() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    assert package["//"].keys() == package["devDependencies"].keys()
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", each) for each in package["devDependencies"].values())
