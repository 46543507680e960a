"""All ports of the service, in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from devops_core.access import AccessPolicy
from devops_core.naming import SLOTS, EcrRegistry, Image
from devops_core.registries import AllowedRegistries
from devops_core.settings import Settings, TableNames, TemplateLocation
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.containers import FakeContainers
from tests.lab.fakes.images import FakeImages, FakeTemplates
from tests.lab.fakes.listing import FakeListing
from tests.lab.fakes.load_balancer import FakeLoadBalancer
from tests.lab.fakes.logs import FakeLogs
from tests.lab.fakes.monitoring import FakeMonitoring
from tests.lab.fakes.outbox import FakeNotifications, FakeOutbox
from tests.lab.fakes.scaling import FakeScaling
from tests.lab.fakes.secrets import FakeSecretTags
from tests.lab.fakes.stacks import FakeStacks
from tests.lab.fakes.tables import FakeTables
from tests.lab.fakes.task_service import OK
from tests.lab.fakes.web import FakeWeb
from tests.lab.fakes.wire import Wire

ACCOUNT = "123456789012"
REGION = "eu-west-1"
T = TypeVar("T")
WorkOff = Callable[[Iterable[Callable[[], Any]], int, datetime], list[Any]]
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


def settings(**changes: Any) -> Settings:
    """Return the settings of an installation; `changes` replace some of them."""
    usual = Settings(
        account=ACCOUNT,
        region=REGION,
        api_stage="dev",
        public_url="",
        tables=TableNames(
            non_production="ECS_Inventory_NonProduction",
            production="ECS_Inventory_Production",
            training_da="ECS_Inventory_TrainingDA",
            log="DevOpsLogsTable",
        ),
        template=TemplateLocation.parse("s3://ecs-cf-bucket/application.yml"),
        template_bucket="ecs-cf-bucket",
        initial_image=f"{REGISTRY}/first:1",
        vpc="vpc-1",
        subnets="subnet-1,subnet-2",
        load_balancer_subnets="subnet-3,subnet-4",
        security_group="sg-1",
        load_balancer_security_group="sg-2",
        stack_role=f"arn:aws:iam::{ACCOUNT}:role/devops-ecs-stacks",
        permissions_boundary=f"arn:aws:iam::{ACCOUNT}:policy/devops-ecs/boundary",
        required_tags=(),
        log_retention_days="30",
        production_scheme="internal",
        certificate="",
        access=AccessPolicy(),
        registries=AllowedRegistries(EcrRegistry(ACCOUNT, REGION)),
        authentication="iam",
        max_vcpus=None,
    )
    return usual._replace(**changes)


def without_metrics(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a log line except those of the embedded metric format."""
    if "_aws" not in facts:
        return dict(facts)
    added = {"_aws"}
    for directive in facts["_aws"]["CloudWatchMetrics"]:
        added.update(metric["Name"] for metric in directive["Metrics"])
        added.update(name for names in directive["Dimensions"] for name in names)
    return {name: value for name, value in facts.items() if name not in added}


def in_turn(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Make calls in order and return their responses; raise the first error after all calls."""
    answers, errors = [], []
    for call in calls:
        try:
            answers.append(call())
        except Exception as error:  # noqa: BLE001 - the other calls follow
            errors.append(error)
    if errors:
        raise errors[0]
    return answers


def one_worker(calls: Iterable[Callable[[], Any]], workers: int, until: datetime) -> list[Any]:
    """Make calls in order, without a time limit, and return their results."""
    del workers, until
    return [call() for call in calls]


class FakeCloud:
    """`ports.Cloud`.

    `lines` has the message and the members of each log line, `measured` the lines with metrics as
    CloudWatch gets them. With `backwards`, simultaneous calls are made in reverse order, because
    AWS can execute them in any order. `together` makes simultaneous calls. `workers` takes over
    the calls of `work_off`, a number of workers and the time limit.
    """

    def __init__(self, **changes: Any) -> None:
        self.settings = settings(**changes)
        self.wire = Wire()
        self.clock = FakeClock()
        self.tables = FakeTables(self.wire, self.clock)
        self.listing = FakeListing(self.wire, self.tables)
        self.outbox = FakeOutbox(self.wire, self.tables)
        self.notifications = FakeNotifications(self.wire)
        self.containers = FakeContainers(self.wire, self.clock, f"arn:aws:ecs:{REGION}:{ACCOUNT}")
        self.scaling = FakeScaling(self.wire, self.containers, self.clock)
        self.logs = FakeLogs(self.wire)
        self.load_balancer = FakeLoadBalancer(self.wire, self.containers, self.clock)
        self.monitoring = FakeMonitoring(self.wire, self.clock)
        self.images = FakeImages(self.wire)
        self.templates = FakeTemplates(self.wire)
        self.stacks = FakeStacks(
            self.wire, self.containers, self.load_balancer, self.templates, ACCOUNT
        )
        self.secret_tags = FakeSecretTags(self.wire)
        self.web = FakeWeb(self.wire, self.clock)
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.measured: list[dict[str, Any]] = []
        self.backwards = False
        self.together: Callable[[Sequence[Callable[[], Any]]], list[Any]] = in_turn
        self.workers: WorkOff = one_worker

    def log(self, message: str, **facts: Any) -> None:
        """Record a log line and its metrics; its members must be JSON."""
        json.dumps(facts, default=str)
        if "_aws" in facts:
            self.measured.append(facts)
        self.lines.append((message, without_metrics(facts)))

    def new_id(self) -> str:
        """Return a ULID of the time and a counter."""
        return self.clock.new_id()

    def gather(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make simultaneous calls, one after the other unless `together` makes them otherwise."""
        return in_turn(calls[::-1])[::-1] if self.backwards else self.together(calls)

    def work_off(self, calls: Iterable[Callable[[], T]], workers: int, until: datetime) -> list[T]:
        """Make calls in order, one after the other unless `workers` makes them otherwise."""
        return self.workers(calls, workers, until)

    def live(self, application: str) -> str | None:
        """Return the live slot, None unless production forwards to exactly one slot."""
        estate = self.stacks.estate
        groups = self.load_balancer.listeners.get(estate.listener(application, "production"))
        slots = (slot for slot in SLOTS if groups == [estate.target_group(application, slot)])
        return next(slots, None)

    def push(self, tag: str, behaviour: str = OK, application: str = "Shop") -> str:
        """Push an image to an application's repository, with the behaviour of its tasks."""
        repository = application.lower()
        digest = self.images.push(repository, tag)
        image = Image(f"{REGISTRY}/{repository}", tag, digest)
        self.containers.behaviours[image.pinned] = behaviour
        return digest

    def resume(self) -> None:
        """Remove all faults, and let services and stacks that a test stopped continue."""
        self.wire.heal()
        self.containers.automatic = True
        self.stacks.pace = 1
        for stack in self.stacks.stacks.values():
            stack.left = stack.left or 1
            for change_set in stack.change_sets.values():
                change_set.left = change_set.left or 1
