"""Request bodies, from the options of a command or from a file."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from devops_cli import rules
from devops_cli.failures import UsageError
from devops_cli.options import ENVIRONMENT_OPTION, environments

_TASKS = "Tasks, the same in all environments"
_Texts = list[str] | None


@dataclass(frozen=True)
class New:
    """The options of a new application; for an option that is None the service has a default."""

    team: Annotated[
        str | None,
        typer.Option(
            metavar="TEAM",
            parser=rules.text("team"),
            help="The owning team. Required.",
            show_default=False,
        ),
    ] = None
    email: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="E-mail address of the owners. Required."),
    ] = None
    env: Annotated[_Texts, ENVIRONMENT_OPTION] = None
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="A description.")] = None
    tag: Annotated[
        _Texts,
        typer.Option(metavar="KEY=VALUE", help="A tag of the stack's resources; repeatable."),
    ] = None
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="Container port.", rich_help_panel=_TASKS),
    ] = None
    health_check_path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Path that must return 200.", rich_help_panel=_TASKS),
    ] = None
    cpu: Annotated[
        int | None,
        typer.Option(metavar="UNITS", help="CPU units; 1024 are one vCPU.", rich_help_panel=_TASKS),
    ] = None
    memory: Annotated[
        int | None,
        typer.Option(
            metavar="MIB",
            help="MiB; must be a size that Fargate supports for --cpu.",
            rich_help_panel=_TASKS,
        ),
    ] = None
    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="X86_64 or ARM64, for all images.", rich_help_panel=_TASKS
        ),
    ] = None
    count: Annotated[
        int | None,
        typer.Option(metavar="N", help="Number of tasks of each service.", rich_help_panel=_TASKS),
    ] = None
    start_seconds: Annotated[
        int | None,
        typer.Option(
            metavar="SECONDS",
            help="Time in which a new task can fail its health checks.",
            rich_help_panel=_TASKS,
        ),
    ] = None
    rollout_minutes: Annotated[
        int | None,
        typer.Option(
            metavar="MINUTES", help="Time limit of a rollout, 30 to 180.", rich_help_panel=_TASKS
        ),
    ] = None
    variable: Annotated[
        _Texts,
        typer.Option(
            metavar="NAME=VALUE",
            help="An environment variable of the container; repeatable.",
            rich_help_panel=_TASKS,
        ),
    ] = None
    secret: Annotated[
        _Texts,
        typer.Option(
            metavar="NAME=ARN",
            help="A variable from Secrets Manager or SSM; repeatable.",
            rich_help_panel=_TASKS,
        ),
    ] = None
    warmup: Annotated[
        _Texts,
        typer.Option(
            metavar="PATH",
            help="A page to request before a swap; repeatable.",
            rich_help_panel=_TASKS,
        ),
    ] = None
    file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The complete request body as JSON, instead of options; - is stdin.",
        ),
    ] = None


def create(name: str, new: New) -> dict[str, Any]:
    """Return the request body of a create.

    Raises:
        UsageError: a required option is missing, or a value or the file is not valid.

    """
    if new.file is not None:
        others = [each.name for each in fields(new) if each.name != "file"]
        given = [each for each in others if getattr(new, each) not in (None, [])]
        if given:
            options = ", ".join(f"--{each.replace('_', '-')}" for each in given)
            raise UsageError(f"--file contains the complete body: remove {options}")
        return _from_file(name, new.file)
    missing = [f"--{each}" for each in ("team", "email") if not getattr(new, each)]
    if missing:
        raise UsageError(f"create needs {' and '.join(missing)} (or --file)")
    chosen = environments(new.env or [], ". Every application has production: omit it")
    return {
        "applicationName": name,
        **present(description=new.description),
        "email": new.email,
        "environments": {
            "nonProd": [each for each in chosen if each not in ("training", "da")],
            **{each: True for each in ("training", "da") if each in chosen},
        },
        "tags": {"technicalTeam": new.team, **_pairs("--tag", new.tag)},
        **present(service=_service(new)),
    }


def _service(new: New) -> dict[str, Any]:
    return present(
        containerPort=new.port,
        healthCheckPath=new.health_check_path,
        cpu=new.cpu,
        memory=new.memory,
        architecture=new.architecture,
        desiredCount=new.count,
        startSeconds=new.start_seconds,
        rolloutMinutes=new.rollout_minutes,
        environment=_pairs("--variable", new.variable),
        secrets=_pairs("--secret", new.secret),
        warmup=new.warmup,
    )


def present(**members: Any) -> dict[str, Any]:
    """Return the members that have a value."""
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def _pairs(option: str, values: _Texts) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for each in values or []:
        name, sign, value = each.partition("=")
        if not sign or not name:
            raise UsageError(f"{option} {each!r}: write it as NAME=VALUE")
        if name in pairs:
            raise UsageError(f"{option}: {name} must occur only once")
        pairs[name] = value
    return pairs


def _from_file(name: str, file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        # Some editors and shells start a file with a byte order mark.
        body = json.loads(text.removeprefix("\ufeff"))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise UsageError(f"{file} is not a JSON object")
    if body.setdefault("applicationName", name) != name:
        raise UsageError(f"{file} is for {body['applicationName']!r}, not for {name!r}")
    return body
