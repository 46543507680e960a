"""The command that writes a specification from an existing ECS service: init."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from devops_cli import config, own_files, rules
from devops_cli.exits import Exit
from devops_cli.failures import CredentialsError, UsageError
from devops_cli.options import command
from devops_cli.runtime import Runtime, print_on
from devops_cli.show import texts

if TYPE_CHECKING:
    from devops_cli.translation.facts import Described, Translation

_STDOUT = "-"
_FROM_AWS, _FROM_FILES, _APPLICATION = "From AWS", "From files", "The application"


@dataclass(frozen=True)
class FromAws:
    """The options for a running service."""

    cluster: Annotated[
        str | None,
        typer.Option(metavar="CLUSTER", help="ECS cluster.", rich_help_panel=_FROM_AWS),
    ] = None
    service: Annotated[
        str | None,
        typer.Option(
            metavar="SERVICE", help="ECS service in this cluster.", rich_help_panel=_FROM_AWS
        ),
    ] = None
    region: Annotated[
        str,
        typer.Option(
            metavar="REGION",
            help="AWS region of the service. Default: that of the profile, or AWS_REGION.",
            rich_help_panel=_FROM_AWS,
        ),
    ] = ""
    profile: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Profile of `devops config` with the credentials. Without it, AWS_PROFILE works"
            " as for the AWS CLI.",
            rich_help_panel=_FROM_AWS,
        ),
    ] = ""


@dataclass(frozen=True)
class FromFiles:
    """The options for files of the AWS CLI."""

    task_definition: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Output of `aws ecs describe-task-definition`, or input of"
            " `register-task-definition`.",
            rich_help_panel=_FROM_FILES,
        ),
    ] = None
    service_file: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Output of `aws ecs describe-services`, `aws elbv2 describe-target-groups` or"
            " `describe-load-balancers`, or `aws application-autoscaling"
            " describe-scalable-targets` or `describe-scaling-policies`; repeat the option for"
            " several files.",
            rich_help_panel=_FROM_FILES,
        ),
    ] = None


@dataclass(frozen=True)
class Choices:
    """The options for values that AWS does not have."""

    container: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Container whose image you deploy; the others become sidecars. Default: that of"
            " the load balancer, or the first essential one with a port.",
            rich_help_panel=_APPLICATION,
        ),
    ] = None
    team: Annotated[
        str | None,
        typer.Option(
            metavar="TEAM",
            parser=rules.text("team"),
            help="Team that owns the application. Default: the tag technicalTeam.",
            rich_help_panel=_APPLICATION,
        ),
    ] = None
    email: Annotated[
        str | None,
        typer.Option(metavar="EMAIL", help="Address of the owners.", rich_help_panel=_APPLICATION),
    ] = None


@command
def init(
    runtime: Runtime,
    source: FromAws,
    files: FromFiles,
    choices: Choices,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            parser=rules.text("name"),
            help="The name of the new application. Default: that of the service.",
        ),
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The new file; - is stdout.")
    ] = "app.yml",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> Exit:
    """Write the specification of a new application from an existing ECS service.

    The command only reads from AWS, and it needs no installation of the service. It translates the
    port, the health check, variables, secrets, the size, the number of tasks or the scaling, and
    sidecars. Comments in the file, also listed on stderr, name each part of these descriptions that
    needs a decision, with the remedy. Scheduled actions, attributes of target groups, listener
    rules and certificates are not read. Complete the file; then devops apply -f app.yml creates the
    application. The existing service does not change.
    """
    if output != _STDOUT:
        _check_output(output, force=force)
    described = _read(runtime, source, files)
    _write(runtime, described, _translated(described, name, choices), output, force=force)
    return Exit.SUCCEEDED


def _check_output(output: str, *, force: bool) -> None:
    """Refuse a name that cannot be written, before anything is read."""
    file = Path(output)
    if file.exists() and not file.is_file():
        raise UsageError(f"{output} is not a file", "Use -o FILE, or -o - for stdout.")
    if os.path.lexists(file) and not force:
        raise _exists(output)


def _exists(output: str) -> UsageError:
    return UsageError(f"{output} exists", "Use --force to replace it, or -o FILE for another.")


def _read(runtime: Runtime, source: FromAws, files: FromFiles) -> Described:
    """Read the service from the one source that the options name.

    Raises:
        UsageError: the options name none or both, or a file is not valid.
        CliError: AWS does not return the service.

    """
    has_service = source.cluster is not None and source.service is not None
    if (files.task_definition is not None) == has_service:
        raise UsageError(
            "init needs an ECS service or a file",
            "devops init NAME --cluster CLUSTER --service SERVICE",
            "devops init NAME --task-definition task-definition.json --service-file service.json",
        )
    if files.task_definition is not None:
        if ignored := [f"--{name}" for name, value in asdict(source).items() if value]:
            raise UsageError(
                f"--task-definition reads nothing from AWS: remove {', '.join(ignored)}"
            )
        from devops_cli.translation import files as reader  # botocore is slow to import

        return reader.read(files.task_definition, files.service_file or [])
    if files.service_file:
        raise UsageError(
            "--service-file needs --task-definition: --service reads everything from AWS"
        )
    return _read_account(runtime, source)


def _read_account(runtime: Runtime, options: FromAws) -> Described:
    from devops_cli import aws, signing  # botocore is slow to import, and --help does not need it
    from devops_cli.translation import account

    chosen = config.select(runtime.environment, options.profile)
    source = runtime.credentials(chosen)
    credentials = signing.load_credentials(source)
    if credentials is None:
        raise CredentialsError(
            "no AWS credentials were found",
            "Use those of the AWS CLI, for example with aws sso login and AWS_PROFILE.",
        )
    where = options.region or signing.known_region(chosen, source, runtime.environment)
    if not where:
        raise UsageError("the AWS region of the service is not known", "Use --region REGION.")
    with aws.clients(signing.current_keys(credentials), where, account.CALLS) as clients:
        return account.read(clients, str(options.cluster), str(options.service))


def _translated(described: Described, name: str | None, choices: Choices) -> Translation:
    from devops_cli.translation.translate import translate

    try:
        return translate(
            described,
            name,
            container=choices.container,
            team=choices.team,
            email=choices.email,
        )
    except LookupError as error:
        names = ", ".join(each["name"] for each in described.definition["containerDefinitions"])
        raise UsageError(
            f"the task definition has no container {error.args[0]}", f"Its containers: {names}."
        ) from error


def _write(
    runtime: Runtime, described: Described, found: Translation, output: str, *, force: bool
) -> None:
    """Write the file, and list its notes on stderr."""
    from devops_cli.translation import written  # PyYAML is slow to import, too

    content, lines = written.text(found, written.head(described))
    if output == _STDOUT:
        typer.echo(content.encode(), nl=False)
    else:
        try:
            (own_files.replace if force else own_files.create)(Path(output), content)
        except FileExistsError as error:
            raise _exists(output) from error
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    named = "FILE" if output == _STDOUT else shlex.quote(output)
    shown = "stdout" if output == _STDOUT else output
    for line, note in sorted(zip(lines, found.notes, strict=True), key=lambda each: each[0]):
        print_on(runtime.err, texts.text(f"{shown}:{line}: {written.sentence(note)}"))
    print_on(
        runtime.err,
        texts.heading(f"Decisions for you: {len(found.notes)}. Then: ")
        + texts.command(f"devops apply -f {named} --dry-run"),
    )
