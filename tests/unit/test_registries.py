"""The registries whose images applications can use."""

from __future__ import annotations

import pytest

from devops_core.naming import EcrRegistry, Image
from devops_core.registries import AllowedRegistries
from tests.lab.registries import (
    ACCOUNT,
    CASES,
    ECR,
    NO_ECR,
    OF_REGION,
    OTHER_ACCOUNT,
    OTHER_ECR,
    OTHER_REGION,
    REGION,
    SAME_ECR,
    Case,
    hosts,
)

OWN = EcrRegistry(ACCOUNT, REGION)


@pytest.mark.parametrize("host", hosts())
def test_every_form_of_an_ecr_host_names_account_and_region(host: str) -> None:
    assert EcrRegistry.of_host(host) == OWN


@pytest.mark.parametrize("host", NO_ECR)
def test_another_host_is_not_an_ecr_registry(host: str) -> None:
    assert EcrRegistry.of_host(host) is None


@pytest.mark.parametrize("case", CASES, ids=lambda each: f"{each.image} {','.join(each.listed)}")
def test_an_image_is_allowed_if_its_registry_is(case: Case) -> None:
    refusal = AllowedRegistries(OWN, case.listed).refusal(Image.parse(case.image))

    assert (refusal is None) is case.allowed


def test_the_refusal_names_the_reason() -> None:
    registries = AllowedRegistries(OWN, ("ghcr.io",))

    assert registries.refusal(Image.parse(f"{OTHER_ECR}/app")) == (
        "is in the ECR of another account or region, which this service cannot read"
    )
    assert registries.refusal(Image.parse("nginx")) == (
        "is in a registry that this service does not allow"
    )


def test_the_allowed_ecr_registries_are_listed_once_and_begin_with_the_own_one() -> None:
    registries = AllowedRegistries(OWN, (OTHER_ECR, "*", SAME_ECR, ECR, OF_REGION, "ghcr.io"))

    assert registries.ecr == (
        OWN, EcrRegistry(OTHER_ACCOUNT, REGION), EcrRegistry(ACCOUNT, OTHER_REGION),
    )  # fmt: skip
