"""The only module that reads the environment variables and makes AWS clients.

Nearly every call is a cold start. So each adapter and its client are loaded when a caller first
uses them, and kept for the life of the process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from contextvars import copy_context
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.config import Config

from devops_core import details
from devops_core.adapters.aws.session import new_session
from devops_core.settings import Settings

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from botocore.session import Session

    from devops_core.ports import Clock, Cloud, Web
    from devops_core.ports.aws import (
        Containers,
        ImageRegistry,
        LoadBalancer,
        Logs,
        Monitoring,
        Scaling,
        SecretTags,
        Stacks,
        TemplateStore,
    )
    from devops_core.ports.notifications import Notifications, Outbox
    from devops_core.ports.tables import Listing, Tables

# Three attempts of at most ten seconds each: API Gateway stops waiting after 29 s, so the result of
# a fourth attempt could not reach the caller.
CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    # As many as the threads, so that no connection is closed while others use the client.
    max_pool_connections=64,
)
# For calls without whose results an operation continues.
QUICK_CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=64,
)
# The calls that a step sends at once (production: two listeners, services, and target health
# twice), for each worker of the schedule. A thread is started only if all others are in use.
_MAX_THREADS = 8 * 8

T = TypeVar("T")


@cache
def cloud() -> Cloud:
    """Return the ports for the environment variables of this process; made once."""
    return AwsCloud(Settings.from_environment(os.environ))


class SystemClock:
    """`ports.Clock` of the machine."""

    def now(self) -> datetime:
        """Return the time in whole milliseconds, the precision of the tables."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def wait(self, seconds: float) -> None:
        """Block for a number of seconds."""
        threading.Event().wait(seconds)


class _MadeOnce(Generic[T]):
    """A property of `AwsCloud` that is computed at its first use, once for all threads."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make

    def __get__(self, cloud: AwsCloud, owner: type[AwsCloud]) -> T:
        values, name = vars(cloud), self._make.__name__
        with cloud.making:
            if name not in values:
                # From now on the instance's value hides this descriptor, which defines no __set__.
                values[name] = self._make(cloud)
            made: T = values[name]
            return made


class AwsCloud:
    """`ports.Cloud` over one AWS account and region. It has one session, which can be given."""

    def __init__(self, settings: Settings, session: Session | None = None) -> None:
        self.settings = settings
        self.clock: Clock = SystemClock()
        self._session = session or new_session()
        # Several threads can use a client, but only one can make a client with a session (botocore
        # documentation, "Multithreading or multiprocessing with clients"). Reentrant, because an
        # adapter is made with a client.
        self.making = threading.RLock()

    @_MadeOnce
    def tables(self) -> Tables:
        """DynamoDB."""
        from devops_core.adapters.dynamodb.tables import DynamoTables

        names = self.settings.tables
        return DynamoTables(self._client("dynamodb"), names, self.clock.now, details.details_type)

    @_MadeOnce
    def listing(self) -> Listing:
        """DynamoDB, page by page."""
        from devops_core.adapters.dynamodb.listing import DynamoListing

        names = self.settings.tables
        return DynamoListing(self._client("dynamodb"), names, self.gather, details.details_type)

    @_MadeOnce
    def outbox(self) -> Outbox:
        """DynamoDB, for the notifications that are not sent."""
        from devops_core.adapters.dynamodb.outbox import DynamoOutbox

        return DynamoOutbox(self._client("dynamodb"), self.settings.tables.log)

    @_MadeOnce
    def notifications(self) -> Notifications:
        """EventBridge."""
        from devops_core.adapters.events import EventBridge

        return EventBridge(self._client("events"))

    @_MadeOnce
    def stacks(self) -> Stacks:
        """CloudFormation."""
        from devops_core.adapters.cloudformation import CloudFormationStacks

        return CloudFormationStacks(self._client("cloudformation"), self.settings.stack_role)

    @_MadeOnce
    def containers(self) -> Containers:
        """ECS."""
        from devops_core.adapters.ecs import EcsContainers

        return EcsContainers(self._client("ecs"))

    @_MadeOnce
    def scaling(self) -> Scaling:
        """Application Auto Scaling."""
        from devops_core.adapters.scaling import ApplicationAutoScaling

        return ApplicationAutoScaling(self._client("application-autoscaling"))

    @_MadeOnce
    def logs(self) -> Logs:
        """CloudWatch Logs."""
        from devops_core.adapters.logs import CloudWatchLogs

        return CloudWatchLogs(self._client("logs", QUICK_CONFIG))

    @_MadeOnce
    def load_balancer(self) -> LoadBalancer:
        """Elastic Load Balancing."""
        from devops_core.adapters.elbv2 import AlbLoadBalancer

        return AlbLoadBalancer(self._client("elbv2"))

    @_MadeOnce
    def monitoring(self) -> Monitoring:
        """CloudWatch."""
        from devops_core.adapters.cloudwatch import CloudWatchMonitoring

        # A slow check would delay the return of the requests to the live release.
        return CloudWatchMonitoring(self._client("cloudwatch", QUICK_CONFIG))

    @_MadeOnce
    def images(self) -> ImageRegistry:
        """ECR."""
        from devops_core.adapters.ecr import EcrImages

        return EcrImages(self._client("ecr"))

    @_MadeOnce
    def templates(self) -> TemplateStore:
        """S3."""
        from devops_core.adapters.s3 import S3Templates

        return S3Templates(self._client("s3"), self.settings.account)

    @_MadeOnce
    def secret_tags(self) -> SecretTags:
        """Secrets Manager and SSM."""
        from devops_core.adapters.secrets import SecretTags

        return SecretTags(self._client("secretsmanager"), self._client("ssm"))

    @_MadeOnce
    def web(self) -> Web:
        """HTTP, for pages of the applications."""
        from devops_core.adapters.web import HttpWeb

        return HttpWeb()

    def log(self, message: str, **facts: Any) -> None:
        """Write one line of JSON to standard output, which Lambda sends to CloudWatch Logs."""
        # An operation must not fail because a log line cannot be written.
        with suppress(Exception):
            sys.stdout.write(json.dumps({"message": message} | facts, default=str) + "\n")
            sys.stdout.flush()

    def new_id(self) -> str:
        """Return a new ULID; ids sort by time."""
        from devops_core.operation_id import new_operation_id

        return new_operation_id(self.clock.now())

    def gather(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run calls concurrently and return their results in order.

        All calls have finished when the first error is raised. A call must not use `gather`
        itself: if every thread of the pool waited for the pool, no thread could continue.
        """
        if len(calls) < 2:
            return [call() for call in calls]
        from concurrent.futures import wait

        # The calls of an abandoned worker are abandoned too.
        futures = [self._threads.submit(copy_context().run, call) for call in calls]
        wait(futures)
        return [future.result() for future in futures]

    def work_off(self, calls: Iterable[Callable[[], T]], workers: int, until: datetime) -> list[T]:
        """Make calls in threads; return the results of those that have ended at the time `until`.

        The other calls are abandoned: they send no further requests to AWS.
        """
        # Only the schedule uses these threads.
        from devops_core.adapters.aws.workers import work_off

        return work_off(calls, workers, (until - self.clock.now()).total_seconds())

    @_MadeOnce
    def _threads(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="gather")

    def _client(self, service: str, config: Config = CLIENT_CONFIG) -> Any:
        with self.making:
            return self._session.create_client(
                service, region_name=self.settings.region, config=config
            )
