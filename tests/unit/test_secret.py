"""The names of secrets and parameters, which the prefixes of teams are compared with."""

from __future__ import annotations

import pytest

from devops_core.access import AccessPolicy
from devops_core.model.secret import Secret

SECRETS = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
PARAMETERS = "arn:aws:ssm:us-east-1:123456789012:parameter/"


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("payments/db-AbCdEf", "payments/db"),
        ("payments/db", "payments/db"),
        ("/payments/db-AbCdEf", "/payments/db"),
        ("payments/../search/db-AbCdEf", "payments/../search/db"),
        ("payments-AbCdEf-GhIjKl", "payments-AbCdEf"),
        # Without the suffix, the end of the name looks like one.
        ("payments-secret", "payments"),
        ("payments/db-AbCdE", "payments/db-AbCdE"),
        ("payments/db-AbCd.f", "payments/db-AbCd.f"),
        ("rds!cluster-3c2f1b0a-AbCdEf", "rds!cluster-3c2f1b0a"),
    ],
)
def test_the_name_of_a_secret_has_no_random_suffix(resource: str, name: str) -> None:
    secret = Secret.parse(f"{SECRETS}{resource}")

    assert (secret.service, secret.region) == ("secretsmanager", "eu-west-1")
    assert secret.name == name


@pytest.mark.parametrize("name", ["payments/db", "password", "payments/db-AbCdEf"])
def test_the_name_of_a_parameter_has_no_first_slash(name: str) -> None:
    secret = Secret.parse(f"{PARAMETERS}{name}")

    assert secret == (f"{PARAMETERS}{name}", "ssm", "us-east-1", name)


@pytest.mark.parametrize(
    ("prefix", "arn", "allowed"),
    [
        ("payments/", f"{SECRETS}payments/db-AbCdEf", True),
        ("payments/", f"{PARAMETERS}payments/db", True),
        ("payments", f"{SECRETS}payments-of-search-AbCdEf", True),
        ("payments/", f"{SECRETS}payments-AbCdEf", False),
        ("payments/", f"{SECRETS}Payments/db-AbCdEf", False),
        ("payments/", f"{SECRETS}/payments/db-AbCdEf", False),
        ("payments/", f"{SECRETS}search/payments/db-AbCdEf", False),
        ("payments/", f"{PARAMETERS}payments", False),
        # A prefix that ends with a hyphen does not reach into the random suffix.
        ("payments/db-", f"{SECRETS}payments/db-AbCdEf", False),
        ("payments/db-Ab", f"{SECRETS}payments/db-AbCdEf", False),
        ("payments/.", f"{SECRETS}payments/db-AbCdEf", False),
    ],
)
def test_a_prefix_is_the_beginning_of_a_name(prefix: str, arn: str, allowed: bool) -> None:
    policy = AccessPolicy(secret_prefixes={"payments": ("other/", prefix)})

    assert policy.may_use("payments", Secret.parse(arn).name) is allowed
    assert not policy.may_use("search", Secret.parse(arn).name)
