"""Resize: the body of the toy kind."""

from __future__ import annotations

from typing import NamedTuple

from devops_core.requests import fields, schema


class ResizeRequest(NamedTuple):
    """A task count for dev."""

    application: str
    tasks: int


RESIZE = schema.Object(
    ResizeRequest,
    {
        "applicationName": fields.EXISTING,
        "count": schema.Member(
            schema.Integer(range(1, 11)), "Tasks in dev.", required=True, attribute="tasks"
        ),
    },
)
