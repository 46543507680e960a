"""Swap: the body of `POST /stacks/swapProdBlueAndGreen`."""

from __future__ import annotations

from typing import NamedTuple

from devops_core.requests import fields, schema


class SwapRequest(NamedTuple):
    """A swap; `version`, `digest` and `spec` are those that must become live, None for any."""

    application: str
    version: str | None
    digest: str | None
    spec: int | None = None


SWAP = schema.Object(
    SwapRequest,
    {
        "applicationName": fields.EXISTING,
        "version": schema.Member(
            fields.VERSION, "The version that must become live: an image tag."
        ),
        "digest": schema.Member(fields.DIGEST, "The digest that must become live."),
        "spec": schema.Member(
            fields.REVISION, "The revision of the specification that must become live."
        ),
    },
)
