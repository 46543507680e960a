"""The context of a write: the fingerprint of a request, which identifies its repetitions."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import pytest

from devops_core.http.request import Request
from tests.lab.builders import NOW

# The part of `Cloud` that a request needs.
CLOUD: Any = SimpleNamespace(clock=SimpleNamespace(now=lambda: NOW))


def fingerprint(kind: str, body: Any) -> str:
    return Request({}, CLOUD).context(kind, body).fingerprint


def test_the_order_of_members_does_not_change_the_fingerprint() -> None:
    one, other = {"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}

    assert fingerprint("deploy", one) == fingerprint("deploy", other)


def test_an_upgrade_does_not_change_the_fingerprint() -> None:
    # Fingerprints are recorded with their keys, so this one must never change.
    assert fingerprint("deploy", {"b": [1, "2"], "a": None}) == (
        hashlib.sha256(b'["deploy",{"a":null,"b":[1,"2"]}]').hexdigest()
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [("swap", {"a": 1}), ("deploy", {"a": 2}), ("deploy", {"a": "1"}), ("deploy", {"a": True}),
     ("deploy", {}), ("deploy", None), ("deploy", {"a": 1, "b": "\ud800"})],
    ids=["another kind", "another value", "another type", "a boolean", "an empty body", "no body",
         "half a surrogate pair"],
)  # fmt: skip
def test_another_request_has_another_fingerprint(kind: str, body: Any) -> None:
    assert fingerprint(kind, body) != fingerprint("deploy", {"a": 1})
