"""`make demo`: create, deploy, promote, swap, fail, go back, delete; every claim is checked."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from tools.laptop import images
from tools.laptop.cloud import DIRECTORY, Cloud, CloudError, started
from tools.laptop.demo.narrator import Answer, Narrator, StoryError
from tools.laptop.deploy import client, deploy

APPLICATION = "MyDevOpsAPI"
REPOSITORY = APPLICATION.lower()
GOOD, BAD = "1.0.0.0", "1.0.0.1"
TABLES = ("ECS_Inventory_NonProduction", "ECS_Inventory_Production", "ECS_Inventory_TrainingDA")


def main() -> int:
    """Tell the story; return 1 and name the step when it is not as told."""
    began = time.monotonic()
    print("Starting the laptop cloud and deploying the service to it ...", flush=True)
    try:
        with started(DIRECTORY / "demo") as cloud:
            deploy(cloud)
            print(f"The service is at $API_URL = {cloud.api_url}", flush=True)
            Story(cloud).tell()
    except (CloudError, StoryError, images.PushError) as error:
        print(f"\nNot as told: {error}", file=sys.stderr)
        return 1
    print(f"\nEverything is stopped. It took {time.monotonic() - began:.0f} s.")
    return 0


class Story:
    """The steps, in order; what one step learns the later ones use."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._tell = Narrator(cloud)
        self._urls: dict[str, str] = {}

    def tell(self) -> None:
        """Tell all steps."""
        self._create()
        self._deploy()
        self._promote()
        self._swap()
        self._swap_again()
        self._crash()
        self._swap_back()
        self._delete()
        self._look_back()

    def _create(self) -> None:
        tell = self._tell
        tell.step(f"Create {APPLICATION} with dev, qa, stage and training")
        answer = tell.api(
            "POST",
            "/stacks",
            {
                "applicationName": APPLICATION,
                "email": "team@example.com",
                "environments": {"nonProd": ["dev", "qa", "stage"], "training": True},
                "tags": {"technicalTeam": "platform"},
            },
        )
        tell.expect(answer.status == 202, "the request is accepted with 202")
        operation = self._succeeds(answer)
        self._urls = {part["environment"]: part["url"] for part in operation["environments"]}
        self._runs("PROD-GREEN", None)

    def _deploy(self) -> None:
        tell = self._tell
        tell.step(f"Deploy {GOOD} to dev, qa and stage")
        self._push(GOOD)
        self._succeeds(
            self._post("/stacks/deploy", environment=["dev", "qa", "stage"], version=GOOD)
        )
        for environment in ("DEV", "QA", "STAGE"):
            self._runs(environment, GOOD)

    def _promote(self) -> None:
        self._tell.step(f"Promote {GOOD} to blue; green goes on as it was")
        self._succeeds(self._post("/stacks/deploytoprodBlue"))
        self._runs("PROD-BLUE", GOOD)
        self._runs("PROD-GREEN", None)

    def _swap(self) -> None:
        self._tell.step("Swap blue and green")
        self._succeeds(self._post("/stacks/swapProdBlueAndGreen", version=GOOD))
        self._runs("PROD-GREEN", GOOD)
        self._runs("PROD-BLUE", None)

    def _swap_again(self) -> None:
        tell = self._tell
        tell.step(f"The same swap again: {GOOD} is live already, so nothing moves")
        before = self._production_target()
        answer = self._post("/stacks/swapProdBlueAndGreen", version=GOOD)
        tell.expect(
            answer.status == 200 and answer.body["operation"] is None,
            "the answer is 200 and there is no operation",
        )
        tell.expect(self._production_target() == before, "the production listener was not touched")

    def _crash(self) -> None:
        tell = self._tell
        tell.step(f"Deploy {BAD}, which crashes at start, to dev")
        self._push(BAD, "crash")
        operation = tell.follow(self._post("/stacks/deploy", environment=["dev"], version=BAD))
        tell.expect(operation["status"] == "FAILED", "the operation has FAILED")
        reason = operation["environments"][0]["reason"]
        tell.expect("circuit breaker" in reason, "the reason is ECS's own")
        self._runs("DEV", GOOD)

    def _swap_back(self) -> None:
        self._tell.step("Go back: swap again, at once, as the old version never stopped")
        self._succeeds(self._post("/stacks/swapProdBlueAndGreen"))
        self._runs("PROD-GREEN", None)
        self._runs("PROD-BLUE", GOOD)

    def _delete(self) -> None:
        tell = self._tell
        tell.step(f"Delete {APPLICATION}")
        self._succeeds(tell.api("DELETE", f"/stacks?stack={APPLICATION}"))
        tables = client(self._cloud, "dynamodb")
        rows = sum(tables.scan(TableName=name)["Count"] for name in TABLES)
        tell.expect(rows == 0, "the inventory is empty")
        stacks = client(self._cloud, "cloudformation").describe_stacks()["Stacks"]
        names = {
            stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"
        }
        tell.expect(APPLICATION not in names, "the stack is gone")

    def _look_back(self) -> None:
        tell = self._tell
        tell.step("Who did what: the log")
        events = tell.api("GET", f"/stacks/{APPLICATION}/events?limit=100").body["events"]
        head = ("time", "caller", "kind", "environment", "version", "outcome", "reason")
        tell.table(head, ([_cell(event, name) for name in head] for event in events[::-1]))
        over = ("SUCCEEDED", "FAILED")
        ended = [
            event["outcome"]
            for event in events
            if event["outcome"] in over and "environment" not in event
        ]
        tell.expect(
            sorted(ended) == ["FAILED"] + ["SUCCEEDED"] * 6,
            "seven operations ended, each once: six succeeded, one failed",
        )

    def _post(self, path: str, **body: Any) -> Answer:
        answer = self._tell.api("POST", path, {"applicationName": APPLICATION, **body})
        self._tell.require(answer.status in (200, 202), "the request is accepted")
        return answer

    def _succeeds(self, answer: Answer) -> Mapping[str, Any]:
        operation = self._tell.follow(answer)
        self._tell.expect(operation["status"] == "SUCCEEDED", "the operation has SUCCEEDED")
        return operation

    def _push(self, version: str, behaviour: str = "") -> None:
        images.push(client(self._cloud, "ecr"), REPOSITORY, version, behaviour)
        self._tell.say(f"  pushed {REPOSITORY}:{version} to ECR {behaviour and f'({behaviour})'}")

    def _runs(self, environment: str, version: str | None) -> None:
        """Show what answers behind a load balancer; `version` None is the first image."""
        page = self._tell.fetch(self._urls[environment])
        told = version or "the first image"
        right = page["version"] == version if version else page["version"] not in (GOOD, BAD)
        self._tell.expect(
            right and page["application"] == APPLICATION, f"{environment} runs {told}"
        )

    def _production_target(self) -> str:
        balancers = client(self._cloud, "elbv2")
        arns = balancers.describe_load_balancers(Names=[f"{APPLICATION}-prod"])["LoadBalancers"]
        listeners = balancers.describe_listeners(LoadBalancerArn=arns[0]["LoadBalancerArn"])
        actions = {each["Port"]: each["DefaultActions"] for each in listeners["Listeners"]}
        return str(actions[80][0]["TargetGroupArn"])


def _cell(event: Mapping[str, str], name: str) -> str:
    text = event.get(name, "")
    if name == "time":
        return text[11:19]
    return text.rpartition(":")[2] if name == "caller" else text[:64]


if __name__ == "__main__":
    sys.exit(main())
