"""Declarations that several kinds of requests share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from devops_core.errors import CONTROL
from devops_core.model.specification import MAX_REVISION
from devops_core.naming import (
    APPLICATION_NAME,
    DEPLOYABLE,
    IMAGE_DIGEST,
    IMAGE_TAG,
    IMAGE_URI,
    SECRET_NAME,
    TAG_KEY,
    TAG_TEXT,
    Environment,
)
from devops_core.requests import schema


def composed(text: str) -> str:
    """Return a text in Unicode NFC; ValueError for another text.

    Two names that look the same are then the same. AWS compares them character by character.
    """
    if not text.isascii():
        # Most names are ASCII, so a cold start need not load this module.
        from unicodedata import is_normalized

        if not is_normalized("NFC", text):
            raise ValueError(f"{text!r} is not in Unicode NFC")
    return text


def named(**members: Any) -> dict[str, Any]:
    """Return the members that a document names, as JSON; faulty ones are None."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in members.items()
    }


# The characters of the class, without its brackets.
CONTROLS = CONTROL.pattern[1:-1]
# Characters of a container's image (Amazon ECS API Reference, ContainerDefinition, `image`).
LONGEST_IMAGE = 255


class ImageText(schema.Text):
    """An image; a fault that only the case of the repository has contains the correct image."""

    def accept(self, value: Any) -> Any:
        """Return the image. Raises InvalidValueError."""
        try:
            return super().accept(value)
        except schema.InvalidValueError:
            ascii_text = isinstance(value, str) and value.isascii()
            corrected = _in_lower_case(value) if ascii_text else ""
            if len(corrected) > LONGEST_IMAGE or not re.fullmatch(self.pattern, corrected):
                raise
            message = f"must have its repository in lower case, as in {corrected}"
            raise schema.InvalidValueError(message) from None


def _in_lower_case(image: str) -> str:
    """Return an image with its registry and repository in lower case."""
    name, at, digest = image.partition("@")
    path, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        path, colon, tag = name, "", ""
    return f"{path.lower()}{colon}{tag}{at}{digest}"


APPLICATION = schema.Text(
    APPLICATION_NAME.pattern,
    "must be an application name: a letter followed by 1 to 21 letters, digits and single hyphens;"
    " it must not end with a hyphen, '-idle', or a hyphen and an environment or slot (dev, qa,"
    " stage, training, da, prod, prod-1, prod-2), not begin with 'internal-', and not be"
    " 'internal', 'deploy', 'deploytoprodBlue' or 'swapProdBlueAndGreen'",
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
REVISION = schema.Integer(range(1, MAX_REVISION + 1))
_TAG_CHARACTERS = (
    "letters, digits, spaces or _.:/=+@-, without spaces at the ends, each letter as one character"
    " (Unicode NFC)"
)
TEAM = schema.Text(
    TAG_TEXT.pattern,
    f"is not a team name: use 1 to 256 {_TAG_CHARACTERS}",
    256,
    convert=composed,
    name="TeamName",
    description=f"The team that owns the application: 1 to 256 {_TAG_CHARACTERS}.",
)
KEY_OF_TAG = schema.Text(
    TAG_KEY.pattern,
    f"is not a tag key: use 1 to 128 {_TAG_CHARACTERS}, and without the prefix aws: or devops:",
    128,
    convert=composed,
)
VALUE_OF_TAG = schema.Text(
    TAG_TEXT.pattern,
    f"is not a tag value: use 1 to 256 {_TAG_CHARACTERS}",
    256,
    convert=composed,
    description="1 to 256 letters, digits, spaces or `_.:/=+@-`, without spaces at the ends.",
)
IMAGE = ImageText(
    IMAGE_URI.pattern,
    f"must be an image such as registry/name or registry/name:tag, of at most {LONGEST_IMAGE}"
    " characters",
    LONGEST_IMAGE,
)
# 512: the longest name of a secret (AWS Secrets Manager API, CreateSecret).
SECRET_PREFIX = schema.Text(
    SECRET_NAME.pattern,
    "is not the beginning of the name of a secret: use 1 to 512 letters from a to z, digits or"
    " /_+=.@!-",
    512,
)


def environments(names: Iterable[Environment], component: str) -> schema.Choice:
    """Return the choice of one of some environments, in lower case."""
    return schema.Choice({name.lower(): name for name in names}, component)


def several(choice: schema.Choice, least: int = 0) -> schema.List:
    """Return the list of at least `least` different values of a choice."""
    return schema.List(choice, ", ".join(choice.values), least)


DEPLOYABLE_NAME = schema.Choice({name.lower(): name.lower() for name in DEPLOYABLE})
DEPLOYABLE_ENVIRONMENT = environments(DEPLOYABLE, "DeployableEnvironment")
