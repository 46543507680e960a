"""The specification of an application in the service: its revisions, and refusals of changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from devops_cli import rules
from devops_cli.failures import ApiError, NotTheServiceError
from devops_cli.responses import Object, Response, get_objects, get_text
from devops_cli.session import Session

_DEEPEST = 20  # levels of objects and lists; a specification has fewer


def path(name: str) -> str:
    """Return the path of the present specification of an application."""
    return f"/stacks/{name}/spec"


def read(session: Session, name: str, revision: int | None = None) -> Response:
    """Return the response with the specification.

    Raises:
        CliError: there is no such specification, or the caller cannot read it.

    """
    return session.api.get(path(name), {"revision": revision})


def document_of(response: Response) -> Object:
    """Return the document in a response.

    Raises:
        NotTheServiceError: the response has none.

    """
    return limited(response.required("specification"))


def tag(response: Response) -> str:
    """Return the ETag of the specification.

    Raises:
        NotTheServiceError: the response has none.

    """
    found = response.headers.get("etag", "")
    if not (found.isascii() and found.isprintable() and found):
        raise NotTheServiceError("the response has no valid ETag; it may not come from the service")
    return found


def limited(document: Object) -> Object:
    """Return a document, unless it has more levels than Python could copy or compare.

    Raises:
        NotTheServiceError: it has.

    """
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    if level:
        raise NotTheServiceError("the specification is nested too deeply")
    return document


@contextmanager
def explained(look: str, places: Mapping[str, str] | None = None) -> Iterator[None]:
    """Add the places of fields, and remedies on the command line, to an error of the service.

    `look` is the command that shows the present specification.
    """
    try:
        yield
    except ApiError as error:
        error.places = places or {}
        faults = get_objects(error.response.body, "errors")
        for each in faults:
            error.hints = [*error.hints, *_removal_hint(each)]
        if error.response.status == 412:
            error.hints = [*error.hints, f"See the present specification: {look}"]
            error.hints = [*error.hints, "Then repeat the command."]
        raise


def _removal_hint(fault: Object) -> Iterator[str]:
    """Yield the option that a fault of the removals asks for, such as `must be qa,stage: …`."""
    found = re.match("must be ([a-z,]+)", get_text(fault, "message"))
    if get_text(fault, "field") != "remove" or not found:
        return
    if {*found[1].split(",")} <= {*rules.values("deployable")}:
        yield f"To delete these environments, repeat the command with --remove {found[1]}"
    elif found[1] == "absent":
        yield "Repeat the command without --remove"
