"""The packages and actions that run with permissions: each is identified by a hash or a commit."""

from __future__ import annotations

import base64
import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.lab.templates import ROOT

NPM = json.loads((ROOT / "package-lock.json").read_text())
COMMAND_LINE = ROOT / "devops_cli" / "requirements.lock"
INSTALL = ROOT / "devops_cli" / "install.sh"
INSTALLERS = [
    ROOT / "action.yml",
    *(
        ROOT / "docs" / "ci" / name
        for name in (
            "gitlab-ci.yml",
            "Jenkinsfile",
            "buildspec.yml",
            "buildspec-release.yml",
            "github-actions-approval.yml",
        )
    ),
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKFLOWS = [
    ROOT / "action.yml",
    *sorted((ROOT / "docs" / "ci").glob("github-actions*.yml")),
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
]
# An organisation publishes its copy of this action with its own tags.
OUR_ACTION = "your-organisation/devops-ecs@"

_USED = re.compile(r"^\s*(?:- )?uses: *(.*)$", re.MULTILINE)
_COMMIT = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def unverified(packages: dict[str, Any]) -> list[str]:
    """Return the entries of a package-lock.json whose archives npm installs without a check."""
    return [path for path, entry in packages.items() if path and not _sha512(entry)]


def _sha512(entry: dict[str, Any]) -> bool:
    if entry.get("link"):
        return True
    algorithm, _, digest = entry.get("integrity", "").partition("-")
    return algorithm == "sha512" and len(base64.b64decode(digest)) == 64


def hashed(text: str) -> dict[str, tuple[Requirement, int]]:
    """Return the requirements of a list of packages for pip, each with its number of hashes."""
    found: dict[str, tuple[Requirement, int]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        package = line.partition(" #")[0].strip()
        if package and not package.startswith(("#", "-")):
            requirement = Requirement(package.partition("--hash")[0])
            name = canonicalize_name(requirement.name)
            found[name] = (requirement, len(_HASH.findall(package)))
    return found


def unlocked(locked: set[str]) -> set[str]:
    """Return the packages that the given packages require, and that are not among them.

    The requirements are those of the installed packages, for this platform.
    """
    required: set[str] = {
        canonicalize_name(requirement.name)
        for name in locked
        for requirement in map(Requirement, metadata.requires(name) or [])
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }
    return required - locked


def floating(text: str) -> list[str]:
    """Return the actions of other organisations that have no commit with its version."""
    return [
        used
        for used in _USED.findall(text)
        if not used.startswith((OUR_ACTION, "./")) and not _COMMIT.fullmatch(used)
    ]


def test_npm_checks_every_package() -> None:
    assert unverified(NPM["packages"]) == []
    assert len(NPM["packages"]) > 100


def test_the_lock_file_names_no_host() -> None:
    assert not [entry for entry in NPM["packages"].values() if "resolved" in entry]


@pytest.mark.parametrize("entry", [{}, {"integrity": ""}, {"integrity": "sha1-aGFsbG8="}])
def test_a_package_without_a_strong_hash_is_found(entry: dict[str, str]) -> None:
    packages = {"": {}, "node_modules/a": {"version": "1.0.0", **entry}}
    assert unverified(packages) == ["node_modules/a"]


@pytest.mark.parametrize("path", [ROOT / "requirements.txt", COMMAND_LINE], ids=lambda it: it.name)
def test_pip_checks_every_package(path: Path) -> None:
    packages = hashed(path.read_text())
    assert packages
    for requirement, hashes in packages.values():
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        assert hashes > 0, requirement.name


def test_a_package_without_hash_is_found() -> None:
    text = "# a list\n--only-binary :all:\n\nsix==1.17.0\nrich==15.0.0 \\\n    --hash=sha256:0"
    assert {name: hashes for name, (_, hashes) in hashed(text).items()} == {"six": 0, "rich": 0}


def test_the_lock_has_the_listed_versions_and_the_build() -> None:
    listed = (ROOT / "devops_cli" / "requirements.txt").read_text()
    listed += "\n".join(PROJECT["build-system"]["requires"])
    locked = hashed(COMMAND_LINE.read_text())
    for name, (requirement, _) in hashed(listed).items():
        assert locked[name][0].specifier == requirement.specifier, f"{name}: run `make lock`"


def test_the_lock_is_closed() -> None:
    packages = hashed(COMMAND_LINE.read_text()).items()
    here = {
        name
        for name, (requirement, _) in packages
        if requirement.marker is None or requirement.marker.evaluate()
    }
    assert unlocked(here) == set()
    assert len(here) > 20


def test_a_missing_dependency_is_found() -> None:
    assert "urllib3" in unlocked({"botocore", "jmespath", "python-dateutil", "six"})


def test_the_locked_packages_are_built_by_their_authors() -> None:
    """An sdist would run a build with packages that have no hashes."""
    assert "\n--only-binary :all:\n" in COMMAND_LINE.read_text()


def test_the_command_line_is_installed_from_the_lock() -> None:
    (locked, build) = re.findall(r"^install (.*)$", INSTALL.read_text(), re.MULTILINE)
    assert locked == '--require-hashes -r "$source/requirements.lock"'
    assert build == '--no-deps --no-build-isolation "$source/.."'


@pytest.mark.parametrize("path", INSTALLERS, ids=lambda path: path.name)
def test_each_installer_of_the_command_line_checks_the_hashes(path: Path) -> None:
    text = path.read_text()
    assert "devops_cli/install.sh" in text
    assert "pip install" not in text


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    assert floating(path.read_text()) == []


def test_the_recipe_uses_actions() -> None:
    assert len(_USED.findall((ROOT / "docs" / "ci" / "github-actions.yml").read_text())) > 4


def test_the_images_of_the_recipes_have_exact_versions() -> None:
    text = (ROOT / "docs" / "ci" / "gitlab-ci.yml").read_text()
    images = re.findall(r"(?:image: |services: \[)([a-z]+:[\w.-]+)", text)
    assert len(images) == 3
    assert all(re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+(-dind)?", image) for image in images)


@pytest.mark.parametrize(
    "used", ["actions/checkout@v5", f"actions/checkout@{40 * 'a'}", "actions/checkout@main # v5"]
)
def test_a_floating_action_is_found(used: str) -> None:
    assert floating(f"      - uses: {used}\n        with: {{}}\n") == [used]
