"""The checks of a laptop cloud find a violation of each promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.laptop.estate import Definition, Estate, Running
from tests.lab.laptop.laptop_promises import hold

DIGEST = "sha256:" + "ab" * 32
IMAGE = f"repo/shop@{DIGEST}"
OPERATION = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
Break = Callable[[Estate], Any]


def row(environment: str, service: str) -> dict[str, Any]:
    return {
        "applicationName": "Shop",
        "environment": environment,
        "status": "ACTIVE",
        "url": f"http://{environment}",
        "image": "repo/shop:1.0",
        "digest": DIGEST,
        "productionListener": "production",
        "testListener": "test",
        "service": {
            "name": service,
            "targetGroup": f"group-{service}",
            "taskDefinition": f"arn:task-definition/Shop-{service}:2",
        },
    }


def event(key: str, outcome: str) -> dict[str, Any]:
    entry = f"EVENT#{OPERATION}#{key}"
    return {"applicationName": "Shop", "entry": entry, "outcome": outcome}


def other(key: str, outcome: str) -> dict[str, Any]:
    return event(key, outcome) | {"entry": f"EVENT#01ARZ3NDEKTSV4RRFFQ69G5FAX#{key}"}


def log() -> list[dict[str, Any]]:
    """The log of a successful swap."""
    entry = f"OPERATION#{OPERATION}"
    operation = {"applicationName": "Shop", "entry": entry, "kind": "swap", "status": "SUCCEEDED"}
    events = [("000", "ACCEPTED"), ("001", "SWITCHED"), ("END", "SUCCEEDED")]
    return [operation, *(event(*each) for each in events)]


def page(service: str) -> dict[str, str]:
    return {"application": "Shop", "environment": service, "image": IMAGE}


@pytest.fixture
def estate() -> Estate:
    """An application without a violation."""
    services = {"DEV": "dev", "PROD-GREEN": "prod-2", "PROD-BLUE": "prod-1"}
    rows = [row(*each) for each in services.items()]
    runs = {each["service"]["name"]: each["service"]["taskDefinition"] for each in rows}
    return Estate(
        rows=rows,
        log=log(),
        listeners={"production": ["group-prod-2"], "test": ["group-prod-1"]},
        services={("Shop", name): Running(arn, "COMPLETED", 1, 1) for name, arn in runs.items()},
        definitions={arn: Definition(IMAGE, OPERATION) for arn in runs.values()},
        stacks={"Shop": OPERATION},
        served={f"http://{name}": page(service) for name, service in services.items()},
    )


def runs(service: str, **changes: Any) -> Break:
    def broken(estate: Estate) -> None:
        old = estate.services["Shop", service]
        estate.services["Shop", service] = Running(**(vars(old) | changes))

    return broken


def page_has(**changes: str) -> Break:
    return lambda estate: estate.served["http://PROD-GREEN"].update(changes)


def ends(status: str) -> Break:
    return lambda estate: estate.log[0].update(status=status)


BROKEN = [
    ("1: ", lambda estate: estate.listeners.update(production=["group-prod-2", "group-prod-1"])),
    ("6: PROD-GREEN", lambda estate: estate.listeners.update(production=["group-prod-1"])),
    ("6: PROD-BLUE", lambda estate: estate.listeners.update(test=["group-prod-2"])),
    ("6: DEV", runs("dev", definition="arn:task-definition/Shop-dev:1")),
    ("6: DEV", runs("dev", state="IN_PROGRESS")),
    ("6: PROD-GREEN", runs("prod-2", running=1, desired=2)),
    ("6: PROD-BLUE", runs("prod-1", running=0, desired=0)),
    ("6: DEV", lambda estate: estate.rows[0].update(digest="sha256:" + "cd" * 32)),
    ("6: DEV", lambda estate: estate.rows[0].update(status="CREATING")),
    ("6: PROD-GREEN", page_has(application="Cart")),
    ("6: PROD-GREEN", page_has(environment="prod-1")),
    ("6: PROD-GREEN", page_has(image="repo/shop@sha256:" + "cd" * 32)),
    ("7: ", ends("IN_PROGRESS")),
    ("7: ", ends("FAILED")),
    ("7: ", lambda estate: estate.log.pop()),
    ("7: ", lambda estate: estate.log.append(event("ENE", "SUCCEEDED"))),
    ("7: ", lambda estate: estate.log.pop(1)),
    ("7: ", lambda estate: estate.log[1].update(outcome="SWITCHED")),
    ("7: .* no operation", lambda estate: estate.log.append(other("000", "ACCEPTED"))),
    ("7: .* no operation", lambda estate: estate.log.append(other("END", "DENIED"))),
    ("10: ", lambda estate: [ends("FAILED")(estate), estate.log[3].update(outcome="FAILED")]),
    ("is logged for", lambda estate: estate.log[1].update(applicationName="Cart")),
    ("8: DEV", lambda estate: estate.rows[0].update(claim=OPERATION)),
    ("9: ", lambda estate: estate.stacks.update(Cart=OPERATION)),
    ("9: ", lambda estate: estate.definitions.update({"x/Shop-dev:3": Definition("x", OPERATION)})),
    ("1: Shop has", lambda estate: estate.rows.pop()),
]


def test_the_promises_hold_without_a_violation(estate: Estate) -> None:
    hold(estate)


@pytest.mark.parametrize(("words", "broken"), BROKEN)
def test_a_violation_has_the_number_of_its_promise(
    estate: Estate, words: str, broken: Break
) -> None:
    broken(estate)
    with pytest.raises(AssertionError, match=words):
        hold(estate)


def test_a_repeated_registration_can_remain_only_where_it_is_expected(estate: Estate) -> None:
    estate.definitions["x/Shop-dev:3"] = Definition(IMAGE, OPERATION)
    hold(estate, untidy=["Shop-dev"])
    with pytest.raises(AssertionError, match="9: "):
        hold(estate, untidy=["Shop-qa"])


def test_a_refusal_belongs_to_no_operation(estate: Estate) -> None:
    estate.log.append(other("DENIED", "DENIED"))
    hold(estate)


def test_other_applications_are_ignored(estate: Estate) -> None:
    estate.rows.append(row("DEV", "dev") | {"applicationName": "Cart", "claim": OPERATION})
    estate.stacks["Till"] = OPERATION
    hold(estate.only(["Shop"]))
