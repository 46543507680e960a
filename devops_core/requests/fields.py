"""Declarations that several kinds of requests share."""

from __future__ import annotations

from collections.abc import Iterable

from devops_core.naming import (
    APPLICATION_NAME,
    DEPLOYABLE,
    IMAGE_DIGEST,
    IMAGE_TAG,
    Environment,
)
from devops_core.requests import schema

APPLICATION = schema.Text(
    APPLICATION_NAME.pattern,
    "must be a letter followed by 1 to 21 letters, digits and single hyphens; it must not end with"
    " a hyphen, '-idle', or a hyphen and an environment or slot (dev, qa, stage, training, da,"
    " prod, prod-1, prod-2), not begin with 'internal-', and not be 'internal', 'deploy',"
    " 'deploytoprodBlue' or 'swapProdBlueAndGreen'",
    name="ApplicationName",
    description="A letter, then 1 to 21 letters, digits and single hyphens. It does not end with a "
    "hyphen, `-idle`, or a hyphen and an environment or slot (`-prod`, `-prod-1`), and does not "
    "begin with `internal-`. `internal`, `deploy`, `deploytoprodBlue` and `swapProdBlueAndGreen` "
    "are reserved.",
)
# The name in requests about an application that exists.
EXISTING = schema.Member(
    APPLICATION,
    "The name of the application. Names are case-sensitive.",
    attribute="application",
    required=True,
)
VERSION = schema.Text(
    IMAGE_TAG.pattern,
    "must be an image tag: 1 to 128 letters, digits, '.', '_' or '-',"
    " without '.' or '-' at the start",
    name="Version",
    description="An image tag: 1 to 128 letters, digits, `.`, `_` or `-`, without `.` or `-` at "
    "the start.",
)
DIGEST = schema.Text(
    IMAGE_DIGEST.pattern,
    "must be the digest of an image: 'sha256:' and 64 hexadecimal digits in lower case",
    name="Digest",
    description="The digest of an image: `sha256:` and 64 hexadecimal digits in lower case.",
)
TEAM = schema.Text(
    r" *[\w.:/=+@-][\w .:/=+@-]*",
    "must be text of 1 to 256 letters, digits, spaces or _.:/=+@-, and more than spaces",
    256,
    name="TeamName",
    description="The team that owns the application. At least one character is not a space.",
)


def environments(names: Iterable[Environment], component: str) -> schema.Choice:
    """Return the choice of one of some environments, in lower case."""
    return schema.Choice({name.lower(): name for name in names}, component)


def several(choice: schema.Choice, least: int = 0) -> schema.List:
    """Return the list of at least `least` different values of a choice."""
    return schema.List(choice, ", ".join(choice.values), least)


DEPLOYABLE_ENVIRONMENT = environments(DEPLOYABLE, "DeployableEnvironment")
