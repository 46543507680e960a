"""S3: the object with the application template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from devops_core.adapters.aws.errors import code, translated
from devops_core.errors import AwsError, RefusedError
from devops_core.settings import TemplateLocation

# The error of a HEAD request has only the HTTP status as its code.
_MISSING = ("NoSuchBucket", "NoSuchKey", "NoSuchVersion", "404")
# The version of objects in a bucket without versioning.
_UNVERSIONED = "null"


class S3Templates:
    """`ports.aws.TemplateStore` over S3, only for buckets of the account `owner`.

    Anyone can create a bucket with the name of a deleted one; S3 refuses the buckets of others.
    """

    def __init__(self, client: Any, owner: str) -> None:
        self._client = client
        self._of_owner = {"ExpectedBucketOwner": owner}

    @translated()
    def read(self, location: TemplateLocation, version: str | None) -> tuple[bytes, str | None]:
        """Return the bytes and the version of a template, by default of its newest version.

        The version is None in a bucket without versioning. RefusedError if the template is missing.
        """
        selected = {"VersionId": version} if version else {}
        try:
            response = self._client.get_object(
                Bucket=location.bucket, Key=location.key, **selected, **self._of_owner
            )
        except ClientError as error:
            if code(error) in _MISSING:
                raise RefusedError(_missing_template(location)) from error
            raise
        found = response.get("VersionId")
        return response["Body"].read(), None if found == _UNVERSIONED else found

    def check(self, bucket: str, location: TemplateLocation) -> Mapping[str, str]:
        """Return the errors of reading the bucket and the template, by `bucket` or `template`."""
        head = partial(
            self._client.head_object, Bucket=location.bucket, Key=location.key, **self._of_owner
        )
        problems = {
            "bucket": _problem(
                partial(self._client.head_bucket, Bucket=bucket, **self._of_owner),
                f"the bucket {bucket} does not exist",
            ),
            "template": _problem(head, _missing_template(location)),
        }
        return {name: problem for name, problem in problems.items() if problem}


def _problem(call: Callable[[], Any], missing: str) -> str | None:
    try:
        with translated():
            call()
    except AwsError as error:
        cause = error.__cause__
        is_missing = isinstance(cause, ClientError) and code(cause) in _MISSING
        return missing if is_missing else error.message
    return None


def _missing_template(location: TemplateLocation) -> str:
    return f"the application template {location.url} is missing"
