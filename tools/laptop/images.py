"""Pushes an image to the laptop cloud's ECR without a build: a small OCI manifest stands for it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tools.laptop.registry import BEHAVIOUR_ANNOTATION, VERSION_ANNOTATION, Reference

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


class PushError(Exception):
    """The image cannot be pushed; the message says why."""


def manifest(repository: str, tag: str, behaviour: str = "") -> str:
    """Return an OCI image manifest whose annotations say version and behaviour.

    The annotations name the repository too, so that equal tags have different digests in
    different repositories, as images have in practice.
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
        repository: its name; the repository must exist.
        tag: the version the task program will name.
        behaviour: "", "crash" (ends at start) or "unhealthy" (answers health checks with 503).

    Raises:
        PushError: there is no such repository, or it has another image of that tag.

    """
    try:
        answer = ecr.put_image(
            repositoryName=repository,
            imageManifest=manifest(repository, tag, behaviour),
            imageManifestMediaType=MANIFEST,
            imageTag=tag,
        )
    except ecr.exceptions.RepositoryNotFoundException as missing:
        raise PushError(f"no repository {repository}: create the application first") from missing
    except ecr.exceptions.ImageTagAlreadyExistsException as taken:
        raise PushError(
            f"{repository} has an image {tag} already, and its tags never change: choose another"
        ) from taken
    return str(answer["image"]["imageId"]["imageDigest"])


def push_reference(ecr: Any, image: str, behaviour: str = "") -> str:
    """Push `repository:tag`; a registry host before it is ignored. Return the digest."""
    reference = Reference.parse(image)
    repository = reference.repository.partition(".amazonaws.com/")[2] or reference.repository
    return push(ecr, repository, reference.tag, behaviour)
