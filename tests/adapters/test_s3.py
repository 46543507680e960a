from __future__ import annotations

from typing import Any

import pytest

from devops_core.adapters.aws.models import MODELLED
from devops_core.adapters.s3 import S3Templates
from devops_core.errors import AccessDeniedError, RefusedError
from devops_core.settings import TemplateLocation
from tests.adapters.conftest import REGION, Aws
from tests.lab.moto.hooks import refuse

ACCOUNT = "123456789012"
LOCATION = TemplateLocation.parse("s3://templates/application.yml")
MISSING = "the application template s3://templates/application.yml is missing"


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("s3")


@pytest.fixture
def templates(client: Any) -> S3Templates:
    client.create_bucket(
        Bucket="templates", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return S3Templates(client, ACCOUNT)


def put(client: Any, content: bytes) -> Any:
    return client.put_object(Bucket="templates", Key="application.yml", Body=content)


def versioned(client: Any) -> None:
    configuration = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket="templates", VersioningConfiguration=configuration)


def test_an_old_version_of_a_template_can_be_read(templates: S3Templates, client: Any) -> None:
    versioned(client)
    first = put(client, b"one")["VersionId"]
    second = put(client, b"two")["VersionId"]

    assert templates.read(LOCATION, None) == (b"two", second)
    assert templates.read(LOCATION, first) == (b"one", first)


def test_a_template_in_a_bucket_without_versioning_has_no_version(
    templates: S3Templates, client: Any
) -> None:
    put(client, b"one")

    assert templates.read(LOCATION, None) == (b"one", None)


def test_an_object_older_than_versioning_has_no_version(
    templates: S3Templates, client: Any
) -> None:
    put(client, b"one")
    versioned(client)

    assert templates.read(LOCATION, None) == (b"one", None)


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket", "NoSuchVersion"])
def test_a_missing_template_is_named(templates: S3Templates, client: Any, code: str) -> None:
    refuse(client, "GetObject", code, status=404)

    with pytest.raises(RefusedError, match=MISSING):
        templates.read(LOCATION, None)


def test_a_template_that_was_never_uploaded_is_missing(templates: S3Templates) -> None:
    with pytest.raises(RefusedError, match=MISSING):
        templates.read(LOCATION, None)


def test_a_template_that_cannot_be_read_is_an_error(templates: S3Templates, client: Any) -> None:
    refuse(client, "GetObject", "AccessDenied", status=403)

    with pytest.raises(AccessDeniedError):
        templates.read(LOCATION, None)


def test_an_existing_bucket_has_no_problem(templates: S3Templates, client: Any) -> None:
    put(client, b"one")

    assert templates.check("templates", LOCATION) == {}


def test_a_missing_bucket_and_template_are_named(templates: S3Templates) -> None:
    assert templates.check("nowhere", LOCATION) == {
        "bucket": "the bucket nowhere does not exist",
        "template": MISSING,
    }


def test_missing_permissions_are_named(templates: S3Templates, client: Any) -> None:
    refuse(client, "HeadBucket", "403", "Forbidden", status=403)
    refuse(client, "HeadObject", "403", "Forbidden", status=403)

    assert templates.check("templates", LOCATION) == {
        "bucket": "the service's role lacks the permission s3:ListBucket",
        "template": "the service's role lacks the permission s3:GetObject",
    }


def test_each_call_names_the_owner_of_the_bucket(templates: S3Templates, client: Any) -> None:
    """botocore's model has the operations that accept ExpectedBucketOwner."""
    put(client, b"one")
    calls: dict[str, Any] = {}
    client.meta.events.register(
        "before-parameter-build.s3",
        lambda params, model, **_: calls.update({model.name: params.get("ExpectedBucketOwner")}),
    )

    templates.read(LOCATION, None)
    templates.check("templates", LOCATION)

    # botocore itself calls CreateSession, only for buckets of S3 Express.
    assert calls == dict.fromkeys({*MODELLED["s3"]} - {"CreateSession"}, ACCOUNT)
    for operation in calls:
        model = client.meta.service_model.operation_model(operation)
        assert "ExpectedBucketOwner" in model.input_shape.members
