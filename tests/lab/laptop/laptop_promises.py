"""The promises (docs/reliability.md) that are visible from outside after all operations have ended.

The numbers are those of tests/lab/promises.py, which checks them on the fakes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from devops_core.naming import Image
from tests.lab.laptop.api import Api
from tests.lab.laptop.estate import Estate, Running, family, read


def hold_after_recovery(api: Api, untidy: Collection[str] = ()) -> None:
    """Check all promises on a laptop cloud after all operations have ended, see `hold`."""
    hold(read(api), untidy)


def hold(estate: Estate, untidy: Collection[str] = ()) -> None:
    """Check all promises on an observed state. A broken one is an AssertionError with its number.

    `untidy` has the families of task definitions in which a registration can remain that the SDK
    has sent twice, until the application is deleted.
    """
    for operation in estate.operations:
        _hold_operation(estate, operation)
    _hold_refusals(estate)
    for row in estate.rows:
        assert "claim" not in row, f"8: {_name(row)} is claimed by {row.get('claim')}"
        _hold_row(estate, row)
    for application in {row["applicationName"] for row in estate.rows}:
        _hold_production(estate, application)
    _hold_nothing_left(estate, untidy)


def _hold_operation(estate: Estate, operation: dict[str, Any]) -> None:
    identifier = operation["entry"].partition("#")[2]
    name = f"{operation['kind']} {identifier} of {operation['applicationName']}"
    assert operation["status"] != "IN_PROGRESS", f"7: {name} has not ended: {operation}"
    events = estate.events(identifier)
    keys = [event["entry"].rpartition("#")[2] for event in events]
    numbered = [f"{number:03d}" for number in range(len(keys) - 1)]
    assert keys == [*numbered, "END"], f"7: the events of {name} are {keys}"
    assert events[-1]["outcome"] == operation["status"], f"7: the log ends {name} otherwise"
    moved = [event for event in events if event["outcome"] == "SWITCHED"]
    assert len(moved) <= 1, f"7: {name} has moved the customers {len(moved)} times"
    failed = operation["status"] == "FAILED"
    assert not (failed and moved), f"10: {name} has moved the customers and failed"
    others = {event["applicationName"] for event in events} - {operation["applicationName"]}
    assert not others, f"{name} is logged for {others}"


def _hold_refusals(estate: Estate) -> None:
    """Check that the events without an operation are those of refused calls."""
    known = {operation["entry"].partition("#")[2] for operation in estate.operations}
    for event in (item for item in estate.log if item["entry"].startswith("EVENT#")):
        _, identifier, key = event["entry"].split("#")
        refusal = (key, event["outcome"]) == ("DENIED", "DENIED")
        assert identifier in known or refusal, f"7: {event} belongs to no operation"


def _hold_row(estate: Estate, row: dict[str, Any]) -> None:
    name, service, application = _name(row), row["service"], row["applicationName"]
    assert row["status"] == "ACTIVE", f"6: {name} is {row['status']}"
    running = estate.services[application, service["name"]]
    assert running.definition == service["taskDefinition"], f"6: {name} runs another definition"
    assert running.state == "COMPLETED", f"6: {name} is still rolling out"
    assert running.running >= max(1, running.desired), f"6: {name} runs {running}"
    image = Image.parse(row["image"])
    wanted = Image(image.repository, image.tag, row.get("digest")).pinned
    definition = estate.definitions[running.definition]
    assert definition.image == wanted, f"6: {name} runs {definition.image}, not {wanted}"
    _hold_page(estate.served[row["url"]], row)


def _hold_page(page: dict[str, Any], row: dict[str, Any]) -> None:
    """Compare the page of an environment with its row; ECS pins an image without a digest."""
    image, on_record = Image.parse(page["image"]), Image.parse(row["image"])
    served = (page["application"], page["environment"], image.repository, image.digest)
    digest = row.get("digest", image.digest)
    told = (row["applicationName"], row["service"]["name"], on_record.repository, digest)
    assert served == told, f"6: {_name(row)} serves {served}, not {told}"


def _hold_production(estate: Estate, application: str) -> None:
    roles = estate.production(application)
    assert set(roles) == {"PROD-GREEN", "PROD-BLUE"}, f"1: {application} has {sorted(roles)}"
    for role, listener in (("PROD-GREEN", "productionListener"), ("PROD-BLUE", "testListener")):
        groups = estate.listeners[roles[role][listener]]
        mine = [roles[role]["service"]["targetGroup"]]
        number = 1 if len(groups) != 1 else 6
        assert groups == mine, f"{number}: {role} of {application} is {mine}, not {groups}"
    green, blue = (_running(estate, roles[role]) for role in ("PROD-GREEN", "PROD-BLUE"))
    assert green.running >= 1, f"2: {application} serves nobody"
    assert blue.running >= 1, f"5: {application} has no way back"


def _hold_nothing_left(estate: Estate, untidy: Collection[str]) -> None:
    applications = {row["applicationName"] for row in estate.rows}
    left = set(estate.stacks) - applications
    assert not left, f"9: the stacks {sorted(left)} remain without a record"
    known = {row["service"]["taskDefinition"] for row in estate.rows}
    tagged = {arn for arn, each in estate.definitions.items() if each.operation}
    surplus = {arn for arn in tagged - known if family(arn) not in untidy}
    assert not surplus, f"9: {sorted(surplus)} remain without a record"


def _running(estate: Estate, row: dict[str, Any]) -> Running:
    return estate.services[row["applicationName"], row["service"]["name"]]


def _name(row: dict[str, Any]) -> str:
    return f"{row['environment']} of {row['applicationName']}"
