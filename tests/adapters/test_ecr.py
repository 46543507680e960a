from __future__ import annotations

import json
from typing import Any

import pytest

from devops_core.adapters.ecr import EcrImages
from devops_core.errors import AccessDeniedError, ImageNotFoundError, NotDeployableError
from tests.adapters.conftest import Aws
from tests.lab.moto.hooks import refuse, respond

OTHER = "sha256:" + "00" * 32


@pytest.fixture
def client(aws: Aws) -> Any:
    """A registry with one pull-through cache; moto has no caches."""
    client = aws.client("ecr")
    respond(client, "DescribePullThroughCacheRules", rules("docker-hub"))
    return client


def rules(*prefixes: str) -> dict[str, Any]:
    """Return the response with the pull-through cache rules of some prefixes."""
    return {"pullThroughCacheRules": [{"ecrRepositoryPrefix": each} for each in prefixes]}


@pytest.fixture
def images(client: Any) -> EcrImages:
    return EcrImages(client)


@pytest.fixture
def pushed(client: Any) -> str:
    """Push shop:1.2.0 and return its digest."""
    client.create_repository(repositoryName="shop")
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": 2,
            "digest": OTHER,
        },
        "layers": [],
    }
    put = client.put_image(
        repositoryName="shop", imageTag="1.2.0", imageManifest=json.dumps(manifest)
    )
    return str(put["image"]["imageId"]["imageDigest"])


@pytest.mark.parametrize("tag", ["1.2.0", None])
def test_the_digest_of_an_image(images: EcrImages, pushed: str, tag: str | None) -> None:
    assert images.digest("shop", tag=tag, digest=None if tag else pushed, expires=True) == pushed


def test_a_tag_and_a_digest_identify_the_same_image(images: EcrImages, pushed: str) -> None:
    assert images.digest("shop", tag="1.2.0", digest=pushed, expires=True) == pushed

    with pytest.raises(NotDeployableError) as refused:
        images.digest("shop", tag="1.2.0", digest=OTHER, expires=True)
    assert f"shop:1.2.0 has the digest {pushed}, not {OTHER}" in refused.value.message


def test_a_digest_without_the_tag_is_refused(images: EcrImages, pushed: str) -> None:
    with pytest.raises(ImageNotFoundError, match=r"no image shop:9\.9\.9"):
        images.digest("shop", tag="9.9.9", digest=pushed, expires=True)


@pytest.mark.parametrize(
    ("repository", "tag", "digest", "name"),
    [
        ("shop", "9.9.9", None, "shop:9.9.9"),
        ("blog", "1.2.0", None, "blog:1.2.0"),
        ("shop", None, OTHER, f"shop@{OTHER}"),
    ],
)
def test_a_missing_image_is_named(
    images: EcrImages, pushed: str, repository: str, tag: str | None, digest: str | None, name: str
) -> None:
    assert pushed != digest

    with pytest.raises(
        ImageNotFoundError, match=f"this account's ECR has no image {name}: push it"
    ):
        images.digest(repository, tag=tag, digest=digest, expires=True)


def test_an_image_without_a_tag_is_not_deployed_if_it_expires(
    images: EcrImages, client: Any
) -> None:
    """The lifecycle policy of the application template lets such images expire."""
    client.create_repository(repositoryName="shop")
    manifest = json.dumps({"schemaVersion": 2, "config": {"digest": OTHER}, "layers": []})
    put = client.put_image(
        repositoryName="shop",
        imageManifest=manifest,
        imageManifestMediaType="application/vnd.oci.image.manifest.v1+json",
    )

    digest = put["image"]["imageId"]["imageDigest"]
    with pytest.raises(NotDeployableError, match="has no tag"):
        images.digest("shop", tag=None, digest=digest, expires=True)
    assert images.digest("shop", tag=None, digest=digest, expires=False) == digest


def test_a_repository_that_cannot_be_read_is_an_error(images: EcrImages, client: Any) -> None:
    refuse(client, "DescribeImages", "AccessDeniedException")

    with pytest.raises(AccessDeniedError):
        images.digest("shop", tag="1.2.0", digest=None, expires=True)


def test_a_response_without_images_means_a_missing_image(images: EcrImages, client: Any) -> None:
    respond(client, "DescribeImages", {"imageDetails": []})

    with pytest.raises(ImageNotFoundError, match=r"shop:1\.2\.0"):
        images.digest("shop", tag="1.2.0", digest=None, expires=True)


@pytest.mark.parametrize(
    ("prefixes", "repository", "cached"),
    [
        (["docker-hub"], "docker-hub/library/nginx", True),
        (["quay", "docker-hub"], "docker-hub/nginx", True),
        (["docker-hub/"], "docker-hub/nginx", True),
        (["team/hub"], "team/hub/nginx", True),
        (["ROOT"], "nginx", True),
        (["docker-hub"], "docker-hub", False),
        (["docker-hub"], "docker-hub-2/nginx", False),
        (["docker-hub"], "team/docker-hub/nginx", False),
        ([], "docker-hub/nginx", False),
    ],
)
@pytest.mark.parametrize(("tag", "digest"), [("1.27", None), (None, OTHER)])
def test_a_missing_image_of_a_pull_through_cache_is_imported_later(
    aws: Aws,
    prefixes: list[str],
    repository: str,
    *,
    cached: bool,
    tag: str | None,
    digest: str | None,
) -> None:
    client = aws.client("ecr")
    asked = respond(client, "DescribePullThroughCacheRules", rules(*prefixes))
    images = EcrImages(client)

    if cached:
        assert images.digest(repository, tag=tag, digest=digest, expires=True) == digest
    else:
        with pytest.raises(ImageNotFoundError):
            images.digest(repository, tag=tag, digest=digest, expires=True)
    assert len(asked) == 1


def test_the_digest_of_a_tag_that_a_cache_has_not_imported_is_refused(images: EcrImages) -> None:
    with pytest.raises(NotDeployableError, match=r"not imported docker-hub/nginx:1\.27 yet"):
        images.digest("docker-hub/nginx", tag="1.27", digest=OTHER, expires=False)


def test_a_cached_image_has_its_digest_without_a_further_call(aws: Aws, pushed: str) -> None:
    client = aws.client("ecr")
    asked = respond(client, "DescribePullThroughCacheRules", rules("ROOT"))

    assert EcrImages(client).digest("shop", tag="1.2.0", digest=None, expires=True) == pushed
    assert asked == []


def test_a_repository_has_its_tags(client: Any, images: EcrImages) -> None:
    tag = {"Key": "technicalTeam", "Value": "search"}
    created = client.create_repository(repositoryName="search/api", tags=[tag])
    arn = created["repository"]["repositoryArn"]

    assert images.tags(arn) == {"technicalTeam": "search"}
    assert images.tags(arn.replace("search/api", "missing")) is None
    refuse(client, "ListTagsForResource", "AccessDeniedException")
    with pytest.raises(AccessDeniedError):
        images.tags(arn)
