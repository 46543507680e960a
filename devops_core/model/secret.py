"""A reference to a secret of Secrets Manager or a parameter of SSM."""

from __future__ import annotations

import re
from typing import NamedTuple

# Secrets Manager appends it to the name in an ARN (Secrets Manager User Guide, "What's in a Secrets
# Manager secret?", "Secret ARN").
_RANDOM_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}\Z")


class Secret(NamedTuple):
    """A secret or a parameter. `service` is "secretsmanager" or "ssm".

    `name` is the name without a random suffix, and without the first slash of a parameter. The ARN
    of a secret can lack the suffix, and then an end of the name that looks like a suffix is missing
    here too.
    """

    arn: str
    service: str
    region: str
    name: str

    @classmethod
    def parse(cls, arn: str) -> Secret:
        """Return the secret of a valid ARN without key, stage and version."""
        _, _, service, region, _, resource = arn.split(":", 5)
        if service == "ssm":
            return cls(arn, service, region, resource.removeprefix("parameter/"))
        return cls(arn, service, region, _RANDOM_SUFFIX.sub("", resource.removeprefix("secret:")))
