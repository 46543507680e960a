"""The rules of a create accept only values that AWS accepts too, by the models of botocore."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import botocore.session
import pytest

from devops_core.render import StackSettings
from tests.contract.test_request_agreement import type_at
from tests.contract.test_request_rules import RDS_SECRET, SECRET
from tests.lab.templates import APPLICATION, load

# The message of the console for the path of a health check: "Health check must begin with a '/' and
# can only consist of the characters: a-z, A-Z, 0-9, and @:%_+.~#?&/=" (apollographql/router issue
# 1852). The pattern is that of Global Accelerator, HealthCheckPath.
HEALTH_CHECK_PATH = re.compile(r"/[-a-zA-Z0-9@:%_+.~#?&/=]*")


@cache
def model(service: str) -> Any:
    """Return the model of an AWS service."""
    return botocore.session.get_session().get_service_model(service)


def declared(field: str) -> Any:
    """Return the declared type of a field of the create's `service`."""
    return type_at(f"create.service.{field}")


@cache
def parameters() -> dict[str, Any]:
    """Return the parameters of the application template."""
    found: dict[str, Any] = load(APPLICATION)["Parameters"]
    return found


def test_a_health_check_path_has_the_length_and_the_characters_of_elb() -> None:
    path = declared("healthCheckPath")

    assert path.longest == model("elbv2").shape_for("Path").metadata["max"] == 1024
    assert parameters()["HealthCheckPath"]["MaxLength"] == 1024
    accepted = [
        f"/{character}"
        for character in map(chr, range(0x250))
        if re.fullmatch(path.pattern, f"/{character}")
    ]
    assert [each for each in accepted if not HEALTH_CHECK_PATH.fullmatch(each)] == []


def test_the_architectures_are_those_of_ecs() -> None:
    names = list(declared("architecture").values)

    assert names == model("ecs").shape_for("CPUArchitecture").enum
    assert names == parameters()["CpuArchitecture"]["AllowedValues"]


def test_the_template_accepts_the_same_start_times() -> None:
    allowed = declared("startSeconds").allowed
    parameter = parameters()["StartSeconds"]

    assert (parameter["MinValue"], parameter["MaxValue"]) == (allowed[0], allowed[-1])
    assert parameter["Default"] == StackSettings().start_seconds


@pytest.mark.parametrize("secret", [SECRET, RDS_SECRET])
def test_a_secret_of_rds_has_an_arn_that_other_services_accept(secret: str) -> None:
    # An API that has a pattern for the ARNs of secrets; that of ECS has none.
    pattern = model("firehose").shape_for("SecretARN").metadata["pattern"]

    assert re.fullmatch(pattern, secret)
    assert declared("secrets").others[1].accept(secret) == secret
