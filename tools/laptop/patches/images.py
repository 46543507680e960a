"""Amazon ECR: DescribeImages fails for an image that does not exist; pull-through caches."""

from __future__ import annotations

import contextvars
import json
from typing import Any

from ministack.core.responses import (
    AccountRegionScopedDict,
    set_request_account_id,
    set_request_region,
)
from ministack.services import ecr

from tools.laptop.images import MANIFEST, manifest

_describe_images = ecr._describe_images
_handle_request = ecr.handle_request
# The rules by prefix.
_cache_rules: Any = AccountRegionScopedDict()


def apply() -> None:
    """Apply the corrections."""
    ecr._describe_images = describe_images
    ecr.handle_request = handle_request


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any
) -> Any:
    """Handle the calls for pull-through caches, which the emulator does not have."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if action == "CreatePullThroughCacheRule":
        rule = json.loads(body)
        _cache_rules[rule["ecrRepositoryPrefix"]] = rule
        return ecr.json_response(rule)
    if action == "DescribePullThroughCacheRules":
        return ecr.json_response({"pullThroughCacheRules": list(_cache_rules.values())})
    return await _handle_request(method, path, headers, body, query_params)


def import_upstream(account: str, region: str, repository: str, tag: str) -> None:
    """Import an image at its first pull, if its repository belongs to a pull-through cache.

    ECR creates the repository of an image that it imports.
    """
    contextvars.copy_context().run(_import_upstream, account, region, repository, tag)


def _import_upstream(account: str, region: str, repository: str, tag: str) -> None:
    set_request_account_id(account)
    set_request_region(region)
    if not any(repository.startswith(f"{prefix.rstrip('/')}/") for prefix in _cache_rules):
        return
    if repository not in ecr._repositories:
        ecr._create_repository({"repositoryName": repository})
    ecr._put_image(
        {
            "repositoryName": repository,
            "imageManifest": manifest(repository, tag),
            "imageManifestMediaType": MANIFEST,
            "imageTag": tag,
        }
    )


def describe_images(data: dict[str, Any]) -> Any:
    """Return ImageNotFoundException if the repository lacks one of the requested images.

    Gap: the emulator leaves the image out of the response. If a call names a tag and a digest, it
    compares only one.
    """
    name = data.get("repositoryName", "")
    for image in data.get("imageIds") or [] if name in ecr._repositories else []:
        if not _exists(name, image):
            digest, tag = image.get("imageDigest", "null"), image.get("imageTag", "null")
            message = (
                f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not "
                f"exist within the repository with name '{name}' in the registry with id "
                f"'{ecr._registry_id()}'"
            )
            return ecr.error_response_json("ImageNotFoundException", message, 400)
    return _describe_images(data)


def _exists(repository: str, image: dict[str, Any]) -> bool:
    """Return whether an image has all given identifiers: its digest, its tag or both."""
    keys = [key for key in ("imageDigest", "imageTag") if image.get(key)]
    found = [ecr._find_image(repository, {key: image[key]}) for key in keys]
    return bool(found) and all(each is not None and each is found[0] for each in found)
