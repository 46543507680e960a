"""Deploy: the body of `POST /stacks/deploy`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from devops_core.naming import IMAGE_URI, Environment, Image
from devops_core.requests import fields, schema

if TYPE_CHECKING:
    from devops_core.registries import AllowedRegistries

# Characters of a container's image (Amazon ECS API Reference, ContainerDefinition, `image`).
LONGEST_IMAGE = 255
# A rollout by digest uses the repository and "@sha256:" with 64 digits.
LONGEST_REPOSITORY = LONGEST_IMAGE - 72


class DeployRequest(NamedTuple):
    """An image for some environments; without `repouri` it is in the application's repository."""

    application: str
    environments: tuple[Environment, ...]
    version: str
    repouri: str | None


class _ImageText(schema.Text):
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


def _image_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of an image: its length with the version, its registry, and its tag.

    `registries` are the installation's `AllowedRegistries`; without them all are valid. In its own
    ECR a version is a tag, so that it identifies the same bytes for all callers.
    """
    repouri, version = data["repouri"], data["version"]
    if repouri is None:
        return
    image = Image.parse(repouri)
    named = image.tag or image.digest or version is None
    if len(image.repository) > LONGEST_REPOSITORY:
        yield "repouri", f"must have at most {LONGEST_REPOSITORY} characters without tag and digest"
    elif not named and len(f"{repouri}:{version}") > LONGEST_IMAGE:
        yield "repouri", f"must have at most {LONGEST_IMAGE} characters including the version"
    registries: AllowedRegistries | None = context.get("registries")
    refusal = registries.refusal(image) if registries else None
    if refusal:
        yield "repouri", refusal
    own = registries is not None and image.ecr_repository(registries.own) is not None
    if own and image.tag and version and image.tag != version:
        yield "repouri", "must have no other tag than the version, which is a tag in this registry"


DEPLOY = schema.Object(
    DeployRequest,
    {
        "applicationName": fields.EXISTING,
        "environment": schema.Member(
            fields.several(fields.DEPLOYABLE_ENVIRONMENT, least=1),
            "The target environments, without duplicates.",
            attribute="environments",
            required=True,
        ),
        "version": schema.Member(fields.VERSION, required=True),
        "repouri": schema.Member(
            _ImageText(
                IMAGE_URI.pattern,
                "must be an image such as registry/name or registry/name:tag, of at most "
                f"{LONGEST_IMAGE} characters",
                LONGEST_IMAGE,
            ),
            "The repository of the image, optionally with a tag or a digest. The default is the "
            "application's own repository. Without a tag and a digest, the tag is `version`. In "
            "this account's ECR, `version` is always the tag, and a digest must be that of the "
            f"tag. At most {LONGEST_REPOSITORY} characters, and {LONGEST_IMAGE} with the tag. The "
            "installation can restrict the [registries](security.md#registries).",
        ),
    },
    check=_image_faults,
)
