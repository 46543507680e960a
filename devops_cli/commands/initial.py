"""The command that writes a specification from an existing ECS service: init."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from devops_cli import config, rules
from devops_cli.exits import Exit
from devops_cli.failures import CredentialsError, UsageError
from devops_cli.options import command
from devops_cli.runtime import Runtime, print_on
from devops_cli.show import texts

if TYPE_CHECKING:
    from devops_cli.translation.facts import Described, Translation

_STDOUT = "-"
_FROM_AWS, _FROM_FILES, _APPLICATION = "From AWS", "From files", "The application"


@command
def init(
    runtime: Runtime,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            parser=rules.text("name"),
            help="The name of the new application. Default: that of the service.",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="CLUSTER", help="ECS cluster.", rich_help_panel=_FROM_AWS),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(
            metavar="SERVICE", help="ECS service in this cluster.", rich_help_panel=_FROM_AWS
        ),
    ] = None,
    region: Annotated[
        str,
        typer.Option(
            metavar="REGION",
            help="AWS region of the service. Default: that of the profile, or AWS_REGION.",
            rich_help_panel=_FROM_AWS,
        ),
    ] = "",
    profile: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Profile of `devops config` with the credentials. Without it, AWS_PROFILE works"
            " as for the AWS CLI.",
            rich_help_panel=_FROM_AWS,
        ),
    ] = "",
    task_definition: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Output of `aws ecs describe-task-definition`, or input of"
            " `register-task-definition`.",
            rich_help_panel=_FROM_FILES,
        ),
    ] = None,
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
    ] = None,
    container: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Container whose image you deploy; the others become sidecars. Default: that of"
            " the load balancer, or the first essential one with a port.",
            rich_help_panel=_APPLICATION,
        ),
    ] = None,
    team: Annotated[
        str | None,
        typer.Option(
            metavar="TEAM",
            parser=rules.text("team"),
            help="Team that owns the application.",
            rich_help_panel=_APPLICATION,
        ),
    ] = None,
    email: Annotated[
        str | None,
        typer.Option(metavar="EMAIL", help="Address of the owners.", rich_help_panel=_APPLICATION),
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The new file; - is stdout.")
    ] = "app.yml",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> Exit:
    """Write the specification of a new application from an existing ECS service.

    The command only reads from AWS, and it needs no installation of the service. It translates the
    port, the health check, variables, secrets, the size, the number of tasks or the scaling, and
    sidecars. Comments in the file, also listed on stderr, name everything that needs a decision,
    with the remedy. Complete the file; then devops apply -f app.yml creates the application. The
    existing service does not change.
    """
    if (task_definition is None) == (cluster is None or service is None):
        raise UsageError(
            "init needs an ECS service or a file",
            "devops init NAME --cluster CLUSTER --service SERVICE",
            "devops init NAME --task-definition task-definition.json --service-file service.json",
        )
    if output != _STDOUT and Path(output).exists() and not force:
        raise UsageError(f"{output} exists", "Use --force to replace it, or -o FILE for another.")
    if task_definition is None:
        described = _read_account(runtime, str(cluster), str(service), profile, region)
    else:
        from devops_cli.translation import files

        described = files.read(task_definition, service_file or [])
    _write(runtime, described, _translated(described, name, container, team, email), output)
    return Exit.SUCCEEDED


def _read_account(
    runtime: Runtime, cluster: str, service: str, profile: str, region: str
) -> Described:
    from devops_cli import aws, signing  # botocore is slow to import, and --help does not need it
    from devops_cli.translation import account

    chosen = config.select(runtime.environment, profile)
    source = runtime.credentials(chosen)
    credentials = signing.load_credentials(source)
    if credentials is None:
        raise CredentialsError(
            "no AWS credentials were found",
            "Use those of the AWS CLI, for example with aws sso login and AWS_PROFILE.",
        )
    where = region or signing.known_region(chosen, source, runtime.environment)
    if not where:
        raise UsageError("the AWS region of the service is not known", "Use --region REGION.")
    with aws.clients(signing.current_keys(credentials), where, account.CALLS) as clients:
        return account.read(clients, cluster, service)


def _translated(
    described: Described,
    name: str | None,
    container: str | None,
    team: str | None,
    email: str | None,
) -> Translation:
    from devops_cli.translation.translate import translate

    try:
        return translate(described, name, container=container, team=team, email=email)
    except LookupError as error:
        names = ", ".join(each["name"] for each in described.definition["containerDefinitions"])
        raise UsageError(
            f"the task definition has no container {error.args[0]}", f"Its containers: {names}."
        ) from error


def _write(runtime: Runtime, described: Described, found: Translation, output: str) -> None:
    """Write the file, and list its notes on stderr."""
    from devops_cli.translation import written  # PyYAML is slow to import, too

    content, lines = written.text(found, written.head(described))
    if output == _STDOUT:
        typer.echo(content.encode(), nl=False)
    else:
        try:
            Path(output).write_text(content, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}") from error
    shown = "stdout" if output == _STDOUT else output
    for line, note in sorted(zip(lines, found.notes, strict=True), key=lambda each: each[0]):
        print_on(runtime.err, texts.text(f"{shown}:{line}: {written.sentence(note)}"))
    print_on(
        runtime.err,
        texts.heading(f"{len(found.notes)} notes for you to decide. Then: ")
        + texts.command(f"devops apply -f {'FILE' if output == _STDOUT else output} --dry-run"),
    )
