"""The bodies of deploy, promote, swap and delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devops_core.errors import InvalidRequestError
from devops_core.naming import Environment
from devops_core.requests.delete import DELETE
from devops_core.requests.deploy import DEPLOY, DeployRequest
from devops_core.requests.promote import PROMOTE
from devops_core.requests.swap import SWAP

Parse = Callable[[Any], Any]
TO_DEV = {"applicationName": "MyApp", "environment": ["dev"], "version": "1.0"}
APPLICATION = {"applicationName": "MyApp"}
DIGEST = "sha256:" + "a" * 64
ALL: dict[str, tuple[Parse, dict[str, Any]]] = {
    "deploy": (DEPLOY.parse, TO_DEV),
    "promote": (PROMOTE.parse, APPLICATION),
    "swap": (SWAP.parse, APPLICATION),
    "delete": (DELETE.parse, {"stack": "MyApp"}),
}
EVERY = pytest.mark.parametrize(("parse", "good"), ALL.values(), ids=ALL)


def faults(parse: Parse, body: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequestError) as caught:
        parse(body)
    return {error["field"]: error["message"] for error in caught.value.details["errors"]}


@EVERY
@pytest.mark.parametrize("body", [None, [], "x", 0, True], ids=repr)
def test_a_body_is_an_object(parse: Parse, good: dict[str, Any], body: Any) -> None:
    assert good
    assert faults(parse, body) == {"body": "must be a JSON object"}


@EVERY
def test_an_empty_body_lacks_every_required_field(parse: Parse, good: dict[str, Any]) -> None:
    assert faults(parse, {}) == dict.fromkeys(good, "is required")


@EVERY
def test_an_unknown_field_is_named(parse: Parse, good: dict[str, Any]) -> None:
    assert faults(parse, good | {"force": True}) == {"force": "is not a known field"}


@EVERY
@pytest.mark.parametrize("name", ["my-app", "", "a" * 23, "ab\n", "internal", 5, None], ids=repr)
def test_every_call_checks_the_name(parse: Parse, good: dict[str, Any], name: Any) -> None:
    field = "stack" if "stack" in good else "applicationName"

    assert list(faults(parse, good | {field: name})) == [field]


def test_a_deploy_is_taken_as_it_is() -> None:
    body = TO_DEV | {"environment": ["qa", "training", "dev"], "repouri": "registry/app"}

    assert DEPLOY.parse(body) == DeployRequest(
        application="MyApp",
        environments=(Environment.QA, Environment.TRAINING, Environment.DEV),
        version="1.0",
        repouri="registry/app",
    )
    assert DEPLOY.parse(TO_DEV).repouri is None


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ([], "must not be empty"),
        ("dev", "must be a list of dev, qa, stage, training, da"),
        (["dev", "dev"], "must not contain dev more than once"),
        (["prod-blue"], '"prod-blue" is not one of dev, qa, stage, training, da'),
        ([{"a": 1}], "must be a list of dev, qa, stage, training, da"),
        ([None], "must be a list of dev, qa, stage, training, da"),
    ],
    ids=["none", "a name", "twice", "production", "an object", "null"],
)
def test_refuses_the_environments(environment: Any, message: str) -> None:
    assert faults(DEPLOY.parse, TO_DEV | {"environment": environment}) == {"environment": message}


VERSIONS = ["", ".1", "-1", "1 0", "1/0", "1:0", "ä", "1.0\n", "x" * 129, 1.0, 1, None, ["1"]]


@pytest.mark.parametrize("version", VERSIONS, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("kind", ["deploy", "swap"])
def test_refuses_the_version(kind: str, version: Any) -> None:
    parse, good = ALL[kind]

    assert list(faults(parse, good | {"version": version})) == ["version"]


@pytest.mark.parametrize("version", ["1", "1.0.0.1", "v1_2-RC.3", "_x", "latest", "x" * 128],
                         ids=lambda value: str(value)[:20])  # fmt: skip
def test_takes_the_version(version: str) -> None:
    assert DEPLOY.parse(TO_DEV | {"version": version}).version == version
    assert SWAP.parse(APPLICATION | {"version": version}).version == version


@pytest.mark.parametrize(
    "image",
    ["app", "team/app", "localhost:5000/app", "registry.example.com:8443/a/b/c:1.0", "app:1",
     f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@{DIGEST}", f"app:1@{DIGEST}"],
    ids=["name", "path", "port", "port, path and tag", "numeric tag", "digest", "tag and digest"],
)  # fmt: skip
def test_takes_the_image(image: str) -> None:
    assert DEPLOY.parse(TO_DEV | {"repouri": image}).repouri == image


@pytest.mark.parametrize(
    "image",
    ["", "App", "registry/App", "REGISTRY/app", "https://registry/app", "app:", "app:-1", "a b",
     "app\n", "app@sha256:1", "registry:\u0663/app", "a//b", "/app", 5, None, ["app"],
     {"name": "app"}],
    ids=repr,
)  # fmt: skip
def test_refuses_the_image(image: Any) -> None:
    assert faults(DEPLOY.parse, TO_DEV | {"repouri": image}) == {
        "repouri": "must be an image such as registry/name or registry/name:tag, of at most 255"
        " characters"
    }


def test_an_image_is_no_longer_than_ecs_takes() -> None:
    for longest in ("a" * 251, "a" * 253 + ":1", "a" * 183 + "@" + DIGEST):
        assert DEPLOY.parse(TO_DEV | {"repouri": longest}).repouri == longest
    assert list(faults(DEPLOY.parse, TO_DEV | {"repouri": "a" * 256})) == ["repouri"]


@pytest.mark.parametrize(("length", "version"), [(252, "1.0"), (255, "1"), (127, "v" * 128)])
def test_nor_is_it_with_its_version(length: int, version: str) -> None:
    assert faults(DEPLOY.parse, TO_DEV | {"repouri": "a" * length, "version": version}) == {
        "repouri": "must have at most 255 characters including the version"
    }


def test_a_length_is_not_told_of_what_is_wrong_itself() -> None:
    body = TO_DEV | {"repouri": "a" * 255, "version": 5}
    assert list(faults(DEPLOY.parse, body)) == ["version"]


def test_a_promotion_may_name_its_source() -> None:
    named = PROMOTE.parse(APPLICATION | {"environment": "qa"})

    assert named.source is Environment.QA
    assert PROMOTE.parse(APPLICATION).source is None


@pytest.mark.parametrize("source", ["prod-green", "QA", "", ["qa"], 5, None], ids=repr)
def test_refuses_the_source(source: Any) -> None:
    assert list(faults(PROMOTE.parse, APPLICATION | {"environment": source})) == ["environment"]


def test_a_swap_needs_no_version_and_a_delete_only_a_name() -> None:
    assert SWAP.parse(APPLICATION).version is None
    assert DELETE.parse({"stack": "MyApp"}).application == "MyApp"


def test_a_delete_names_one_application() -> None:
    assert DELETE.parse({"stack": "MyApp"}, in_query="MyApp").application == "MyApp"
    with pytest.raises(InvalidRequestError, match="stack: must be the same in the query"):
        DELETE.parse({"stack": "MyApp"}, in_query="Other")


def test_all_faults_come_at_once() -> None:
    body = {"applicationName": "my-app", "environment": ["x"], "repouri": 5, "extra": 1}

    assert set(faults(DEPLOY.parse, body)) == {*TO_DEV, "repouri", "extra"}
