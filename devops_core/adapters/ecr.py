"""ECR: images of this account and region."""

from __future__ import annotations

from typing import Any

from devops_core.adapters.aws.errors import translated
from devops_core.errors import ImageNotFoundError, NotDeployableError


class EcrImages:
    """`ports.ImageRegistry` over ECR."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @translated()
    def digest(self, repository: str, *, tag: str | None, digest: str | None) -> str:
        """Return the digest of an image; `tag` is ignored if `digest` is given.

        An image without a tag is refused: the lifecycle policy of the application template lets
        such images expire.
        """
        exceptions = self._client.exceptions
        image = {"imageDigest": digest} if digest else {"imageTag": tag}
        name = f"{repository}@{digest}" if digest else f"{repository}:{tag}"
        missing = ImageNotFoundError(f"this account's ECR has no image {name}: push it first")
        try:
            response = self._client.describe_images(repositoryName=repository, imageIds=[image])
        except (exceptions.ImageNotFoundException, exceptions.RepositoryNotFoundException) as error:
            raise missing from error
        if not response["imageDetails"]:
            # ministack returns an empty list where ECR raises ImageNotFoundException.
            raise missing
        (found,) = response["imageDetails"]
        if not found.get("imageTags"):
            raise NotDeployableError(
                f"the image {name} has no tag, so ECR removes it after some days: tag it first"
            )
        return str(found["imageDigest"])
