"""Amazon ECR: DescribeImages fails for an image that does not exist."""

from __future__ import annotations

from typing import Any

from ministack.services import ecr

_describe_images = ecr._describe_images


def apply() -> None:
    """Apply the correction."""
    ecr._describe_images = describe_images


def describe_images(data: dict[str, Any]) -> Any:
    """Return ImageNotFoundException if the repository lacks one of the requested images.

    Gap: the emulator leaves the image out of the response.
    """
    name = data.get("repositoryName", "")
    for image in data.get("imageIds") or [] if name in ecr._repositories else []:
        if ecr._find_image(name, image) is None:
            digest, tag = image.get("imageDigest", "null"), image.get("imageTag", "null")
            message = (
                f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not "
                f"exist within the repository with name '{name}' in the registry with id "
                f"'{ecr._registry_id()}'"
            )
            return ecr.error_response_json("ImageNotFoundException", message, 400)
    return _describe_images(data)
