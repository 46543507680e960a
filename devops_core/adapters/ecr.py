"""ECR: images of this account and region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devops_core.adapters.aws.errors import translated
from devops_core.errors import ImageNotFoundError, NotDeployableError


class EcrImages:
    """`ports.aws.ImageRegistry` over ECR."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @translated()
    def digest(
        self, repository: str, *, tag: str | None, digest: str | None, expires: bool
    ) -> str | None:
        """Return the digest of an image.

        A tag is read by itself, because its digest in ECR must be in the refusal of another one.
        """
        exceptions = self._client.exceptions
        image = {"imageTag": tag} if tag else {"imageDigest": digest}
        try:
            response = self._client.describe_images(repositoryName=repository, imageIds=[image])
            found = response["imageDetails"]
        except (exceptions.ImageNotFoundException, exceptions.RepositoryNotFoundException):
            found = []
        name = f"{repository}:{tag}" if tag else f"{repository}@{digest}"
        # ministack returns an empty list where ECR raises ImageNotFoundException.
        if not found:
            if self._in_pull_through_cache(repository):
                if tag and digest:
                    raise NotDeployableError(
                        f"this account's ECR has not imported {name} yet, so its digest is unknown:"
                        " omit the digest"
                    )
                return digest
            raise ImageNotFoundError(f"this account's ECR has no image {name}: push it first")
        if expires and not found[0].get("imageTags"):
            raise NotDeployableError(
                f"the image {name} has no tag, so ECR removes it after some days: tag it first"
            )
        known = str(found[0]["imageDigest"])
        if digest and known != digest:
            raise NotDeployableError(
                f"the image {name} has the digest {known}, not {digest}: the version of an image in"
                " this account's ECR is the tag of its digest"
            )
        return known

    @translated()
    def tags(self, repository_arn: str) -> Mapping[str, str] | None:
        """Return the tags of a repository, None if it does not exist."""
        try:
            response = self._client.list_tags_for_resource(resourceArn=repository_arn)
        except self._client.exceptions.RepositoryNotFoundException:
            return None
        return {tag["Key"]: tag["Value"] for tag in response["tags"]}

    def _in_pull_through_cache(self, repository: str) -> bool:
        """Return whether ECR would import a missing image of a repository at its first pull.

        A registry has at most 50 rules (Amazon ECR User Guide, "Amazon ECR service quotas"), and a
        response has 100. The prefix ROOT is for all repositories (ECR API,
        CreatePullThroughCacheRule).
        """
        response = self._client.describe_pull_through_cache_rules()
        prefixes = [rule["ecrRepositoryPrefix"] for rule in response["pullThroughCacheRules"]]
        return any(
            prefix == "ROOT" or repository.startswith(prefix.rstrip("/") + "/")
            for prefix in prefixes
        )
