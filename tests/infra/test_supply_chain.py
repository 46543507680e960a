"""The packages and actions that run with permissions: each is identified by a hash or a commit."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.lab.templates import ROOT

LOCK = json.loads((ROOT / "package-lock.json").read_text())


def unverified(packages: dict[str, Any]) -> list[str]:
    """Return the entries of a package-lock.json whose archives npm installs without a check."""
    return [path for path, entry in packages.items() if path and not _sha512(entry)]


def _sha512(entry: dict[str, Any]) -> bool:
    if entry.get("link"):
        return True
    algorithm, _, digest = entry.get("integrity", "").partition("-")
    return algorithm == "sha512" and len(base64.b64decode(digest)) == 64


def test_npm_checks_every_package() -> None:
    assert unverified(LOCK["packages"]) == []
    assert len(LOCK["packages"]) > 100


def test_the_lock_file_names_no_host() -> None:
    assert not [entry for entry in LOCK["packages"].values() if "resolved" in entry]


@pytest.mark.parametrize("entry", [{}, {"integrity": ""}, {"integrity": "sha1-aGFsbG8="}])
def test_a_package_without_a_strong_hash_is_found(entry: dict[str, str]) -> None:
    packages = {"": {}, "node_modules/a": {"version": "1.0.0", **entry}}
    assert unverified(packages) == ["node_modules/a"]
