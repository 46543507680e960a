"""Pushes an image to the laptop cloud's ECR. The image is only a small OCI manifest."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tools.laptop.registry import BEHAVIOUR_ANNOTATION, VERSION_ANNOTATION, Reference

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


class PushError(Exception):
    """The image cannot be pushed; the message contains the reason."""


def manifest(repository: str, tag: str, behaviour: str = "") -> str:
    """Return an OCI image manifest with annotations for version and behaviour.

    The annotations also contain the repository, so that equal tags have different digests in
    different repositories, as real images do.
    """
    config = json.dumps({"architecture": "arm64", "os": "linux"}).encode()
    annotations = {
        VERSION_ANNOTATION: tag,
        "org.opencontainers.image.title": repository,
        **({BEHAVIOUR_ANNOTATION: behaviour} if behaviour else {}),
    }
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest, "size": len(config)},
            "layers": [],
            "annotations": annotations,
        }
    )


def push(ecr: Any, repository: str, tag: str, behaviour: str = "") -> str:
    """Put an image into an ECR repository and return its digest.

    Args:
        ecr: a boto3 ECR client of the laptop cloud.
        repository: the name of an existing repository.
        tag: the tag of the image, which is also its version.
        behaviour: "", "crash" (exits at start), "unhealthy" (health checks get 503) or "errors=5"
            (five percent of the requests for `/` get 500).

    Raises:
        PushError: the repository does not exist, or it has a different image with this tag.

    """
    try:
        response = ecr.put_image(
            repositoryName=repository,
            imageManifest=manifest(repository, tag, behaviour),
            imageManifestMediaType=MANIFEST,
            imageTag=tag,
        )
    except ecr.exceptions.RepositoryNotFoundException as missing:
        raise PushError(f"no repository {repository}: create the application first") from missing
    except ecr.exceptions.ImageTagAlreadyExistsException as taken:
        raise PushError(
            f"{repository} already has an image {tag}, and tags are immutable: choose another tag"
        ) from taken
    return str(response["image"]["imageId"]["imageDigest"])


def push_reference(ecr: Any, image: str, behaviour: str = "") -> str:
    """Push `repository:tag` and return the digest; a registry host in `image` is ignored."""
    reference = Reference.parse(image)
    repository = reference.repository.partition(".amazonaws.com/")[2] or reference.repository
    return push(ecr, repository, reference.tag, behaviour)
