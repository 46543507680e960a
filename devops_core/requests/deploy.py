"""Deploy: the body of `POST /stacks/deploy`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from devops_core.naming import Environment, Image
from devops_core.requests import fields, schema

if TYPE_CHECKING:
    from devops_core.registries import AllowedRegistries

# A rollout by digest uses the repository and "@sha256:" with 64 digits.
LONGEST_REPOSITORY = fields.LONGEST_IMAGE - 72


class DeployRequest(NamedTuple):
    """An image for some environments; without `repouri` it is in the application's repository.

    With `restart` the environments run their present images again, and `version` is None.
    """

    application: str
    environments: tuple[Environment, ...]
    version: str | None
    repouri: str | None
    restart: bool = False


def _faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of a deploy; a restart has neither a version nor an image."""
    if data["restart"]:
        for name in ("version", "repouri"):
            if data[name] is not None:
                yield name, "must be absent with restart, which keeps the image"
        return
    yield from _image_faults(data, context)


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
    elif not named and len(f"{repouri}:{version}") > fields.LONGEST_IMAGE:
        yield (
            "repouri",
            f"must have at most {fields.LONGEST_IMAGE} characters including the version",
        )
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
        "version": schema.Member(fields.VERSION, required_unless="restart"),
        "restart": schema.Member(
            schema.Boolean(),
            "`true` instead of a `version` runs the present image again with the newest "
            "specification, for example after the value of a secret has changed. A restart keeps "
            "the image, so `repouri` must be absent, too.",
            default=False,
        ),
        "repouri": schema.Member(
            fields.IMAGE,
            "The repository of the image, optionally with a tag or a digest. The default is the "
            "application's own repository. Without a tag and a digest, the tag is `version`. In "
            "this account's ECR, `version` is always the tag, and a digest must be that of the "
            f"tag. At most {LONGEST_REPOSITORY} characters, and {fields.LONGEST_IMAGE} with the "
            "tag. The installation can restrict the [registries](security.md#registries).",
        ),
    },
    check=_faults,
)
