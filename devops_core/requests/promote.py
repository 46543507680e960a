"""Promote: the body of `POST /stacks/deploytoprodBlue`."""

from __future__ import annotations

from typing import NamedTuple

from devops_core.naming import Environment
from devops_core.requests import fields, schema


class PromoteRequest(NamedTuple):
    """A promotion; without `source` it takes the highest environment that runs a version.

    `version` and `digest` are those that the source must run, `spec` is the revision of the
    specification that production must receive, None for any.
    """

    application: str
    source: Environment | None
    version: str | None
    digest: str | None
    spec: int | None = None


PROMOTE = schema.Object(
    PromoteRequest,
    {
        "applicationName": fields.EXISTING,
        "environment": schema.Member(
            fields.DEPLOYABLE_ENVIRONMENT,
            "The source environment. The default is the first of `stage`, `qa` and `dev` that has "
            "a deployed version.",
            attribute="source",
        ),
        "version": schema.Member(
            fields.VERSION, "The version that the source environment must run."
        ),
        "digest": schema.Member(fields.DIGEST, "The digest that the source environment must run."),
        "spec": schema.Member(
            fields.REVISION,
            "The revision of the specification that production must receive: the present one.",
        ),
    },
)
