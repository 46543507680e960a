"""The commands that change something: create, deploy, restart, promote, swap, upgrade, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from devops_cli import bodies, policies, releases, rules, waiting, writing
from devops_cli.exits import Exit
from devops_cli.failures import CliError, UsageError
from devops_cli.options import (
    Environments,
    Name,
    NewName,
    Queue,
    Timeout,
    Until,
    Write,
    command,
    environments,
)
from devops_cli.responses import Object, get_object, get_objects, get_text
from devops_cli.runtime import print_on
from devops_cli.session import Session
from devops_cli.show import plan


def _release(part: str, text: str) -> Any:
    """Return the option for the version or the digest of a release, with its help text."""
    return typer.Option(metavar=part.upper(), parser=rules.text(part), help=text)


def _revision(text: str) -> Any:
    """Return the option for a revision of the specification, with its help text."""
    return typer.Option(metavar="REVISION", min=1, help=text)


@command
def create(
    name: NewName, new: bodies.New, write: Write, queue: Queue, timeout: Timeout, session: Session
) -> Exit:
    """Create an application with its environments and two production slots.

    Production is always created. Without --env the application also has dev.
    """
    call = writing.Call("POST", "/stacks", bodies.create(name, new))
    return writing.run(session, call, write, timeout.timeout, queue=queue)


@command
def deploy(
    name: Name,
    env: Environments,
    version: Annotated[str, _release("version", "The version: the tag of the image.")],
    write: Write,
    queue: Queue,
    timeout: Timeout,
    session: Session,
    image: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="The repository or complete image. Default: the application's ECR repository.",
        ),
    ] = None,
) -> Exit:
    """Deploy a version to dev, qa, stage, training or da."""
    production = (
        f". To production: {session.command('promote', name, '--from', 'ENV')},"
        f" then {session.command('swap', name, '--version', version)}"
    )
    targets = environments(env, production)
    body = {"applicationName": name, "environment": targets, "version": version}
    body |= {"repouri": image} if image else {}
    call = writing.Call("POST", "/stacks/deploy", body)
    return writing.run(session, call, write, timeout.timeout, queue=queue)


@command
def restart(
    name: Name, env: Environments, write: Write, queue: Queue, timeout: Timeout, session: Session
) -> Exit:
    """Start new tasks with the same image and the present specification.

    The new tasks read the present values of their secrets.
    """
    production = f". For production: {session.command('promote', name)}, then a swap"
    body = {
        "applicationName": name,
        "environment": environments(env, production),
        "restart": True,
    }
    call = writing.Call("POST", "/stacks/deploy", body)
    return writing.run(session, call, write, timeout.timeout, queue=queue)


@command
def promote(
    name: Name,
    write: Write,
    queue: Queue,
    timeout: Timeout,
    session: Session,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ENV",
            autocompletion=lambda: rules.values("deployable"),
            parser=rules.choice("deployable", ". A promote copies from one of them to production"),
            help="The source. Default: the first of stage, qa, dev.",
        ),
    ] = None,
    version: Annotated[
        str | None, _release("version", "The version that the source must run.")
    ] = None,
    digest: Annotated[
        str | None, _release("digest", "The digest that the source must run: sha256:...")
    ] = None,
    spec: Annotated[
        int | None, _revision("The revision of the specification that must be the present one.")
    ] = None,
) -> Exit:
    """Promote the image of a non-production environment to the idle production slot.

    The digest stays the same. Customers get the new version only after a swap.
    """
    body = bodies.present(
        applicationName=name, environment=source, version=version, digest=digest, spec=spec
    )
    call = writing.Call("POST", "/stacks/deploytoprodBlue", body)
    return writing.run(session, call, write, timeout.timeout, queue=queue)


@command
def swap(
    name: Name,
    policy: policies.Policy,
    write: Write,
    queue: Queue,
    timeout: Timeout,
    until: Until,
    session: Session,
    version: Annotated[
        str | None,
        _release(
            "version", "The version that must become live. If it is already live, nothing changes."
        ),
    ] = None,
    digest: Annotated[
        str | None, _release("digest", "The digest that must become live: sha256:...")
    ] = None,
    spec: Annotated[
        int | None, _revision("The revision of the specification that must become live.")
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="Return to the release that was live before.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask; accept any release of the idle slot.")
    ] = False,
) -> Exit:
    """Make the idle production slot live and the live slot idle.

    Without --version the command shows both releases and asks. Without a terminal it requires
    --version, --back or --yes. The previous version keeps running until the next promote, so
    --back restores it at once. During a swap, devops abort returns all customers.
    """
    chosen = policies.members(policy)
    given = bodies.present(version=version, digest=digest, spec=spec)
    expected = _expected(session, name, given, back=back, ask=not (yes or write.dry_run))
    if queue.limit is not None and not (expected.members or write.dry_run):
        raise _unnamed_release(back=back, yes=yes)
    if expected.key and write.idempotency_key is None:
        write = replace(write, idempotency_key=expected.key)
    body = {"applicationName": name, **expected.members, **chosen}
    call = writing.Call("POST", "/stacks/swapProdBlueAndGreen", body)

    def exit_code(operation: Object) -> Exit:
        returns = _replaces(operation, expected.members)
        return (waiting.abort_exit_code if returns else waiting.exit_code)(operation)

    return writing.run(
        session, call, write, timeout.timeout, exit_code, queue=queue, until=until.until
    )


def _replaces(operation: Object, expected: Object) -> bool:
    """Return whether an operation replaces the expected release: the call rolled this swap back."""
    live = next(
        (
            each
            for each in get_objects(operation, "environments")
            if get_text(each, "environment") == "PROD-GREEN"
        ),
        {},
    )
    # Releases can differ only in their settings.
    replacing = {each: get_text(live, each) for each in ("version", "digest")}
    replacing["spec"] = get_text(operation, "spec")
    named = [each for each in replacing if each in expected]
    return any(replacing[each] not in ("", str(expected[each])) for each in named)


def _unnamed_release(*, back: bool, yes: bool) -> UsageError:
    """Return the error of a queued swap without a release.

    A promote could end during the wait, and its release would become live. After another swap, the
    command would return to the release that this swap replaced.
    """
    if yes and not back:
        return UsageError(
            "--queue does not swap to any release, because the operation that it waits for can"
            " change the idle slot",
            "Name the release: --version VERSION",
        )
    return UsageError(
        "the idle slot runs the first image, which has no version: repeat without --queue"
    )


def _expected(
    session: Session, name: str, given: dict[str, Any], *, back: bool, ask: bool
) -> releases.Expected:
    """Return the release that a swap must make live; `given` are its members of the options."""
    if back and given:
        raise UsageError("--back chooses the release: remove --version, --digest and --spec")
    if back:
        return releases.previous(session, name)
    return releases.confirmed(session, name) if ask and not given else releases.Expected(given)


@command
def upgrade(
    name: Name,
    write: Write,
    queue: Queue,
    timeout: Timeout,
    session: Session,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask. Required without a terminal.")
    ] = False,
) -> Exit:
    """Move the stack of an application to the newest application template.

    The stack also receives the present settings of the installation. No image, no listener and no
    number of tasks changes. The command shows the changes and asks.
    """
    call = writing.Call("POST", f"/stacks/{name}/upgrade")
    if not (yes or write.dry_run):
        _confirm_upgrade(session, name, call, queue)
    return writing.run(session, call, write, timeout.timeout, queue=queue)


def _confirm_upgrade(session: Session, name: str, call: writing.Call, queue: Queue) -> None:
    """Show the changes of an upgrade and ask; without changes there is nothing to ask.

    Raises:
        CliError: the answer is no, or the changes are not known.

    """
    writing.require_terminal(session, "upgrade", name)
    response, _ = writing.preview(session, lambda: call, queue.limit)
    found = get_object(response.body, "plan")
    for line in plan.effects(found):
        print_on(session.progress, line)
    # Without a template the stack is up to date.
    if not get_object(found, "template"):
        return
    if message := get_text(found, "message"):
        accepted = session.command("upgrade", name, "--yes")
        raise CliError(
            f"{message}. Nothing was changed",
            f"Repeat the command. Without a list of the changes and a question: {accepted}",
        )
    if not typer.confirm(f"Upgrade the stack of {name}?", err=True):
        raise UsageError("nothing was changed")


@command
def delete(
    name: Name,
    write: Write,
    timeout: Timeout,
    session: Session,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask. Required without a terminal.")
    ] = False,
) -> Exit:
    """Delete an application with all its environments and images. This cannot be undone."""
    if not (yes or write.dry_run):
        _confirm(session, name)
    call = writing.Call("DELETE", "/stacks", query={"stack": name})
    return writing.run(session, call, write, timeout.timeout)


def _confirm(session: Session, name: str) -> None:
    if not session.runtime.interactive:
        raise UsageError(f"to delete {name} without a terminal for the confirmation, add --yes")
    question = f"Delete {name} with all its environments and images?"
    if not typer.confirm(question, err=True):
        raise UsageError("nothing was deleted")
