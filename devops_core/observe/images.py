"""Observations of images: their digests, and the teams of their repositories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from devops_core.errors import ConflictError, ForbiddenError, InvalidRequestError
from devops_core.model.inventory import Application
from devops_core.model.specification import sidecar_fields
from devops_core.naming import TEAM_TAG, Image, repository_name
from devops_core.ports import Cloud

# An image, and the tag that it must have; None for one with a digest, whose tag may have moved.
Wanted = tuple[Image, str | None]


def with_digest(cloud: Cloud, application: str, image: Image, tag: str | None) -> Image:
    """Return an image of this account's ECR with its digest if it is known, others unchanged.

    It must have the `tag`. None is for an image with a digest, whose tag may have been moved.
    """
    repository = image.ecr_repository(cloud.settings.registries.own)
    if repository is None:
        return image
    expires = repository == repository_name(application)
    digest = cloud.images.digest(repository, tag=tag, digest=image.digest, expires=expires)
    return image._replace(tag=tag or image.tag, digest=digest)


def checks(cloud: Cloud, application: str, wanted: Sequence[Wanted]) -> list[Callable[[], Any]]:
    """Return the calls whose results `usable` judges."""
    return [
        *(partial(_pinned, cloud, application, *each) for each in wanted),
        *(
            partial(cloud.images.tags, cloud.settings.repository_arn(repository))
            for repository in _other_repositories(cloud, application, wanted)
        ),
    ]


def usable(
    cloud: Cloud,
    action: str,
    application: Application,
    wanted: Sequence[Wanted],
    results: Sequence[Any],
) -> list[Image | ConflictError]:
    """Return the images with their digests, or the reasons against them, from `checks`.

    Raises ForbiddenError for an image of another team, whose message names the `action`.
    """
    pinned: list[Image | ConflictError] = [*results[: len(wanted)]]
    repositories = _other_repositories(cloud, application.name, wanted)
    tags = dict(zip(repositories, results[len(wanted) :], strict=True))
    team = application.technical_team
    for (image, _), each in zip(wanted, pinned, strict=True):
        repository = image.ecr_repository(cloud.settings.registries.own)
        if repository is not None and repository in tags:
            _require_usable(action, team, repository, tags[repository], each)
    return pinned


def sidecars(cloud: Cloud, references: Sequence[str]) -> dict[str, Wanted]:
    """Return the images of sidecars whose digests the service reads, by their references.

    Those of other registries have a digest.
    """
    parsed = {reference: Image.parse(reference) for reference in references}
    own = cloud.settings.registries.own
    return {
        reference: (image, None if image.digest else image.tag)
        for reference, image in parsed.items()
        if image.ecr_repository(own) is not None
    }


def digests(
    document: Mapping[str, Any], references: Sequence[str], images: Sequence[Image | ConflictError]
) -> dict[str, str]:
    """Return the digests by reference; InvalidRequestError with the fields of unusable images."""
    found: dict[str, str] = {}
    refused: dict[str, str] = {}
    for reference, image in zip(references, images, strict=True):
        if isinstance(image, ConflictError):
            refused[reference] = str(image)
        elif image.digest is None:
            refused[reference] = (
                "is not imported into this account's ECR yet, so its digest is unknown: name the"
                " digest"
            )
        else:
            found[reference] = image.digest
    fields = sidecar_fields(document, "image")
    faults = [(field, refused[each]) for field, each in fields.items() if each in refused]
    if faults:
        raise InvalidRequestError(faults)
    return found


def _pinned(cloud: Cloud, application: str, image: Image, tag: str | None) -> Image | ConflictError:
    """Return the image with its digest, or the reason why it cannot be deployed."""
    try:
        return with_digest(cloud, application, image, tag)
    except ConflictError as error:
        return error


def _other_repositories(cloud: Cloud, application: str, wanted: Sequence[Wanted]) -> list[str]:
    """Return the repositories in this account's ECR that may belong to another team."""
    if not cloud.settings.access.teams:
        return []
    own = cloud.settings.registries.own
    found = dict.fromkeys(image.ecr_repository(own) for image, _ in wanted)
    return [each for each in found if each and each != repository_name(application)]


def _require_usable(
    action: str,
    team: str,
    repository: str,
    tags: Mapping[str, str] | None,
    pinned: Image | ConflictError,
) -> None:
    """Raise ForbiddenError for a repository of another team.

    A missing repository has the same refusal, so that the response does not show whether the
    repository or the image exists. ECR creates the repository of a pull-through cache at its first
    pull. A repository without the tag is shared by all teams.
    """
    missing = tags is None and isinstance(pinned, ConflictError)
    if missing or (tags or {}).get(TEAM_TAG, team) != team:
        raise ForbiddenError(
            f"not allowed to {action} from the repository {repository}: it does not exist, or"
            f" belongs to another team than {team}"
        )
