"""The `service` of a create: sizes that Fargate runs, variables, secrets by reference."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.errors import InvalidRequestError
from devops_core.requests.create import CREATE, FARGATE_SIZES, RESERVED_VARIABLES
from tests.unit.test_requests_create import GOOD, PARAMETER, SECRET, faults

ACCOUNT = "123456789012"


def serving(**service: Any) -> dict[str, Any]:
    return GOOD | {"service": service}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("containerPort", [0, 65536, -1, 80.0, "80", True, None]),
        ("healthCheckPath", ["", "health", "/a b", "/a?b=c", "/\n", "/" + "x" * 1024, 5, None]),
        ("cpu", ["256", 256.0, True, None]),
        ("memory", ["512", 512.0, True, None]),
        ("desiredCount", [0, 101, -1, "1", 1.0, True, None]),
        ("environment", [[], "A=1", None]),
        ("secrets", [[], "A=1", None]),
        (
            "warmup",
            [
                "/",
                {},
                None,
                ["a"],
                ["/a b"],
                ["/a?b c"],
                ["/a#b"],
                ["http://x/"],
                [5],
                [None],
                ["/\n"],
                ["/a", "/a"],
                [f"/{n}" for n in range(11)],
            ],
        ),
        ("replicas", [1]),
    ],
)
def test_refuses_in_service(field: str, values: list[Any]) -> None:
    for value in values:
        assert list(faults(serving(**{field: value}))) == [f"service.{field}"], value


@pytest.mark.parametrize("service", [[], "x", None, 5], ids=repr)
def test_a_service_is_an_object(service: Any) -> None:
    assert faults(GOOD | {"service": service}) == {"service": "must be an object"}


@pytest.mark.parametrize(("cpu", "sizes"), FARGATE_SIZES.items(), ids=str)
def test_takes_every_fargate_size_and_none_beside(cpu: int, sizes: tuple[int, ...]) -> None:
    for memory in sizes:
        service = CREATE.parse(serving(cpu=cpu, memory=memory)).service
        assert (service.cpu, service.memory) == (cpu, memory)
    outside = {sizes[0] - 512, sizes[0] - 1, sizes[0] + 1, sizes[-1] + 1, sizes[-1] + 1024}
    for memory in sorted(outside):
        assert list(faults(serving(cpu=cpu, memory=memory))) == ["service.memory"], memory


@pytest.mark.parametrize(
    ("cpu", "smallest", "largest", "count"),
    [(256, 512, 2048, 3), (512, 1024, 4096, 4), (1024, 2048, 8192, 7), (2048, 4096, 16384, 13),
     (4096, 8192, 30720, 23), (8192, 16384, 61440, 12), (16384, 32768, 122880, 12)],
)  # fmt: skip
def test_the_sizes_are_those_of_the_ecs_guide(
    cpu: int, smallest: int, largest: int, count: int
) -> None:
    sizes = FARGATE_SIZES[cpu]

    assert (sizes[0], sizes[-1], len(sizes)) == (smallest, largest, count)


@pytest.mark.parametrize("cpu", [0, 128, 255, 257, 768, 3072, 16385, 32768])
def test_refuses_cpu_units_that_fargate_does_not_run(cpu: int) -> None:
    assert faults(serving(cpu=cpu, memory=2048)) == {
        "service.cpu": "must be a number of CPU units that Fargate supports:"
                       " 256, 512, 1024, 2048, 4096, 8192, 16384",
    }  # fmt: skip


def test_more_cpu_needs_more_memory_than_the_default() -> None:
    assert faults(serving(cpu=512)) == {
        "service.memory": "must be one of 1024, 2048, 3072, 4096 MiB for 512 CPU units"
    }


@pytest.mark.parametrize(
    "secret",
    ["hunter2", "", "team/db", "arn:aws:s3:::bucket/key", f"{SECRET}:", f"{SECRET}:key",
     f"{SECRET}:key:", f"{SECRET}:a:b:c:d", f"{SECRET}:a b::", f"{SECRET}:\x00::", f"{SECRET}\n",
     f"{SECRET},{SECRET}", f"{PARAMETER}:1",
     SECRET.replace("123456789012", "12345"), SECRET.replace("123456789012", "\u0663" * 12),
     PARAMETER.replace("123456789012", "\u0663" * 12), 5, None],
    ids=lambda value: repr(value)[-24:],
)  # fmt: skip
def test_refuses_the_secret(secret: Any) -> None:
    assert faults(serving(secrets={"A": secret})) == {
        "service.secrets.A": "must be the ARN of a Secrets Manager secret or an SSM parameter"
    }


@pytest.mark.parametrize(
    "secret",
    [SECRET, f"{SECRET}:user::", f"{SECRET}::AWSPREVIOUS:", f"{SECRET}:user:AWSCURRENT:1-2",
     f"{SECRET}:::", PARAMETER, "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/key"],
    ids=["whole", "a key", "a stage", "key, stage and version", "all empty", "parameter",
         "another partition"],
)  # fmt: skip
def test_takes_the_secret(secret: str) -> None:
    body = serving(secrets={"A": secret})

    assert CREATE.parse(body).service.secrets == {"A": secret}


def test_a_variable_has_one_source() -> None:
    body = serving(environment={"A": "1", "B": "2", "C": "3"}, secrets={"A": SECRET, "C": SECRET})

    assert faults(body) == {
        "service.secrets.A": "must not also be in environment",
        "service.secrets.C": "must not also be in environment",
    }


@pytest.mark.parametrize("kind", ["environment", "secrets"])
@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A\n", "É", "x" * 129],
                         ids=lambda value: repr(value)[:20])  # fmt: skip
def test_refuses_the_variable_name(kind: str, name: str) -> None:
    listed = faults(serving(**{kind: {name: SECRET}}))

    assert list(listed.values()) == [
        "is not a variable name: use 1 to 128 letters, digits or _, without a digit at the start"
    ]


@pytest.mark.parametrize("kind", ["environment", "secrets"])
@pytest.mark.parametrize("name", sorted(RESERVED_VARIABLES))
def test_a_variable_that_others_set_is_not_the_application_s(kind: str, name: str) -> None:
    assert faults(serving(**{kind: {name: SECRET}})) == {
        f"service.{kind}.{name}": "is a variable of this service or of ECS: choose another name"
    }


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION", "port", "ECS_FOO", "AWS_X"])
def test_other_variables_of_such_names_are(name: str) -> None:
    service = CREATE.parse(serving(environment={name: "x"})).service
    assert service.environment == {name: "x"}


@pytest.mark.parametrize(
    "secret",
    [
        SECRET.replace(ACCOUNT, "123456789013"),
        f"{SECRET}:user::".replace(ACCOUNT, "123456789013"),
        PARAMETER.replace(ACCOUNT, "123456789013"),
        # The account is where it belongs, not somewhere.
        f"arn:aws:ssm:eu-west-1:999999999999:parameter/{ACCOUNT}",
    ],
)
def test_a_secret_of_another_account_is_refused(secret: str) -> None:
    body = serving(secrets={"A": secret, "B": SECRET})
    assert CREATE.parse(body).service.secrets["A"] == secret
    assert faults(body, account=ACCOUNT) == {
        "service.secrets.A": "must be in the AWS account of this service"
    }


@pytest.mark.parametrize(
    "secret", [SECRET, f"{SECRET}:user::", PARAMETER, SECRET.replace("eu-west-1", "us-east-1")]
)
def test_a_secret_of_the_own_account_may_be_in_any_region(secret: str) -> None:
    request = CREATE.parse(serving(secrets={"A": secret}), account=ACCOUNT)
    assert request.service.secrets == {"A": secret}


@pytest.mark.parametrize("secrets", [None, [], "x", {"A": 5, "B": None, "C": "arn:aws:s3:::b"}])
def test_the_account_is_asked_of_secrets_only(secrets: Any) -> None:
    told = faults(serving(secrets=secrets), account=ACCOUNT)
    assert told == faults(serving(secrets=secrets))
    assert told


@pytest.mark.parametrize("value", [5, True, None, ["x"], "a\nb", "\x1b[0m", "x" * 4097],
                         ids=lambda value: repr(value)[:20])  # fmt: skip
def test_refuses_the_variable_value(value: Any) -> None:
    assert list(faults(serving(environment={"A": value}))) == ["service.environment.A"]


@pytest.mark.parametrize(
    "key", ["a\nb", "\x00", "\x7f", "\x9b", "\u2028", "\ud800", "\r\nx: y"], ids=repr
)
@pytest.mark.parametrize("where", ["", "service", "tags", "environments"])
def test_control_characters_of_a_key_never_come_back(where: str, key: str) -> None:
    body = GOOD | ({where: {"technicalTeam": "Core", key: 1}} if where else {key: 1})

    with pytest.raises(InvalidRequestError) as caught:
        CREATE.parse(body)

    answer = str(caught.value.body())
    assert "?" in answer
    assert key not in answer
    assert all(character.isprintable() for character in answer)


def test_a_long_key_comes_back_cut() -> None:
    assert list(faults(GOOD | {"k" * 5000: 1})) == ["k" * 64]


def test_all_faults_come_at_once() -> None:
    body = {
        "applicationName": "my-app",
        "tags": {"aws:x": "y"},
        "environments": {"nonProd": ["prod"], "da": 1},
        "service": {"cpu": 300, "desiredCount": 0, "secrets": {"A": "x"}, "extra": 1},
        "colour": "blue",
    }

    assert set(faults(body, ("owner",))) == {
        "applicationName", "email", "tags.technicalTeam", "tags.owner", "tags.aws:x",
        "environments.nonProd", "environments.da", "service.cpu", "service.desiredCount",
        "service.secrets.A", "service.extra", "colour",
    }  # fmt: skip
