"""The S3 object that the TemplateURL of a CloudFormation call names; no I/O."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

# A host with the bucket in its name. Other hosts have the bucket in the path (Amazon S3 User Guide,
# "Virtual hosting of general purpose buckets").
_VIRTUAL_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-][a-z0-9.-]+")


class TemplateObject(NamedTuple):
    """The object of a template; without a `version` it is the newest one."""

    bucket: str
    key: str
    version: str | None

    @classmethod
    def parse(cls, url: str) -> TemplateObject:
        """Parse a URL (CloudFormation User Guide, "Selecting a stack template")."""
        parts = urlsplit(url)
        path = unquote(parts.path.lstrip("/"))
        version = next(iter(parse_qs(parts.query).get("versionId", ())), None)
        virtual = _VIRTUAL_HOST.fullmatch(parts.hostname or "")
        if virtual:
            return cls(virtual["bucket"], path, version)
        bucket, _, key = path.partition("/")
        return cls(bucket, key, version)
