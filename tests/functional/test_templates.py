"""The application template: an operation records its bytes and sends exactly these."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.operation import LEASE
from devops_core.model.template import Template
from devops_core.settings import TemplateLocation
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient
from tests.lab.fakes import Crash, FakeCloud
from tests.lab.templates import SMALL

OLD, NEW = f"{SMALL}# old\n".encode(), f"{SMALL}# new\n".encode()
URL = "s3://ecs-cf-bucket/application.yml"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sent(cloud: FakeCloud) -> list[bytes]:
    """Return the templates that CloudFormation has received."""
    return [cloud.stacks.template_of(request).encode() for request in requests(cloud)]


def requests(cloud: FakeCloud) -> list[dict[str, Any]]:
    """Return the inputs of CreateStack."""
    return [call.args[0] for call in cloud.wire.journal if call.name == "stacks.create"]


def recorded(cloud: FakeCloud) -> Template | None:
    (operation,) = cloud.tables.operations.values()
    template: Template | None = operation.details.template
    return template


def update(cloud: FakeCloud) -> None:
    """Upload another template."""
    cloud.templates.versions["v2"] = NEW


@pytest.fixture(autouse=True)
def old(cloud: FakeCloud) -> None:
    cloud.templates.versions["v1"] = OLD


def test_the_newest_template_is_sent_and_recorded(cloud: FakeCloud, api: Client) -> None:
    update(cloud)
    api.create()
    assert recorded(cloud) == Template(url=URL, version="v2", sha256=sha256(NEW))
    assert sent(cloud) == [NEW]


def test_a_template_is_recorded_before_it_is_sent(cloud: FakeCloud, api: Client) -> None:
    records: list[Any] = []
    cloud.wire.on("stacks.create", lambda: records.append(recorded(cloud)))
    api.create()
    assert records == [Template(url=URL, version="v1", sha256=sha256(OLD))]


def test_the_response_contains_the_version_of_the_template(cloud: FakeCloud, api: Client) -> None:
    reply = api.create()
    shown = {"version": "v1", "sha256": sha256(OLD)}
    assert reply.operation["template"] == shown
    ended = api.finished(reply)
    assert ended.operation["template"] == shown
    cloud.push("1.0")
    assert "template" not in api.deploy("1.0").operation


def test_a_template_without_a_version_is_recorded_by_its_hash(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.templates.versioned = False
    assert api.create().operation["template"] == {"sha256": sha256(OLD)}


@pytest.mark.parametrize("error", [Crash(), UnreachableError("no answer")])
def test_a_worker_that_takes_over_sends_the_recorded_template(
    cloud: FakeCloud, api: Client, error: BaseException
) -> None:
    cloud.wire.fail("stacks.create", error, times=1)
    _tried(api)
    update(cloud)
    cloud.clock.wait(LEASE.total_seconds())
    start = len(cloud.wire.journal)
    api.settle()
    (read,) = [call for call in cloud.wire.journal[start:] if call.name == "templates.read"]
    assert (read.args[0].url, read.args[1]) == (URL, "v1")
    assert sent(cloud) == [OLD, OLD]
    assert recorded(cloud) == Template(url=URL, version="v1", sha256=sha256(OLD))
    assert cloud.stacks.named("Shop") is not None


def test_a_new_template_location_applies_to_later_creates(cloud: FakeCloud, api: Client) -> None:
    cloud.wire.fail("stacks.create", UnreachableError("no answer"), times=1)
    api.create()
    elsewhere = FakeCloud(template=cloud.settings.template.parse("s3://other/a.yml"))
    cloud.settings = elsewhere.settings
    cloud.clock.wait(LEASE.total_seconds())
    start = len(cloud.wire.journal)
    api.settle()
    reads = [call for call in cloud.wire.journal[start:] if call.name == "templates.read"]
    assert [call.args[0].bucket for call in reads] == ["ecs-cf-bucket"]


@pytest.mark.parametrize("versioned", [True, False])
def test_a_template_that_differs_from_the_record_is_not_sent(
    cloud: FakeCloud, api: Client, versioned: bool
) -> None:
    cloud.templates.versioned = versioned
    cloud.wire.fail("stacks.create", UnreachableError("no answer"), times=1)
    reply = api.create()
    cloud.templates.versions["v1"] = NEW
    cloud.clock.wait(LEASE.total_seconds())
    failed = api.finished(reply)
    assert (failed.operation["status"], failed.operation["reasons"]) == (
        "FAILED", ["the application template has changed since the operation began"],
    )  # fmt: skip
    assert sent(cloud) == [OLD]
    assert cloud.tables.rows == {}
    assert cloud.stacks.named("Shop") is None


def test_a_removed_template_version_fails_the_create(cloud: FakeCloud, api: Client) -> None:
    cloud.wire.fail("stacks.create", UnreachableError("no answer"), times=1)
    reply = api.create()
    cloud.templates.versions = {"v2": NEW}
    cloud.clock.wait(LEASE.total_seconds())
    failed = api.finished(reply)
    assert failed.operation["reasons"] == [f"the application template {URL} is missing"]


def test_a_create_without_rows_sends_nothing(cloud: FakeCloud, api: Client) -> None:
    """The rows and the record of the application were removed by hand."""
    cloud.wire.fail("stacks.create", ThrottledError("slow down"), times=1)
    reply = api.create()
    cloud.tables.rows.clear()
    cloud.tables.records.clear()
    start = len(cloud.wire.journal)
    failed = api.finished(reply)
    assert (failed.operation["status"], failed.operation["reasons"]) == (
        "FAILED", ["the application's rows, or its template, are not on record"],
    )  # fmt: skip
    assert cloud.wire.count("stacks.create", start) == 0


# --- a template that is too large for a request ---

LARGE = f"{SMALL}{'#' * 51_200}".encode()


def test_a_large_template_is_sent_by_the_url_of_the_recorded_version(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.templates.versions["a/b+c"] = LARGE
    cloud.wire.fail("stacks.create", Crash(), times=1)
    _tried(api)
    update(cloud)
    cloud.clock.wait(LEASE.total_seconds())
    api.settle()
    first, second = requests(cloud)
    assert "TemplateBody" not in first
    assert first["TemplateURL"] == second["TemplateURL"] == (
        "https://ecs-cf-bucket.s3.eu-west-1.amazonaws.com/application.yml?versionId=a%2Fb%2Bc"
    )  # fmt: skip
    assert sent(cloud) == [LARGE, LARGE]
    assert cloud.stacks.named("Shop") is not None


@pytest.mark.parametrize(
    ("url", "changes", "expected"),
    [
        ("s3://b/folder/a b.yml", {}, "https://b.s3.eu-west-1.amazonaws.com/folder/a%20b.yml"),
        (
            "s3://b/a.yml",
            {"stack_role": "arn:aws-cn:iam::123456789012:role/stack", "region": "cn-north-1"},
            "https://b.s3.cn-north-1.amazonaws.com.cn/a.yml",
        ),
        ("https://s3.eu-west-3.amazonaws.com/b/a.yml", {},
         "https://s3.eu-west-3.amazonaws.com/b/a.yml"),
        ("https://b.s3.amazonaws.com/a%20b.yml", {}, "https://b.s3.amazonaws.com/a%20b.yml"),
        ("s3://my.b/a b.yml", {}, "https://s3.eu-west-1.amazonaws.com/my.b/a%20b.yml"),
        ("https://my.b.s3.eu-west-3.amazonaws.com/a.yml", {},
         "https://s3.eu-west-3.amazonaws.com/my.b/a.yml"),
        ("https://my.b.s3-eu-west-1.amazonaws.com/a.yml", {},
         "https://s3-eu-west-1.amazonaws.com/my.b/a.yml"),
        ("https://s3.eu-west-3.amazonaws.com/my.b/a.yml", {},
         "https://s3.eu-west-3.amazonaws.com/my.b/a.yml"),
    ],
)  # fmt: skip
def test_the_url_of_a_large_template_has_the_form_of_the_parameter(
    url: str, changes: dict[str, Any], expected: str
) -> None:
    cloud = FakeCloud(template=TemplateLocation.parse(url), **changes)
    cloud.templates.versions["v1"] = LARGE
    assert Client(cloud).create().status == 202
    (request,) = requests(cloud)
    assert request["TemplateURL"] == f"{expected}?versionId=v1"


@pytest.mark.parametrize("bucket", ["ecs-cf-bucket", "my.bucket", "a.b.c", "s3.b"])
def test_a_bucket_is_in_the_path_of_the_url_if_it_is_for_the_sdk(bucket: str) -> None:
    cloud = FakeCloud(template=TemplateLocation.parse(f"s3://{bucket}/folder/a b.yml"))
    cloud.templates.versions["v1"] = LARGE
    Client(cloud).create()
    (request,) = requests(cloud)
    # The signature is only in the query.
    config = Config(signature_version=UNSIGNED)
    s3 = boto3.client("s3", region_name=cloud.settings.region, config=config)
    parameters = {"Bucket": bucket, "Key": "folder/a b.yml"}
    signed = s3.generate_presigned_url("get_object", Params=parameters)
    # The SDK writes the global host into the URL of another region.
    assert urlsplit(request["TemplateURL"]).path == urlsplit(signed).path


def test_the_dry_run_of_a_large_template_reads_its_parameters(
    cloud: FakeCloud, dry: DryClient
) -> None:
    cloud.templates.versions["v1"] = LARGE
    assert dry.create().body["plan"]["template"] == {"version": "v1", "sha256": sha256(LARGE)}


def test_a_large_template_in_a_bucket_without_versioning_fails_the_create(
    cloud: FakeCloud, api: Client
) -> None:
    """Otherwise CloudFormation could read other bytes than the service has checked."""
    cloud.templates.versions["v1"] = LARGE
    cloud.templates.versioned = False
    failed = api.create()
    assert failed.operation["reasons"] == [
        f"the application template cannot be used: the template has {len(LARGE)} bytes; over 51200"
        " its bucket needs versioning"
    ]
    assert requests(cloud) == []


# --- roles with names ---


def test_a_role_with_a_name_requires_the_parameter_of_the_installation(
    cloud: FakeCloud, api: Client
) -> None:
    role = '{R: {Type: AWS::IAM::Role, Properties: {RoleName: !Sub "${AWS::StackName}_task"}}}'
    cloud.templates.versions["v1"] = SMALL.replace("{}", role).encode()
    refused = api.create().operation["reasons"]
    assert "a role with a name requires namedroles in parameters.yml" in refused[0]
    assert requests(cloud) == []
    cloud.settings = cloud.settings._replace(named_roles=True)
    assert api.create().status == 202
    (request,) = requests(cloud)
    assert request["Capabilities"] == ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


# --- a template that cannot be read at first ---


@pytest.mark.parametrize(
    "error", [ThrottledError("AWS throttles GetObject"), UnreachableError("no answer")]
)
def test_a_failed_read_of_the_template_is_repeated(
    cloud: FakeCloud, api: Client, error: AwsError
) -> None:
    cloud.wire.fail("templates.read", error, times=1)
    start = len(cloud.wire.journal)
    reply = api.create()
    assert cloud.wire.names(start) == [
        "templates.read", "tables.claim", "templates.read", "tables.save", "stacks.create",
        "tables.save",
    ]  # fmt: skip
    assert (reply.status, reply.operation["template"]["version"]) == (202, "v1")
    assert sent(cloud) == [OLD]
    assert api.finished(reply).operation["status"] == "SUCCEEDED"


def test_a_create_waits_for_the_right_to_read_the_template(cloud: FakeCloud, api: Client) -> None:
    denied = AccessDeniedError("the service's role lacks the permission s3:GetObject")
    cloud.wire.fail("templates.read", denied)
    reply = api.create()
    assert (reply.status, reply.operation["waitingFor"]) == (202, denied.message)
    assert "template" not in reply.operation
    api.tick()
    assert api.status(reply.id).operation["waitingFor"] == denied.message
    cloud.wire.heal()
    update(cloud)
    done = api.finished(reply)
    assert (done.operation["status"], done.operation["template"]["version"]) == ("SUCCEEDED", "v2")
    assert sent(cloud) == [NEW]


def test_a_template_that_was_read_late_is_recorded_before_it_is_sent(
    cloud: FakeCloud, api: Client
) -> None:
    """The worker crashes after the record; the next worker sends the same template."""
    cloud.wire.fail("templates.read", ThrottledError("slow down"), times=1)
    cloud.wire.fail("stacks.create", Crash(), times=1)
    _tried(api)
    assert recorded(cloud) == Template(url=URL, version="v1", sha256=sha256(OLD))
    update(cloud)
    cloud.clock.wait(LEASE.total_seconds())
    api.settle()
    assert sent(cloud) == [OLD, OLD]


def test_a_missing_template_fails_the_create_and_leaves_nothing(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.templates.versions.clear()
    reply = api.create()
    assert reply.status == 424
    assert reply.body["errorMessage"] == f"the application template {URL} is missing"
    assert reply.operation["status"] == "FAILED"
    assert (cloud.tables.rows, cloud.stacks.named("Shop")) == ({}, None)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            SMALL.replace("Resources", "Rules").encode(),
            "Template format error: At least one Resources member must be defined.",
        ),
        (
            b"Resources: {}",
            "the application template cannot be used: it lacks the outputs RepositoryUri, ",
        ),
        (b"", "the application template cannot be used: the template is empty"),
        (b"\xff\xfe", "the application template cannot be used: "),
        (SMALL.encode().ljust(1_000_001), "the application template cannot be used: the template"),
        (
            SMALL.replace("{}", "{P: {Type: AWS::IAM::Policy, Properties: {Roles: [a]}}}").encode(),
            "the application template cannot be used: IAM resources must have the type AWS::IAM::",
        ),
    ],
)
def test_an_unusable_template_fails_the_create(
    cloud: FakeCloud, api: Client, content: bytes, reason: str
) -> None:
    cloud.templates.versions["v2"] = content
    reply = api.create()
    assert reply.status == 424
    assert reply.operation["reasons"][0].startswith(reason)
    assert (cloud.tables.rows, cloud.stacks.named("Shop")) == ({}, None)


def _tried(api: Client) -> Reply | None:
    try:
        return api.create()
    except Crash:
        return None
