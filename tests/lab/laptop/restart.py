"""A laptop cloud that is stopped during operations, and started again with its state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.estate import operations
from tests.lab.laptop.interruptions import AFTER, KILL, Case
from tests.lab.laptop.proxy import proxy
from tests.lab.laptop.scene import Scene, prepare
from tests.lab.laptop.stacks import ApplicationStack
from tools.laptop.cloud import Options, start, started, stop
from tools.laptop.deploy import deploy

STAYS, BEGINS, GOES = "Stays", "Begins", "Goes"
GROWS = "Grows"  # a stack without an application, which a change set extends
SWAP = Case("swap", STAYS, "move customers", AFTER, KILL)


class Restarted:
    """The operations that were open at the stop, by kind and application, and the started cloud."""

    def __init__(self, before: Scene, growing: ApplicationStack) -> None:
        self.api, self.growing = before.api, growing
        self.growth = growing.status
        self.open = [
            (each["kind"], each["applicationName"])
            for each in operations(before.api)
            if each["status"] == "IN_PROGRESS"
        ]
        self.stack = _stack(before.api)


@contextmanager
def restarted(directory: Path) -> Iterator[Restarted]:
    """Begin a swap, a create, a deploy, a delete and an update; stop, and start again."""
    with proxy() as between:
        options = Options(lambda_endpoint=between.url, keep=True)
        with started(directory, options) as running:
            between.endpoint = running.endpoint
            deploy(running)
            scene = Scene(Api(running), between)
            prepare(scene.api, STAYS, "swap")
            prepare(scene.api, GOES, "delete")
            growing = ApplicationStack(scene.api, GROWS, STAYS)
            growing.create()
            change = growing.change(Environments="dev,qa")
            growing.completed(change)
            _begin(scene)
            growing.stacks.execute_change_set(StackName=GROWS, ChangeSetName=change)
            seen = Restarted(scene, growing)
            stop(directory)
            start(directory, options, owned=True)
            yield seen


def _begin(scene: Scene) -> None:
    scene.strike([SWAP])
    api = scene.api
    answers = [
        api.call("DELETE", "/stacks", {"stack": GOES}),
        api.post("/stacks", create_body(BEGINS)),
        api.post(
            "/stacks/deploy",
            {"applicationName": STAYS, "environment": ["dev"], "version": "2.0"},
        ),
    ]
    assert [answer.status for answer in answers] == [202, 202, 202], answers


def _stack(api: Api) -> str:
    stacks = api.client("cloudformation").describe_stacks(StackName=BEGINS)["Stacks"]
    return str(stacks[0]["StackStatus"])
