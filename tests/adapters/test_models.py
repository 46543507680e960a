"""The trimmed service models: complete for the adapters, and equal to botocore's own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from devops_core import adapters
from devops_core.adapters.aws.models import CALLED, MODELLED
from devops_core.adapters.aws.session import new_session
from tests.lab.inputs import full_input

ADAPTERS = Path(adapters.__file__).parent
OPERATIONS = [(service, name) for service, names in MODELLED.items() for name in sorted({*names})]
# One region of each partition with a different form of endpoints.
REGIONS = ("eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1")


def called(source: str) -> set[str]:
    """Return the methods of an SDK client that a module calls or passes to a function."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name in ("client", "_client"):
                found.add(node.attr)
    return found - {"exceptions"}


def test_the_list_has_exactly_the_calls_of_the_adapters() -> None:
    found = set().union(*(called(path.read_text()) for path in ADAPTERS.rglob("*.py")))
    assert found == {xform_name(name) for names in CALLED.values() for name in names}


def test_a_call_outside_of_the_list_is_found() -> None:
    assert called("self._client.list_services()\npartial(client.get_item)") == {
        "list_services",
        "get_item",
    }


@pytest.fixture(scope="module")
def full() -> Any:
    """A session over botocore's own models."""
    return botocore.session.get_session()


class Unsent(Exception):  # noqa: N818 - it only stops a request
    """Stops a request before it is sent."""


def client(session: Any, service: str, region: str = "eu-west-1") -> Any:
    return session.create_client(
        service,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - not verified
    )


def shapes(model: Any, name: str) -> dict[str, Any]:
    """Return every shape that an operation reaches, without its documentation."""
    found: dict[str, Any] = {}

    def walk(node: Any) -> Iterator[str]:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if key == "shape" and isinstance(value, str):
                yield value
            elif isinstance(value, dict | list):
                yield from walk(value)

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(each) for each in node]
        if not isinstance(node, dict):
            return node
        return {
            key: plain(value)
            for key, value in node.items()
            if key != "documentation" or not isinstance(value, str)
        }

    waiting = set(walk(model["operations"][name]))
    while waiting:
        one = waiting.pop()
        found[one] = plain(model["shapes"][one])
        waiting |= set(walk(model["shapes"][one])) - set(found)
    return found | {"": plain(model["operations"][name])}


def raw(session: Any, service: str) -> Any:
    return session.get_component("data_loader").load_service_model(service, "service-2")


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
def test_an_operation_is_modelled_as_botocore_has_it(
    session: Any, full: Any, service: str, name: str
) -> None:
    trimmed, whole = raw(session, service), raw(full, service)
    assert shapes(trimmed, name) == shapes(whole, name)
    assert trimmed["metadata"] == whole["metadata"]


@pytest.mark.parametrize("service", MODELLED)
def test_every_error_can_be_read(session: Any, full: Any, service: str) -> None:
    trimmed, whole = client(session, service), client(full, service)
    names = {
        name for name in dir(whole.exceptions) if name not in ("ClientError", "from_code")
    } - set(dir(object))
    assert names <= set(dir(trimmed.exceptions))


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize(("service", "name"), OPERATIONS)
def test_a_request_is_the_same_to_the_last_byte(
    session: Any, full: Any, service: str, name: str, region: str
) -> None:
    given = full_input(client(full, service).meta.service_model.operation_model(name))
    assert sent(session, service, name, given, region) == sent(full, service, name, given, region)


def sent(session: Any, service: str, name: str, given: Any, region: str) -> tuple[Any, ...]:
    """Return the HTTP request of a call, without the headers that change with each call."""
    requests = []

    def keep(request: Any, **_: Any) -> None:
        requests.append(request)
        raise Unsent

    one = client(session, service, region)
    one.meta.events.register_first("before-send", keep)
    with pytest.raises(Unsent):
        getattr(one, xform_name(name))(**given)
    (request,) = requests
    changing = ("Authorization", "X-Amz-Date", "amz-sdk-invocation-id", "User-Agent")
    headers = {key: str(value) for key, value in request.headers.items() if key not in changing}
    return request.method, request.url, headers, request.body


def test_without_a_models_folder_botocores_models_are_used(tmp_path: Path) -> None:
    whole = client(new_session(tmp_path / "absent"), "ecr")
    assert "list_images" in dir(whole)


def test_trimmed_models_are_in_use(session: Any) -> None:
    trimmed = client(session, "ecr")
    assert "describe_images" in dir(trimmed)
    assert "list_images" not in dir(trimmed)


def test_files_outside_of_the_models_folder_come_from_botocore(session: Any) -> None:
    loader = session.get_component("data_loader")
    assert loader.load_service_model("ecr", "waiters-2")["waiters"]
    assert loader.load_data("partitions")["partitions"]
