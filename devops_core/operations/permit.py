"""Hold a caller to the installation's access policy; who is refused is on record."""

from __future__ import annotations

from collections.abc import Mapping

from devops_core.errors import AwsError, ForbiddenError
from devops_core.model import Kind
from devops_core.operations import audit
from devops_core.ports import Cloud

# What changes what customers get, or takes it away.
_PRODUCTION = (Kind.DEPLOY_BLUE, Kind.SWAP, Kind.DELETE)


def permit(
    cloud: Cloud,
    kind: Kind,
    application: str,
    team: str | None,
    caller: str,
    *,
    aborts: str | None = None,
    record: bool,
) -> None:
    """Raise ForbiddenError unless a caller may start, or abort, an operation of a kind.

    `team` is the application's technicalTeam, None when it is not known; `aborts` the id of the
    operation that is to be aborted, None when one is to be started. Without `record` nothing is
    written.
    """
    production = kind in _PRODUCTION
    missing = cloud.settings.access.missing_lists(caller, team, production=production)
    if not missing:
        return
    lists = " and in ".join(missing)
    what = f"an abort of the {kind} {aborts}" if aborts else f"a {kind}"
    refusal = ForbiddenError(f"{what} of {application} is for callers in {lists}")
    about = {"operation": aborts} if aborts else {}
    if record:
        _record(cloud, kind, application, caller, refusal.message, about)
    raise refusal


def _record(
    cloud: Cloud,
    kind: Kind,
    application: str,
    caller: str,
    reason: str,
    about: Mapping[str, str],
) -> None:
    """Write a refusal to the audit log; it stands whether that can be written or not."""
    event = audit.denied(cloud.new_id(), kind, application, caller, reason, cloud.clock.now())
    try:
        cloud.tables.note(event)
    except AwsError as error:
        cloud.log(
            "refusal not recorded",
            **about,
            applicationName=application,
            kind=kind,
            caller=caller,
            reason=reason,
            error=error.message,
        )
