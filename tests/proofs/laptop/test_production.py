"""Production over real HTTP: promote, swap, the swap back, refusals."""

from __future__ import annotations

import pytest

from tests.lab.laptop.api import Api, Response

SWAP = "/stacks/swapProdBlueAndGreen"


def _promote(api: Api, application: str) -> Response:
    return api.post("/stacks/deploytoprodBlue", {"applicationName": application})


def _swap(api: Api, application: str, **body: str) -> Response:
    return api.post(SWAP, {"applicationName": application, **body})


def _deploy(api: Api, application: str, version: str) -> None:
    api.push(application, version)
    body = {"applicationName": application, "environment": ["qa"], "version": version}
    api.succeed(api.post("/stacks/deploy", body))


def _production(api: Api, application: str) -> dict[str, dict[str, str]]:
    rows = api.items("ECS_Inventory_Production")
    return {
        row["environment"]["S"]: {name: value["S"] for name, value in row.items() if "S" in value}
        for row in rows
        if row["applicationName"]["S"] == application
    }


def _served(api: Api, url: str) -> str:
    page = api.fetch(url)
    assert page.status == 200
    version: str = page.body["version"]
    return version


@pytest.fixture(scope="module")
def urls(api: Api, application: str) -> tuple[str, str]:
    rows = _production(api, application)
    return rows["PROD-GREEN"]["url"], rows["PROD-BLUE"]["url"]


def test_promote_and_swap_are_refused_before_the_first_deploy(api: Api, application: str) -> None:
    promoted = _promote(api, application)
    assert (promoted.status, promoted.body["code"]) == (409, "NOT_DEPLOYABLE")
    swapped = _swap(api, application)
    assert (swapped.status, swapped.body["code"]) == (409, "NOT_READY")
    assert swapped.body["reasons"] == ["the idle slot has no promoted version: promote one first"]


def test_a_version_becomes_live_and_idle_again(
    api: Api, application: str, urls: tuple[str, str]
) -> None:
    green, blue = urls
    _deploy(api, application, "1.0")
    first = _served(api, green)
    api.succeed(_promote(api, application))
    assert (_served(api, green), _served(api, blue)) == (first, "1.0")

    wrong = _swap(api, application, version="3.0")
    assert (wrong.status, wrong.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert _served(api, green) == first

    answer = _swap(api, application, version="1.0")
    assert answer.status == 200, "a swap has ended before its response"
    warmed = [(page["path"], page.get("status")) for page in answer.operation["warmup"]]
    assert warmed == [("/", 200), ("/a?b=c", 200)]
    assert answer.operation["took"]["untilSwitched"] <= answer.operation["took"]["untilEnded"]
    assert (_served(api, green), _served(api, blue)) == ("1.0", first)
    rows = _production(api, application)
    assert rows["PROD-GREEN"]["version"] == "1.0"

    again = _swap(api, application, version="1.0")
    assert (again.status, again.body["operation"]) == (200, None)
    assert _served(api, green) == "1.0"

    api.succeed(_swap(api, application))
    assert (_served(api, green), _served(api, blue)) == (first, "1.0")
    api.succeed(_swap(api, application, version="1.0"))

    _deploy(api, application, "1.1")
    api.succeed(_promote(api, application))
    assert (_served(api, green), _served(api, blue)) == ("1.0", "1.1")


def test_blue_is_scaled_to_the_size_of_green_before_a_swap(
    api: Api, application: str, urls: tuple[str, str]
) -> None:
    _deploy(api, application, "1.2")
    api.succeed(_promote(api, application))
    ecs = api.client("ecs")
    live = _production(api, application)["PROD-GREEN"]["slot"]
    idle = _production(api, application)["PROD-BLUE"]["slot"]
    ecs.update_service(cluster=application, service=live, desiredCount=3)
    ecs.get_waiter("services_stable").wait(
        cluster=application, services=[live], WaiterConfig={"Delay": 1, "MaxAttempts": 240}
    )
    api.succeed(_swap(api, application, version="1.2"))
    blue = ecs.describe_services(cluster=application, services=[idle])["services"][0]
    assert (blue["desiredCount"], blue["runningCount"]) == (3, 3)
    assert _served(api, urls[0]) == "1.2"
