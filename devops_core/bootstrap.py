"""The one place that reads the environment and makes AWS clients.

Nearly every call is a cold start, so each adapter and its client are loaded when they are first
needed, and kept as long as the process lives.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from devops_core.adapters.aws.session import new_session
from devops_core.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from botocore.session import Session

    from devops_core import ports
    from devops_core.metrics import Metric

# Three tries of at most ten seconds each: API Gateway gives up after 29 s, so a fourth would have
# nobody to answer.
CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    max_pool_connections=10,
)
# More than any step sends at once (production: two listeners, services, healthy targets twice).
_MAX_THREADS = 8


@cache
def cloud() -> ports.Cloud:
    """Return everything outside, as the environment of this process says; made once."""
    return AwsCloud(Settings.from_environment(os.environ))


class SystemClock:
    """`ports.Clock` of the machine."""

    def now(self) -> datetime:
        """Return the time in whole milliseconds, as the tables hold it."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def wait(self, seconds: float) -> None:
        """Let the time pass."""
        threading.Event().wait(seconds)


class AwsCloud:
    """`ports.Cloud` over one AWS account and region, and one session, which may be given."""

    def __init__(self, settings: Settings, session: Session | None = None) -> None:
        self.settings = settings
        self.clock: ports.Clock = SystemClock()
        # Clients may be used by several threads at once, a session may not make two at once
        # (botocore documentation, "Multithreading or multiprocessing with clients").
        self._session = session or new_session()
        self._making = threading.Lock()

    @cached_property
    def tables(self) -> ports.Tables:
        """DynamoDB."""
        from devops_core.adapters.dynamodb.tables import DynamoTables

        return DynamoTables(self._client("dynamodb"), self.settings.tables, self.clock.now)

    @cached_property
    def listing(self) -> ports.Listing:
        """DynamoDB, page by page."""
        from devops_core.adapters.dynamodb.listing import DynamoListing

        return DynamoListing(self._client("dynamodb"), self.settings.tables, self.together)

    @cached_property
    def stacks(self) -> ports.Stacks:
        """CloudFormation."""
        from devops_core.adapters.cloudformation import CloudFormationStacks

        return CloudFormationStacks(self._client("cloudformation"), self.settings.stack_role)

    @cached_property
    def containers(self) -> ports.Containers:
        """ECS."""
        from devops_core.adapters.ecs import EcsContainers

        return EcsContainers(self._client("ecs"))

    @cached_property
    def load_balancer(self) -> ports.LoadBalancer:
        """Elastic Load Balancing."""
        from devops_core.adapters.elbv2 import AlbLoadBalancer

        return AlbLoadBalancer(self._client("elbv2"))

    @cached_property
    def images(self) -> ports.ImageRegistry:
        """ECR."""
        from devops_core.adapters.ecr import EcrImages

        return EcrImages(self._client("ecr"))

    @cached_property
    def templates(self) -> ports.TemplateStore:
        """S3."""
        from devops_core.adapters.s3 import S3Templates

        return S3Templates(self._client("s3"))

    @cached_property
    def web(self) -> ports.Web:
        """The applications' own pages."""
        from devops_core.adapters.web import HttpWeb

        return HttpWeb()

    def log(self, message: str, **facts: Any) -> None:
        """Write one line of JSON to standard output, which Lambda keeps in CloudWatch Logs."""
        # What is done must not fail because it cannot be told.
        with suppress(Exception):
            sys.stdout.write(json.dumps({"message": message} | facts, default=str) + "\n")
            sys.stdout.flush()

    def measure(self, message: str, values: Mapping[Metric, float], **facts: Any) -> None:
        """Write such a line in CloudWatch's embedded metric format."""
        from devops_core.metrics import members

        with suppress(Exception):
            now = self.clock.now()
            self.log(message, **members(self.settings.api_stage, now, values, facts))

    def new_id(self) -> str:
        """Return a new ULID: sorts by time."""
        from devops_core.operation_id import new_operation_id

        return new_operation_id(self.clock.now())

    def together(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make calls at the same time; all are finished before the first error is raised.

        Not from within another call of it: a pool whose threads wait for the pool stands still.
        """
        if len(calls) < 2:
            return [call() for call in calls]
        from concurrent.futures import wait

        futures = [self._threads.submit(call) for call in calls]
        wait(futures)
        return [future.result() for future in futures]

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="together")

    def _client(self, service: str) -> Any:
        with self._making:
            return self._session.create_client(
                service, region_name=self.settings.region, config=CLIENT_CONFIG
            )
