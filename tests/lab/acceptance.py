"""The acceptance test against the handlers in memory: its network, clock, pages and account."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from tests.lab.client import HANDLED, USER, Client, handled
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import CRASH
from tests.lab.prepared_service import Source
from tools.acceptance import options, run
from tools.acceptance.account import NotPossibleError
from tools.acceptance.pages import Fingerprint, PageError, Watch
from tools.acceptance.results import LoggedCall
from tools.acceptance.state import State, locked
from tools.laptop.gateway import http_event

API = "https://abcde12345.execute-api.eu-west-1.amazonaws.com/dev"
_SCHEDULE, _DRIFT_CHECK = 60, 300  # seconds between two runs


class Network(httpx.BaseTransport):
    """API Gateway: passes each request to its handler.

    `before` receives the number of each request, from 1, before it reaches its handler, and `after`
    after it; they can raise an exception, such as that of Ctrl-C. `sent` has the methods of the
    requests in order.
    """

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.sent: list[str] = []
        self.before: Callable[[int], None] = lambda _: None
        self.after: Callable[[int], None] = lambda _: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.method)
        number = len(self.sent)
        self.before(number)
        path = request.url.path.removeprefix("/dev")
        resource, parameters = _matched(request.method, path)
        event = http_event(
            request.method,
            resource,
            request.content.decode() or None,
            caller=USER,
            headers=dict(request.headers),
            parameters=parameters,
            query=dict(request.url.params),
        )
        reply = handled(event, self._cloud)
        self.after(number)
        return httpx.Response(reply.status, headers=dict(reply.headers), json=reply.body)


def _matched(method: str, path: str) -> tuple[str, dict[str, str]]:
    for known, resource in HANDLED:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", resource)
        if known == method and (found := re.fullmatch(pattern, path)):
            return resource, found.groupdict()
    raise AssertionError(f"there is no route {method} {path}")


class Clock:
    """The clock of the cloud; while it passes, the schedules of the service run."""

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud, self._client = cloud, Client(cloud)
        self._start = self._swept = self._checked = cloud.clock.right()

    def monotonic(self) -> float:
        return (self._cloud.clock.right() - self._start).total_seconds()

    def now(self) -> datetime:
        return self._cloud.clock.right()

    def pause(self, seconds: float) -> None:
        self._cloud.clock.wait(seconds)
        now = self._cloud.clock.right()
        if now - self._swept >= timedelta(seconds=_SCHEDULE):
            self._swept = now
            self._client.tick()
        if now - self._checked >= timedelta(seconds=_DRIFT_CHECK):
            self._checked = now
            self._client.drift_check()


class PagesOfImages:
    """The page of each address is the name of the image that receives its requests."""

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.unreachable = False
        self.failing = 0  # requests during a step that fail
        self.constant = ""  # the body of every page

    def fetch(self, url: str) -> Fingerprint:
        if self.unreachable:
            raise PageError("the page is not accessible from here: timed out")
        return Fingerprint.of(200, "", (self.constant or self._image(url)).encode())

    @contextmanager
    def watched(self, url: str, is_new: Callable[[Fingerprint], bool]) -> Iterator[Watch]:
        yield _Watched(lambda: is_new(self.fetch(url)), self.failing)

    def close(self) -> None:
        """There are no connections."""

    def _image(self, url: str) -> str:
        row = next(
            row
            for row in self._cloud.tables.rows.values()
            if row.url == url and row.service is not None
        )
        application, service = row.application.name, row.environment.value.lower()
        if service.startswith("prod"):
            which = "test" if url.endswith(":8080") else "production"
            listener = self._cloud.stacks.estate.listener(application, which)
            (group,) = self._cloud.load_balancer.listeners[listener]
            slots = ("prod-1", "prod-2")
            target_group = self._cloud.stacks.estate.target_group
            service = next(slot for slot in slots if target_group(application, slot) == group)
        return self._cloud.containers.running(application, service).image


class _Watched:
    """A page that is requested only once, at the end of the step."""

    def __init__(self, is_new: Callable[[], bool], failed: int) -> None:
        self.requests, self.failed = 1, failed
        self.first_new: float | None = None
        self._is_new = is_new

    def wait_for_new(self, seconds: float) -> None:
        if self._is_new():
            self.first_new = seconds


# The version of the service by the name of its stack.
VERSIONS = {"devops-ecs-dev": "0.1.0"}


class AccountByHand:
    """Changes the account as a person does in the console; without `allowed` it refuses."""

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.allowed = True
        self.elsewhere = False  # whether the credentials belong to another account
        self.lines: list[LoggedCall] = []

    def installed_version(self, stack: str) -> str:
        self._require("cloudformation:DescribeStacks")
        return VERSIONS.get(stack, "")

    def set_desired_count(self, application: str, service: str, count: int) -> None:
        self._require("ecs:UpdateService")
        self._cloud.containers.service(application, service).desired = count

    def exchange_listeners(self, application: str) -> None:
        self._require("elasticloadbalancing:ModifyListener")
        listener, groups = self._cloud.stacks.estate.listener, self._cloud.load_balancer.listeners
        one, other = (listener(application, which) for which in ("production", "test"))
        groups[one], groups[other] = groups[other], groups[one]

    def remaining(self, application: str) -> list[str]:
        self._require("cloudformation:DescribeStacks")
        stacks = self._cloud.stacks.stacks.values()
        there = [each for each in stacks if each.status != "DELETE_COMPLETE"]
        if self.elsewhere:
            return []
        return [f"the stack {each.name}" for each in there if each.name == application]

    def logged(self, application: str, since: datetime) -> list[LoggedCall]:
        del application, since
        self._require("logs:FilterLogEvents")
        return self.lines

    def _require(self, action: str) -> None:
        if not self.allowed:
            raise NotPossibleError(f"AWS refused {action}: AccessDeniedException")


class Acceptance:
    """A machine on which the acceptance test runs, with its directory."""

    def __init__(self, cloud: FakeCloud, directory: Path) -> None:
        self.cloud, self.directory = cloud, directory
        self.network, self.clock = Network(cloud), Clock(cloud)
        self.pages, self.account = PagesOfImages(cloud), AccountByHand(cloud)
        self.printed: list[str] = []
        for number, image in enumerate(options.IMAGES):
            cloud.containers.resolved[image] = (f"sha256:{number:064}",)
        missing = f"{options.parse([]).failing}"
        cloud.containers.behaviours[missing] = CRASH

    @property
    def runtime(self) -> run.Runtime:
        """The parts of this machine."""
        return run.Runtime(
            environment={"DEVOPS_API": API, "DEVOPS_CONFIG": str(self.directory / "config")},
            clock=self.clock,
            out=self.printed.append,
            credentials=lambda _: Source(None, "eu-west-1"),
            pages=lambda _: self.pages,
            account=lambda *_: self.account,
            transport=self.network,
        )

    def run(self, *arguments: str) -> int:
        """Run the program with arguments; return its exit code."""
        chosen = options.parse([*arguments, "--directory", str(self.directory)])
        runtime = self.runtime
        with locked(self.directory) as state:
            if chosen.remove:
                return run.remove(runtime, chosen.limits, state)
            return run.test(runtime, chosen, state)

    @property
    def state(self) -> State:
        return State(self.directory)

    def report(self) -> str:
        """Return the report in Markdown."""
        return (self.directory / "report.md").read_text()

    def checks(self, outcome: str) -> list[tuple[str, str, str]]:
        """Return the checks with an outcome: step, text and reason."""
        checks = json.loads((self.directory / "report.json").read_text())["checks"]
        return [
            (each["step"], each["text"], each["reason"])
            for each in checks
            if each["outcome"] == outcome
        ]
