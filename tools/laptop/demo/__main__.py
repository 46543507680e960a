"""`make demo`: create, deploy, promote, swap, failure, rollback, delete; each result is checked."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from tools.laptop import images
from tools.laptop.cloud import DIRECTORY, Cloud, CloudError, started
from tools.laptop.demo.presenter import DemoError, Presenter, Response
from tools.laptop.deploy import client, deploy
from tools.laptop.forwards import receiving_group

APPLICATION = "MyDevOpsAPI"
REPOSITORY = APPLICATION.lower()
GOOD, BAD = "1.0.0.0", "1.0.0.1"
TABLES = ("ECS_Inventory_NonProduction", "ECS_Inventory_Production", "ECS_Inventory_TrainingDA")


def main() -> int:
    """Run the demonstration; return 1 and print the step if a check fails."""
    began = time.monotonic()
    print("Starting the laptop cloud and deploying the service to it ...", flush=True)
    try:
        with started(DIRECTORY / "demo") as cloud:
            deploy(cloud)
            print(f"The service is at $API_URL = {cloud.api_url}", flush=True)
            Demo(cloud).run()
    except (CloudError, DemoError, images.PushError) as error:
        print(f"\nThe demonstration failed: {error}", file=sys.stderr)
        return 1
    print(f"\nEverything is stopped. It took {time.monotonic() - began:.0f} s.")
    return 0


class Demo:
    """The steps of the demonstration, in order; later steps use results of earlier ones."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._presenter = Presenter(cloud)
        self._urls: dict[str, str] = {}

    def run(self) -> None:
        """Run all steps."""
        self._create()
        self._deploy()
        self._promote()
        self._swap()
        self._swap_again()
        self._crash()
        self._swap_back()
        self._delete()
        self._show_events()

    def _create(self) -> None:
        show = self._presenter
        show.step(f"Create {APPLICATION} with dev, qa, stage and training")
        response = show.api(
            "POST",
            "/stacks",
            {
                "applicationName": APPLICATION,
                "email": "team@example.com",
                "environments": {"nonProd": ["dev", "qa", "stage"], "training": True},
                "tags": {"technicalTeam": "platform"},
            },
        )
        show.check(response.status == 202, "the request is accepted with 202")
        operation = self._succeeds(response)
        self._urls = {part["environment"]: part["url"] for part in operation["environments"]}
        self._check_version("PROD-GREEN", None)

    def _deploy(self) -> None:
        show = self._presenter
        show.step(f"Deploy {GOOD} to dev, qa and stage")
        self._push(GOOD)
        self._succeeds(
            self._post("/stacks/deploy", environment=["dev", "qa", "stage"], version=GOOD)
        )
        for environment in ("DEV", "QA", "STAGE"):
            self._check_version(environment, GOOD)

    def _promote(self) -> None:
        self._presenter.step(f"Promote {GOOD} to the idle slot; the live slot does not change")
        self._succeeds(self._post("/stacks/deploytoprodBlue"))
        self._check_version("PROD-BLUE", GOOD)
        self._check_version("PROD-GREEN", None)

    def _swap(self) -> None:
        self._presenter.step("Swap live and idle production")
        self._succeeds(self._post("/stacks/swapProdBlueAndGreen", version=GOOD))
        self._check_version("PROD-GREEN", GOOD)
        self._check_version("PROD-BLUE", None)

    def _swap_again(self) -> None:
        show = self._presenter
        show.step(f"Repeat the swap: {GOOD} is already live, so nothing changes")
        before = self._production_target()
        response = self._post("/stacks/swapProdBlueAndGreen", version=GOOD)
        show.check(
            response.status == 200 and response.body["operation"] is None,
            "the response is 200 without an operation",
        )
        show.check(self._production_target() == before, "the production listener is unchanged")

    def _crash(self) -> None:
        show = self._presenter
        show.step(f"Deploy {BAD}, which crashes at start, to dev")
        self._push(BAD, "crash")
        operation = show.follow(self._post("/stacks/deploy", environment=["dev"], version=BAD))
        show.check(operation["status"] == "FAILED", "the operation has FAILED")
        reason = operation["environments"][0]["reason"]
        show.check("circuit breaker" in reason, "the reason comes from ECS")
        self._check_version("DEV", GOOD)

    def _swap_back(self) -> None:
        self._presenter.step("Roll back with a second swap: the old version is still running")
        self._succeeds(self._post("/stacks/swapProdBlueAndGreen"))
        self._check_version("PROD-GREEN", None)
        self._check_version("PROD-BLUE", GOOD)

    def _delete(self) -> None:
        show = self._presenter
        show.step(f"Delete {APPLICATION}")
        self._succeeds(show.api("DELETE", f"/stacks?stack={APPLICATION}"))
        tables = client(self._cloud, "dynamodb")
        rows = sum(tables.scan(TableName=name)["Count"] for name in TABLES)
        show.check(rows == 0, "the inventory is empty")
        stacks = client(self._cloud, "cloudformation").describe_stacks()["Stacks"]
        names = {
            stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"
        }
        show.check(APPLICATION not in names, "the stack is deleted")

    def _show_events(self) -> None:
        show = self._presenter
        show.step("The event log")
        events = show.api("GET", f"/stacks/{APPLICATION}/events?limit=100").body["events"]
        head = ("time", "caller", "kind", "environment", "version", "outcome", "reason")
        show.table(head, ([_cell(event, name) for name in head] for event in events[::-1]))
        outcomes = ("SUCCEEDED", "FAILED")
        ended = [
            event["outcome"]
            for event in events
            if event["outcome"] in outcomes and "environment" not in event
        ]
        show.check(
            sorted(ended) == ["FAILED"] + ["SUCCEEDED"] * 6,
            "seven operations have ended: six succeeded, one failed",
        )

    def _post(self, path: str, **body: Any) -> Response:
        response = self._presenter.api("POST", path, {"applicationName": APPLICATION, **body})
        self._presenter.require(response.status in (200, 202), "the request is accepted")
        return response

    def _succeeds(self, response: Response) -> Mapping[str, Any]:
        operation = self._presenter.follow(response)
        self._presenter.check(operation["status"] == "SUCCEEDED", "the operation has SUCCEEDED")
        return operation

    def _push(self, version: str, behaviour: str = "") -> None:
        images.push(client(self._cloud, "ecr"), REPOSITORY, version, behaviour)
        self._presenter.print(
            f"  pushed {REPOSITORY}:{version} to ECR {behaviour and f'({behaviour})'}"
        )

    def _check_version(self, environment: str, version: str | None) -> None:
        """Fetch the page of an environment and check its version; None is the first image."""
        page = self._presenter.fetch(self._urls[environment])
        label = version or "the first image"
        matches = page["version"] == version if version else page["version"] not in (GOOD, BAD)
        self._presenter.check(
            matches and page["application"] == APPLICATION, f"{environment} runs {label}"
        )

    def _production_target(self) -> str:
        balancers = client(self._cloud, "elbv2")
        arns = balancers.describe_load_balancers(Names=[f"{APPLICATION}-prod"])["LoadBalancers"]
        listeners = balancers.describe_listeners(LoadBalancerArn=arns[0]["LoadBalancerArn"])
        actions = {each["Port"]: each["DefaultActions"] for each in listeners["Listeners"]}
        return receiving_group(actions[80])


def _cell(event: Mapping[str, str], name: str) -> str:
    text = event.get(name, "")
    if name == "time":
        return text[11:19]
    return text.rpartition(":")[2] if name == "caller" else text[:64]


if __name__ == "__main__":
    sys.exit(main())
