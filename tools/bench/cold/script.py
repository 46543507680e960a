"""Generates the idiomatic script for comparison: the same AWS calls as boto3 code for Lambda."""

from __future__ import annotations

import pprint
from collections.abc import Sequence
from typing import Any

# Service, method and arguments of a call, as recorded by `recorder`.
Call = tuple[str, str, dict[str, Any]]


def render_script(calls: Sequence[Call]) -> str:
    """Return the source of a module with a client for each service and a `handle` for the calls."""
    clients = [
        f"{service} = boto3.client({service!r})"
        for service in dict.fromkeys(service for service, _, _ in calls)
    ]
    steps = "\n".join(map(_step, calls))
    head = "\n".join(["import boto3", "", *clients])
    return f"{head}\n\n\ndef handle(event, context):\n{steps}\n    return event['path']\n"


def _step(call: Call) -> str:
    service, method, arguments = call
    reads = "['Body'].read()" if method == "get_object" else ""
    return f"    {service}.{method}(**{pprint.pformat(arguments)}){reads}"
