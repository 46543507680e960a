"""Update: the body of `PUT` and `PATCH /stacks/{applicationName}/spec`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from devops_core.errors import InvalidRequestError
from devops_core.model.specification import FixedSettings
from devops_core.requests import fields, schema, specification, specification_rules
from devops_core.requests.task_settings import FIXED

# Maximum of nested objects and lists; a valid document has at most five levels.
_MAX_LEVELS = 20


class UpdateRequest(NamedTuple):
    """A change of the specification of an application.

    `content` is a whole document, or with `patch` a merge patch (RFC 7396). `revision` is the
    present revision that the caller expects, None for any. `remove` has the names of the
    environments that the caller expects to be removed. `context` has the limits of the installation
    for `SPECIFICATION`.
    """

    application: str
    content: Mapping[str, Any]
    patch: bool = False
    revision: int | None = None
    remove: tuple[str, ...] = ()
    context: Mapping[str, Any] = {}


def update_request(
    application: str,
    content: Any,
    *,
    patch: bool,
    revision: int | None,
    remove: str | None,
    context: Mapping[str, Any],
) -> UpdateRequest:
    """Return the request of a body and a query; InvalidRequestError for an invalid query or body.

    The service can check a patch only with the present document.
    """
    names = tuple(remove.split(",")) if remove is not None else ()
    query = {"applicationName": application, "remove": list(names)}
    parsed: tuple[str, tuple[str, ...]] = _QUERY.parse(query)
    if not isinstance(content, dict):
        raise InvalidRequestError([("body", "must be a JSON object")])
    _require_few_levels(content)
    return UpdateRequest(parsed[0], content, patch, revision, parsed[1], context)


def _require_few_levels(content: Mapping[str, Any]) -> None:
    """Raise InvalidRequestError for a content whose levels would exceed Python's recursion limit.

    The content is merged, hashed and only then checked against the schema.
    """
    level: list[Any] = [content]
    for _ in range(_MAX_LEVELS):
        objects = [each.values() for each in level if isinstance(each, dict)]
        lists = [each for each in level if isinstance(each, list)]
        level = [value for values in (*objects, *lists) for value in values]
    if level:
        raise InvalidRequestError([("body", f"has more than {_MAX_LEVELS} levels")])


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with a merge patch applied (RFC 7396, 2)."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            present = result.get(name)
            result[name] = merged(present if isinstance(present, dict) else {}, value)
        else:
            result[name] = value
    return result


def _faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of a document, and those of settings that no update changes.

    `application`, `tags` and `fixed` are those of the application.
    """
    yield from specification_rules.document_faults(data, context)
    fixed: FixedSettings = context["fixed"]
    present = dict(zip(FIXED, fixed, strict=True))
    for name, value in present.items():
        given = (data.get("service") or {}).get(name)
        if given not in (None, value):
            yield f"service.{name}", f"is {value} since the create, and cannot change"
    if data.get("application") not in (None, context["application"]):
        yield "applicationName", f"must be {context['application']}, the application in the path"
    if data.get("tags") not in (None, context["tags"]):
        yield "tags", "are fixed since the create, and cannot change"


def _parsed(**members: Any) -> dict[str, Any]:
    document, _ = specification.document_of(members)
    return document


# The value is the document without the settings that no update changes.
SPECIFICATION = schema.Object(
    _parsed,
    {
        "applicationName": schema.Member(
            fields.APPLICATION, "The application in the path, optional.", attribute="application"
        ),
        "tags": schema.Member(
            specification.TAGS, "The tags of the create, optional: no update changes them."
        ),
        **specification.MEMBERS,
    },
    check=_faults,
    sparse=True,
)
_QUERY = schema.Object(
    lambda application, remove: (application, remove),
    {
        "applicationName": fields.EXISTING,
        "remove": schema.Member(
            fields.several(fields.DEPLOYABLE_NAME), "The environments to remove."
        ),
    },
)
