"""The routes and the errors of the service, read from their sources."""

from __future__ import annotations

from collections.abc import Iterator

from devops_core import errors
from tests.lab.templates import ROOT, load


def routes() -> list[str]:
    service = load(ROOT / "serverless.yml")
    events = [event for each in service["functions"].values() for event in each["events"]]
    calls = [event["http"] for event in events if "http" in event]
    return [f"{call['method'].upper()} /{call['path']}" for call in calls]


def subclasses(base: type[errors.DevOpsError]) -> Iterator[type[errors.DevOpsError]]:
    yield base
    for each in base.__subclasses__():
        yield from subclasses(each)
