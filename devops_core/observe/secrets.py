"""The secrets of a specification: whether they belong to the team of the application."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from devops_core.errors import AccessDeniedError, ForbiddenError, RefusedError
from devops_core.model.secret import Secret
from devops_core.model.specification import Specification, secret_arn, secret_fields
from devops_core.naming import TEAM_TAG
from devops_core.ports import Cloud

# The name of a variable can contain dots.
_VARIABLE = re.compile(r"\.secrets\..+")


def require_owned(
    cloud: Cloud,
    action: str,
    application: str,
    team: str,
    wanted: Specification,
    present: Specification | None = None,
) -> None:
    """Raise ForbiddenError, which names the variables with secrets that a team cannot use.

    `action` is a verb for the message. Secrets of the `present` specification were checked before.
    """
    unowned = unowned_secrets(cloud, team, wanted)
    if present:
        for known in unowned_secrets(cloud, team, present):
            unowned.pop(known, None)
    checks = [partial(has_tag, cloud, application, team, secret) for secret in unowned]
    owned = cloud.gather(checks)
    require_tags(f"{action} {application}", team, unowned, owned)


def unowned_secrets(
    cloud: Cloud, team: str, specification: Specification
) -> dict[Secret, list[str]]:
    """Return the secrets that no prefix of the team allows, with the fields that name them."""
    access, document = cloud.settings.access, specification.document
    if not access.teams:
        return {}
    overrides = document.get("overrides", {})
    settings = {"service": document.get("service", {})}
    settings |= {f"overrides.{name}": override for name, override in overrides.items()}
    found: dict[Secret, list[str]] = {}
    for path, named in settings.items():
        for field, value in secret_fields(named).items():
            secret = Secret.parse(secret_arn(value))
            if not access.may_use(team, secret.name):
                found.setdefault(secret, []).append(f"{path}.{field}")
    return found


def has_tag(cloud: Cloud, application: str, team: str, secret: Secret) -> bool:
    """Return whether a secret of this region has the tag of the team.

    A refusal of AWS has the same result as a missing secret, because the response must not show
    whether a secret of another team exists.
    """
    if secret.region != cloud.settings.region:
        return False
    try:
        tags = cloud.secret_tags.tags(secret)
    except (AccessDeniedError, RefusedError) as error:
        cloud.log("tags not read", applicationName=application, error=error.code)
        return False
    return tags.get(TEAM_TAG) == team


def require_tags(
    action: str, team: str, unowned: dict[Secret, list[str]], owned: Sequence[bool]
) -> None:
    """Raise ForbiddenError for the secrets without the tag of the team.

    The message does not name the variables: all callers can read it in the event log.
    """
    foreign = [fields for fields, own in zip(unowned.values(), owned, strict=True) if not own]
    if foreign:
        named = sorted(field for fields in foreign for field in fields)
        members = sorted({_VARIABLE.sub(".secrets", field) for field in named})
        remedy = (
            f"must be a secret of the team {team}: an admin of the installation can add its prefix"
            f" to secretprefixes in parameters.yml, or its owner can tag it with {TEAM_TAG}"
        )
        raise ForbiddenError(
            f"not allowed to {action}: {', '.join(members)} must name secrets of the"
            f" team {team}, by its secretprefixes or by the tag {TEAM_TAG}",
            errors=[{"field": field, "message": remedy} for field in named],
        )
