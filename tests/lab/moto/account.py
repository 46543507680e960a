"""An AWS account in moto, and the service in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache, cached_property
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config

from devops_core.bootstrap import CLIENT_CONFIG, AwsCloud
from devops_core.settings import Settings
from tests.lab.fakes import REGION, settings
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.cloud import in_turn, one_worker
from tests.lab.moto import backends
from tests.lab.moto.application_template import application_template
from tests.lab.moto.completion import Completion
from tests.lab.moto.create_tables import create_tables
from tests.lab.moto.transport import Wire, answered, transport

T = TypeVar("T")

# The environments of the template in S3; `completion` unrolls it again for each stack.
_ENVIRONMENTS = ("dev", "qa", "stage", "training", "da")
# One attempt, so that a fault reaches the service. A repeated send is a separate fault (RESENT).
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 1})


class MotoCloud(AwsCloud):
    """The real adapters over moto, with the clock and the ids of the tests."""

    def __init__(self, given: Settings, clock: FakeClock, client: Callable[[str], Any]) -> None:
        super().__init__(given)
        self.clock = self._time = clock
        self._given = client

    def log(self, message: str, **facts: Any) -> None:
        """Discard the log line."""

    def new_id(self) -> str:
        """Return a ULID of the clock and a counter."""
        return self._time.new_id()

    def gather(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Execute calls one after the other, because moto is not thread-safe."""
        return in_turn(calls)

    def work_off(self, calls: Iterable[Callable[[], T]], workers: int, until: datetime) -> list[T]:
        """Execute calls one after the other."""
        return one_worker(calls, workers, until)

    def _client(self, service: str, config: Config = CLIENT_CONFIG) -> Any:
        del config
        return self._given(service)


class Account:
    """The account, the wire of the service's calls, and clients for the tests."""

    def __init__(self) -> None:
        self.completion = Completion(FakeClock())
        self.wire = Wire(self.completion.deliver)
        self.clients = cache(self._client)
        self.plain = cache(self._plain)

    @property
    def clock(self) -> FakeClock:
        """The clock of the service and of AWS."""
        return self.completion.clock

    @cached_property
    def settings(self) -> Settings:
        """The settings of an installation in this account."""
        ec2 = self.plain("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = ",".join(
            ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("ab")
        )
        group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
        return settings(
            vpc=vpc, subnets=subnets, load_balancer_subnets=subnets,
            security_group=group, load_balancer_security_group=group, waiting_limit=100,
        )  # fmt: skip

    def install(self) -> None:
        """Empty the account and install the tables and the application template."""
        backends.reset()
        self.wire.begin()
        vars(self.completion).update(vars(Completion(FakeClock())))
        create_tables(self.plain("dynamodb"), self.settings.tables)
        location, s3 = self.settings.template, self.plain("s3")
        where = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
        s3.create_bucket(Bucket=location.bucket, **where)
        versioned = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket=location.bucket, VersioningConfiguration=versioned)
        body = application_template(_ENVIRONMENTS)
        s3.put_object(Bucket=location.bucket, Key=location.key, Body=body)

    def cloud(self) -> MotoCloud:
        """Return the cloud of a new process of the service."""
        return MotoCloud(self.settings, self.clock, self.clients)

    def push(self, *versions: str) -> None:
        """Push images to the repository of the application Shop."""
        for version in versions:
            self.plain("ecr").put_image(
                repositoryName="shop", imageTag=version, imageManifest=_manifest(version)
            )

    def save(self) -> bytes:
        """Return the present state of the account."""
        return backends.save(vars(self.completion))

    def restore(self, saved: bytes) -> None:
        """Restore a state of the account, with an empty journal."""
        vars(self.completion).update(backends.restore(saved))
        self.wire.begin()

    @property
    def intact(self) -> bool:
        """Whether moto was not reset since, as `mock_aws` does."""
        return self.settings.vpc in backends.backend("ec2").vpcs

    def _client(self, service: str) -> Any:
        client = _new_client(service)
        self.wire.attach(client)
        self.completion.attach(client)
        return client

    def _plain(self, service: str) -> Any:
        client = _new_client(service)
        transport(client, answered)
        self.completion.attach(client)
        return client


@cache
def _session() -> Any:
    return botocore.session.get_session()


def _new_client(service: str) -> Any:
    # A dummy secret for signing, so that botocore does not search credentials.
    return _session().create_client(
        service,
        region_name=REGION,
        config=_CONFIG,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - see above
    )


def _manifest(version: str) -> str:
    # moto computes the digest of an image from those of its layers.
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": version}
    kind = "application/vnd.oci.image.manifest.v1+json"
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": version}
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]})
