"""ECR: the images of this account and region."""

from __future__ import annotations

from typing import Any

from devops_core.adapters.aws.errors import translated
from devops_core.errors import ImageNotFoundError


class EcrImages:
    """`ports.ImageRegistry` over ECR."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @translated()
    def digest(self, repository: str, *, tag: str | None, digest: str | None) -> str:
        """Return the digest of an image; with both, the digest is what counts."""
        exceptions = self._client.exceptions
        image = {"imageDigest": digest} if digest else {"imageTag": tag}
        name = f"{repository}@{digest}" if digest else f"{repository}:{tag}"
        missing = ImageNotFoundError(f"there is no image {name} in this account's ECR")
        try:
            answer = self._client.describe_images(repositoryName=repository, imageIds=[image])
        except (exceptions.ImageNotFoundException, exceptions.RepositoryNotFoundException) as error:
            raise missing from error
        if not answer["imageDetails"]:
            # ministack answers so where ECR raises ImageNotFoundException.
            raise missing
        return str(answer["imageDetails"][0]["imageDigest"])
