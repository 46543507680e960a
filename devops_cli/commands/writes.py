"""The commands that change something: create, deploy, promote, swap, delete."""

from __future__ import annotations

from typing import Annotated

import typer

from devops_cli import bodies, rules, writing
from devops_cli.exits import Exit
from devops_cli.failures import UsageError
from devops_cli.options import Environments, Name, Timeout, Write, command, environments
from devops_cli.session import Session


@command
def create(name: Name, new: bodies.New, write: Write, timeout: Timeout, session: Session) -> Exit:
    """Create an application: its environments, and production with two slots.

    Production is always made; without --env there is dev besides it.
    """
    call = writing.Call("POST", "/stacks", bodies.create(name, new))
    return writing.run(session, call, write, timeout.timeout)


@command
def deploy(
    name: Name,
    env: Environments,
    version: Annotated[
        str,
        typer.Option(
            metavar="VERSION",
            parser=rules.text("version"),
            help="The version: the tag of the image.",
        ),
    ],
    write: Write,
    timeout: Timeout,
    session: Session,
    image: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="Its repository, or all of it. Default: the application's in ECR."
        ),
    ] = None,
) -> Exit:
    """Deploy a version to dev, qa, stage, training, da."""
    body = {"applicationName": name, "environment": environments(env), "version": version}
    body |= {"repouri": image} if image else {}
    call = writing.Call("POST", "/stacks/deploy", body)
    return writing.run(session, call, write, timeout.timeout)


@command
def promote(
    name: Name,
    write: Write,
    timeout: Timeout,
    session: Session,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ENV",
            parser=rules.choice("deployable"),
            help="Where it runs. Default: the first of stage, qa, dev.",
        ),
    ] = None,
) -> Exit:
    """Bring what non-production runs to production blue, the slot that is not live.

    It is the very same image. Customers notice nothing before a swap.
    """
    body = {"applicationName": name} | ({"environment": source} if source else {})
    call = writing.Call("POST", "/stacks/deploytoprodBlue", body)
    return writing.run(session, call, write, timeout.timeout)


@command
def swap(
    name: Name,
    write: Write,
    timeout: Timeout,
    session: Session,
    version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            parser=rules.text("version"),
            help="What must become live. With it nothing moves if it is live already.",
        ),
    ] = None,
) -> Exit:
    """Make production blue live, and what was live blue. Again is the way back.

    The version before goes on running, so that swapping again brings it back at once, until
    something else is promoted.
    """
    body = {"applicationName": name} | ({"version": version} if version else {})
    call = writing.Call("POST", "/stacks/swapProdBlueAndGreen", body)
    return writing.run(session, call, write, timeout.timeout)


@command
def delete(
    name: Name,
    write: Write,
    timeout: Timeout,
    session: Session,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask. Needed where nobody can be asked.")
    ] = False,
) -> Exit:
    """Delete an application with all its environments and images. There is no way back."""
    if not (yes or write.dry_run):
        _ask(session, name)
    call = writing.Call("DELETE", "/stacks", query={"stack": name})
    return writing.run(session, call, write, timeout.timeout)


def _ask(session: Session, name: str) -> None:
    if not session.world.asks:
        raise UsageError(f"nobody can be asked whether to delete {name}: add --yes")
    question = f"Delete {name} with all its environments and images?"
    if not typer.confirm(question, err=True):
        raise UsageError("nothing was deleted")
