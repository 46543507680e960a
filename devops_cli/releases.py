"""The releases of production: the choice of the release that a swap makes live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import typer
from rich.console import RenderableType

from devops_cli import writing
from devops_cli.bodies import present
from devops_cli.exits import Exit
from devops_cli.failures import ApiError, CliError, UsageError
from devops_cli.responses import IN_PROGRESS, SUCCEEDED, Object, get_object, get_objects, get_text
from devops_cli.runtime import print_on
from devops_cli.session import Session
from devops_cli.show import changes, releases, texts

_PAGE = 20  # operations of one read; the last swap is usually among the newest
_NAME_IT = "Name the release: --version VERSION"


class ReleaseError(CliError):
    """The release of the idle slot cannot be made live by this command."""

    code = Exit.CONFLICT


@dataclass(frozen=True)
class Expected:
    """The release that a swap must make live, as members of the request.

    Without members the swap accepts any release. `key` is the Idempotency-Key, if the release
    determines it.
    """

    members: Object
    key: str | None = None


@dataclass(frozen=True)
class _Production:
    """The environments of the idle and the live slot."""

    idle: Object
    live: Object


def confirmed(session: Session, name: str) -> Expected:
    """Show the release that would go live and the one that would leave, and ask for confirmation.

    Raises:
        UsageError: there is no terminal, or the answer is no.
        CliError: production cannot be read.

    """
    if not session.runtime.interactive:
        raise UsageError(
            f"to swap {name} without a terminal for the confirmation, add --version, --back or"
            " --yes",
            "--version names the release that must become live, --back returns to the previous"
            " release,",
            "and --yes accepts any release of the idle slot.",
        )
    production = _read_production(session, name)
    expected = _expectation(production.idle)
    for line in releases.exchange(production.idle, production.live):
        print_on(session.runtime.err, line)
    for line in _differences(session, {"applicationName": name, **expected}):
        print_on(session.runtime.err, line)
    if not typer.confirm(f"Swap {name}?", err=True):
        raise UsageError("nothing was swapped")
    return Expected(expected)


def _differences(session: Session, body: Object) -> Iterator[RenderableType]:
    """Yield the differences between the slots, by a dry run of the swap.

    A refusal is not of interest here: the swap has the same one.
    """
    call = writing.Call("POST", "/stacks/swapProdBlueAndGreen", body)
    try:
        found = get_object(writing.dry_run(session, call).body, "plan")
    except ApiError:
        return
    for each in get_objects(found, "environments"):
        if changed := get_objects(each, "taskDefinition"):
            yield texts.heading("Differences of the slot that goes live")
            yield from changes.lines(changed, 2)


def previous(session: Session, name: str) -> Expected:
    """Return the release that was live before the last swap, if the idle slot still runs it.

    The service compares the version and the digest again, so a promote or a swap of another caller
    in the meantime cannot change the result. The first image of an application has neither; its
    key depends on the newest operation, so that two commands at the same time start one swap.

    Raises:
        ReleaseError: there was no swap, or the idle slot runs another release.
        CliError: production or its operations cannot be read.

    """
    newest, swap, promoted = _last_swap(session, name)
    production = _read_production(session, name)
    if swap is None:
        raise ReleaseError(f"{name} has no previous release: no swap has succeeded", _NAME_IT)
    left = next(
        (e for e in get_objects(swap, "environments") if get_text(e, "environment") == "PROD-BLUE"),
        {},
    )
    idle = production.idle
    if any(get_text(left, each) != get_text(idle, each) for each in ("slot", "version", "digest")):
        raise ReleaseError(
            f"the idle slot does not run the previous release any more: it runs"
            f" {releases.named(idle)}, and the last swap replaced {releases.named(left)}",
            "After a promote the previous release must be deployed and promoted again.",
            _NAME_IT,
        )
    if promoted:
        raise ReleaseError(
            f"the idle slot runs {releases.named(idle)} with the settings of a promote after the"
            " last swap, not the previous release",
            f"See its settings: {session.command('swap', name, '--dry-run')}",
            _NAME_IT,
        )
    to, since = (releases.named(each) for each in (idle, production.live))
    if to == since and idle.get("spec"):
        to = f"{to} with revision {get_text(idle, 'spec')} of the specification"
    session.notice(f"Return to {to} from {since}")
    members = _expectation(idle)
    return Expected(members, None if members else f"swap-back-after-{newest}")


def _expectation(idle: Object) -> Object:
    version, digest = get_text(idle, "version"), get_text(idle, "digest")
    revision = idle.get("spec")
    # The first image has only a revision, which both slots can have.
    known = (version or digest) and isinstance(revision, int)
    return present(version=version or None, digest=digest or None, spec=revision if known else None)


def _read_production(session: Session, name: str) -> _Production:
    """Return the environments of both slots, by the production listener.

    Raises:
        ReleaseError: the listener does not forward to exactly one slot, or a slot is missing.

    """
    try:
        response = session.api.get(f"/stacks/{name}", {"live": "true"})
    except ApiError as error:
        if error.code is Exit.DENIED:
            error.hints = [*error.hints, _NAME_IT]
        raise
    environments = get_objects(get_object(response.body, "stack"), "environments")
    by_role = {each["live"]: each for each in environments if isinstance(each.get("live"), bool)}
    if set(by_role) != {True, False}:
        raise ReleaseError(
            f"{name} has no live and idle slot",
            f"See its state: {session.command('status', name)}",
        )
    return _Production(by_role[False], by_role[True])


def _last_swap(session: Session, name: str) -> tuple[str, Object | None, bool]:
    """Return the id of the newest operation, and the newest swap that succeeded.

    The last member is whether a promote succeeded after it, which can have other settings. The
    list also has the operations of an earlier application of the same name; they are not read.

    Raises:
        ReleaseError: a swap is in progress.
        CliError: the operations cannot be read.

    """
    newest, token, promoted = "", None, False
    while True:
        query = {"limit": _PAGE, "nextToken": token}
        response = session.api.get(f"/stacks/{name}/operations", query)
        for each in get_objects(response.body, "operations"):
            newest = newest or get_text(each, "id")
            kind, succeeded = get_text(each, "kind"), get_text(each, "status") == SUCCEEDED
            if kind == "swap" and get_text(each, "status") == IN_PROGRESS:
                identifier = get_text(each, "id")
                raise ReleaseError(
                    f"a swap of {name} is in progress",
                    f"To return all customers: {session.command('abort', name, identifier)}",
                )
            if kind in ("swap", "create") and succeeded:
                return newest, each if kind == "swap" else None, promoted
            promoted = promoted or (kind == "deploy-blue" and succeeded)
        following = get_text(response.body, "nextToken") or None
        if following in (None, token):
            return newest, None, promoted
        token = following
