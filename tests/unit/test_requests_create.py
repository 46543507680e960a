"""The body of a create: every fault with its field, all at once."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.errors import InvalidRequestError
from devops_core.model.service_spec import ServiceSpec
from devops_core.naming import Environment
from devops_core.requests.create import CREATE, MAX_TAGS

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/db-AbCdEf"  # noqa: S105 - a name
PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/team/key"
GOOD: dict[str, Any] = {
    "applicationName": "MyApp",
    "email": "team@example.com",
    "tags": {"technicalTeam": "Core"},
}
FULL: dict[str, Any] = GOOD | {
    "description": "Sells things, naïvely",
    "environments": {"nonProd": ["stage", "dev"], "training": True, "da": True},
    "tags": {"technicalTeam": "Core", "cost centre": "42", "größe": "XL"},
    "service": {
        "containerPort": 8080,
        "healthCheckPath": "/up/z",
        "cpu": 1024,
        "memory": 2048,
        "desiredCount": 3,
        "environment": {"COLOUR": "blue", "_x1": ""},
        "secrets": {"TOKEN": f"{SECRET}:token::", "KEY": PARAMETER},
        "warmup": ["/", "/products?page=1&sort=-price"],
    },
}


def faults(body: Any, required: tuple[str, ...] = (), account: str | None = None) -> dict[str, str]:
    with pytest.raises(InvalidRequestError) as caught:
        CREATE.parse(body, required_tags=required, account=account)
    errors = caught.value.details["errors"]
    listed = {error["field"]: error["message"] for error in errors}
    assert len(listed) == len(errors), "one message for each field"
    return listed


def tagged(**tags: Any) -> dict[str, Any]:
    return GOOD | {"tags": {"technicalTeam": "Core"} | tags}


def test_a_small_body_gets_defaults() -> None:
    request = CREATE.parse(GOOD)

    assert request.environments == (Environment.DEV,)
    assert request.service == ServiceSpec()
    assert (request.application, request.email, request.description) == (
        "MyApp", "team@example.com", "",
    )  # fmt: skip
    assert request.tags == {"technicalTeam": "Core"}


def test_a_full_body_is_taken_as_it_is() -> None:
    request = CREATE.parse(FULL, required_tags=("cost centre",))

    assert request.environments == (
        Environment.DEV, Environment.STAGE, Environment.TRAINING, Environment.DA,
    )  # fmt: skip
    assert request.tags == FULL["tags"]
    assert request.service == ServiceSpec(
        container_port=8080, health_check_path="/up/z", cpu=1024, memory=2048, desired_count=3,
        environment=FULL["service"]["environment"], secrets=FULL["service"]["secrets"],
        warmup=("/", "/products?page=1&sort=-price"),
    )  # fmt: skip


def test_parsing_leaves_the_body_alone() -> None:
    body = {**GOOD}

    CREATE.parse(body)

    assert body == {**GOOD}


@pytest.mark.parametrize("body", [None, [], "{}", 5, True, [GOOD]], ids=repr)
def test_a_body_is_an_object(body: Any) -> None:
    assert faults(body) == {"body": "must be a JSON object"}


def test_an_empty_body_lacks_everything_at_once() -> None:
    required = dict.fromkeys(("applicationName", "email", "tags"), "is required")

    assert faults({}) == required


@pytest.mark.parametrize(
    "name",
    ["a", "1a", "my-app", "my_app", "my app", "a'b", 'a"b', "a\nb", "ab\n", "", "ä1", "Åpp",
     "A" * 23, "\u0430pp", "a/b", "internal", "Internal", 5, None, ["ab"], True],
    ids=repr,
)  # fmt: skip
def test_refuses_the_name(name: Any) -> None:
    assert list(faults(GOOD | {"applicationName": name})) == ["applicationName"]


@pytest.mark.parametrize("name", ["ab", "A" * 22, "a1", "internal1", "internals"])
def test_takes_the_name(name: str) -> None:
    assert CREATE.parse(GOOD | {"applicationName": name}).application == name


@pytest.mark.parametrize(
    "email",
    ["", "someone", "a@", "@example.com", "a@b@c.com", "a b@example.com", "a@example.com\n",
     "a@exa\u2028mple.com", "x" * 250 + "@example.com", 5, None, ["a@example.com"],
     # Letters that Python takes for K and S where it does not mind the case.
     "a@\u212aitchen.com", "\u017fales@example.com",
     "a@example", "a@example.c", "a@-example.com", ".a@example.com", "a..b@example.com",
     '"a b"@example.com', "a@[192.0.2.1]"],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_refuses_the_e_mail_address(email: Any) -> None:
    assert faults(GOOD | {"email": email}) == {"email": "must be an e-mail address"}


@pytest.mark.parametrize(
    "email",
    [
        "a@b.co",
        "first.last+tag@mail.example.com",
        "o'hara@x-y.xn--p1ai",
        "a" * 242 + "@example.com",
    ],
)
def test_takes_the_e_mail_address(email: str) -> None:
    assert CREATE.parse(GOOD | {"email": email}).email == email


@pytest.mark.parametrize("text", ["a\nb", "\x00", "\x7f", "\x85", "\ud800", "x" * 257, 5, None],
                         ids=lambda value: repr(value)[:20])  # fmt: skip
def test_refuses_the_description(text: Any) -> None:
    assert list(faults(GOOD | {"description": text})) == ["description"]


@pytest.mark.parametrize(
    ("environments", "field", "message"),
    [
        ("dev", "environments", "must be an object"),
        ({"nonProd": "dev"}, "environments.nonProd", "must be a list of dev, qa, stage"),
        (
            {"nonProd": ["dev", "qa", "dev"]},
            "environments.nonProd",
            "must not contain dev more than once",
        ),
        ({"nonProd": ["DEV"]}, "environments.nonProd", '"DEV" is not one of dev, qa, stage'),
        ({"nonProd": ["da"]}, "environments.nonProd", '"da" is not one of dev, qa, stage'),
        ({"nonProd": [["dev"]]}, "environments.nonProd", 'must be a list of dev, qa, stage'),
        ({"nonProd": ["\x7f\n"]}, "environments.nonProd", '"??" is not one of dev, qa, stage'),
        ({"training": "yes"}, "environments.training", "must be true or false"),
        ({"da": 1}, "environments.da", "must be true or false"),
        ({"prod": True}, "environments.prod", "is not a known field"),
    ],
    ids=["a name", "nonProd as a name", "twice", "upper case", "not non-production", "nested",
         "control characters", "a word for a truth", "a number for a truth", "production"],
)  # fmt: skip
def test_refuses_the_environments(environments: Any, field: str, message: str) -> None:
    assert faults(GOOD | {"environments": environments}) == {field: message}


def test_no_non_production_environment_means_dev() -> None:
    body = GOOD | {"environments": {"nonProd": [], "da": True}}

    assert CREATE.parse(body).environments == (Environment.DEV, Environment.DA)


@pytest.mark.parametrize(
    ("tags", "field"),
    [
        ([], "tags"), ("x", "tags"), (None, "tags"),
        ({}, "tags.technicalTeam"), ({"technicalTeam": ""}, "tags.technicalTeam"),
        ({"technicalTeam": "  "}, "tags.technicalTeam"), ({"technicalTeam": 5},
                                                          "tags.technicalTeam"),
        ({"technicalTeam": "x" * 257}, "tags.technicalTeam"),
        ({"technicalTeam": "a\nb"}, "tags.technicalTeam"),
    ],
    ids=["a list", "text", "null", "no team", "empty team", "blank team", "a number as team",
         "long team", "team with a newline"],
)  # fmt: skip
def test_refuses_the_tags(tags: Any, field: str) -> None:
    assert list(faults(GOOD | {"tags": tags})) == [field]


@pytest.mark.parametrize(
    "key", ["aws:x", "AWS:x", "Aws:cloudformation:x", "devops:operation", "", "a*b", "k" * 129],
    ids=lambda key: repr(key)[:20],
)  # fmt: skip
def test_refuses_the_tag_key(key: str) -> None:
    assert list(faults(tagged(**{key: "x"})).values()) == [
        "is not a tag key: use 1 to 128 letters, digits, spaces or _.:/=+@-, without the prefix"
        " aws: or devops:"
    ]


@pytest.mark.parametrize("value", [5, None, True, ["x"], "", "a,b", "a\tb", "x" * 257],
                         ids=lambda value: repr(value)[:20])  # fmt: skip
def test_refuses_the_tag_value(value: Any) -> None:
    assert list(faults(tagged(cost=value))) == ["tags.cost"]


def test_refuses_tags_that_iam_takes_for_the_same() -> None:
    assert faults(tagged(Cost="1", cost="2", TECHNICALTEAM="x")) == {
        "tags.TECHNICALTEAM": "must differ from technicalTeam in more than upper and lower case",
        "tags.cost": "must differ from Cost in more than upper and lower case",
    }


def test_takes_no_more_tags_than_a_stack_has_room_for() -> None:
    most = {f"k{number}": "v" for number in range(MAX_TAGS - 1)}

    assert len(CREATE.parse(tagged(**most)).tags) == MAX_TAGS
    assert faults(tagged(**most, more="v")) == {"tags": f"must have at most {MAX_TAGS} members"}


def test_an_installation_can_require_more_tags() -> None:
    assert faults(tagged(owner="", room=" "), ("owner", "costCentre", "room")) == {
        "tags.costCentre": "is required",
        "tags.owner": "must be text of 1 to 256 letters, digits, spaces or _.:/=+@-",
        "tags.room": "must contain more than spaces",
    }
    # An application can have such a tag if it is not required.
    assert CREATE.parse(tagged(room=" ")).tags["room"] == " "
