"""Checks responses against docs/openapi.yml: status, headers, members and codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from tools.contract.document import JSON, Node, document, operations, resolved


def validator(schema: Node) -> Draft202012Validator:
    """Return a validator for a schema of the document."""
    # The references of a schema point to components of the document, so the schema includes them.
    whole = {**schema, "components": document()["components"]}
    return Draft202012Validator(whole, validate_formats=True)


def problems(
    method: str, path: str, status: int, headers: Mapping[str, str], body: Any
) -> list[str]:
    """Return a message for each difference between a response and the contract.

    Args:
        method: the HTTP method, such as `POST`.
        path: the path with the names of its parameters in braces.
        status: the HTTP status.
        headers: the headers that the service itself sends.
        body: the JSON value.

    """
    called = operations().get((method, path))
    response = called.responses.get(status) if called else None
    if response is None:
        return [f"{method} {path} {status} is not in the contract"]
    found = [*_of_headers(response, headers), *_of_body(method, path, status, body)]
    return [f"{method} {path} {status}: {problem}" for problem in found]


def _of_headers(response: Node, headers: Mapping[str, str]) -> Iterator[str]:
    told = {name: resolved(header) for name, header in response["headers"].items()}
    for name in headers.keys() - told.keys() - {"Content-Type"}:
        yield f"the header {name} is not in the contract"
    if headers.get("Content-Type") not in response["content"]:
        yield f"the content type is {headers.get('Content-Type')}"
    for name, header in told.items():
        if name in headers:
            value: Any = headers[name]
            if header["schema"].get("type") == "integer" and value.isdigit():
                value = int(value)
            for error in Draft202012Validator(header["schema"]).iter_errors(value):
                yield f"the header {name}: {error.message}"
        elif header.get("required"):
            yield f"the header {name} is missing"


def _of_body(method: str, path: str, status: int, body: Any) -> Iterator[str]:
    for error in _validator_of_answer(method, path, status).iter_errors(body):
        yield f"{'.'.join(map(str, error.instance_path)) or 'the body'}: {error.message}"


@cache
def _validator_of_answer(method: str, path: str, status: int) -> Draft202012Validator:
    response = operations()[method, path].responses[status]
    return validator(response["content"][JSON]["schema"])
