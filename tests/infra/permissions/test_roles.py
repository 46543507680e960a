"""Every function may do what it does, and nothing else."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from tests.infra.conftest import Packaged
from tests.infra.permissions import courses
from tests.infra.permissions.courses import FUNCTIONS, Used
from tests.infra.permissions.roles import Grant, grants
from tools.laptop.permissions import Permission

_FUNCTIONS = sorted({*FUNCTIONS.values(), "reconcile"})


@pytest.fixture(scope="module")
def used() -> Used:
    return courses.used()


def _refused(allowed: Collection[Grant], asked: Collection[Permission]) -> list[str]:
    return sorted(
        {
            f"{permission.action} on {permission.resource}"
            for permission in asked
            if not any(grant.allows(permission) for grant in allowed)
        }
    )


def _unused(allowed: Collection[Grant], asked: Collection[Permission]) -> list[str]:
    return sorted(
        str(grant) for grant in allowed if not any(grant.allows(permission) for permission in asked)
    )


@pytest.mark.parametrize("function", _FUNCTIONS)
def test_a_function_may_do_what_it_does(packaged: Packaged, used: Used, function: str) -> None:
    refused = _refused(grants(packaged.template, function), used[function])
    assert not refused, "\n".join(refused)


@pytest.mark.parametrize("function", _FUNCTIONS)
def test_a_function_may_do_nothing_else(packaged: Packaged, used: Used, function: str) -> None:
    unused = _unused(grants(packaged.template, function), used[function])
    assert not unused, "\n".join(unused)
