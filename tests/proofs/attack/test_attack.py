"""A short attack, and planted bugs that it must find."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proofs.attack.__main__ import SIZES
from tests.proofs.attack.calls import BAD_SIGNATURES, calls
from tests.proofs.attack.installation import Installation, installation
from tests.proofs.attack.mutations import MUTATIONS, Mutation, planted
from tests.proofs.attack.rights import (
    APPLICATIONS,
    DEVELOPER,
    KINDS,
    PAYMENTS,
    PRINCIPALS,
    RELEASE_MANAGER,
    SEARCH,
    STRANGER,
)
from tests.proofs.attack.run import attack

SHORT = 150
SEED = 1


@pytest.fixture(scope="module")
def made() -> Iterator[Installation]:
    with installation() as found:
        yield found


def test_the_sequence_depends_only_on_the_seed() -> None:
    first, again, other = (list(calls(seed, 200)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert list(calls(1, 50)) == first[:50]


def test_the_sequence_has_all_principals_applications_and_kinds_of_attacks() -> None:
    found = list(calls(1, 2000))
    assert {each.principal for each in found} == set(PRINCIPALS)
    text = " ".join(f"{each.attack} {each.path} {each.body!r}" for each in found)
    tricks = ["header", "path", "method", "name", "body", "shared key", "dry run", "extra member"]
    kinds = ["create", "deploy", "promote", "swap", "update", "replace", "upgrade", "delete",
             "abort", "advance", "force", "read"]  # fmt: skip
    for word in [
        *APPLICATIONS,
        *BAD_SIGNATURES,
        *tricks,
        *kinds,
        "<digest:",
        "<swap:",
        "<token:",
        "%2e%2e",
    ]:
        assert word in text
    assert any(each.together for each in found)


def test_the_model_has_the_rights_of_the_documentation() -> None:
    rights = {
        each.name: {(kind, team) for kind in KINDS for team in (PAYMENTS, SEARCH)
                    if each.may(kind, team)}
        for each in PRINCIPALS
    }  # fmt: skip
    assert rights == {
        DEVELOPER.name: {(kind, PAYMENTS) for kind in ("create", "deploy", "update")},
        RELEASE_MANAGER.name: {(kind, PAYMENTS) for kind in KINDS},
        STRANGER.name: {(kind, SEARCH) for kind in KINDS},
    }


@pytest.mark.parametrize("bug", MUTATIONS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_the_attack_finds_each_planted_bug(made: Installation, bug: Mutation) -> None:
    with planted(made.api, bug):
        report = attack(made, bug.seed, SHORT, first=bug.first)
    assert report.findings, f"{report.calls} calls without a finding"
    first = report.findings[0]
    assert first.check in bug.checks, first
    assert "curl -X" in str(first)


def test_a_short_attack_has_no_finding(made: Installation) -> None:
    report = attack(made, SEED, SHORT)
    assert [str(each) for each in report.findings] == []
    assert report.calls == SHORT
    statuses = {status for _, status in report.statuses}
    assert {200, 400, 403, 404, 409} <= statuses


def test_the_sizes_are_documented() -> None:
    assert SIZES.is_documented("attack")
