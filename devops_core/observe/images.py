"""Observation of container images, shared by deploy and promote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devops_core.naming import Image
    from devops_core.ports import Cloud


def with_digest(cloud: Cloud, image: Image) -> Image:
    """Return an image of this account's ECR with its digest, any other image unchanged."""
    settings = cloud.settings
    repository = image.ecr_repository(settings.account, settings.region)
    if repository is None:
        return image
    digest = cloud.images.digest(repository, tag=image.tag, digest=image.digest)
    return replace(image, digest=digest)
