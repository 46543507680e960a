"""The command that checks an installation: doctor."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from devops_cli import config, rules
from devops_cli.doctor import examination
from devops_cli.doctor.examination import Report
from devops_cli.doctor.facts import Installation, Unchecked
from devops_cli.exits import Exit
from devops_cli.options import command
from devops_cli.runtime import print_on
from devops_cli.session import Session
from devops_cli.show import examination as shown

_SERVICE = "devops-ecs"


@command
def doctor(
    session: Session,
    stack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="CloudFormation stack of the service. Default: devops-ecs- and the last part of"
            " the address.",
        ),
    ] = None,
    team: Annotated[
        str,
        typer.Option(
            metavar="TEAM", parser=rules.text("team"), help="Team for the dry run of a create."
        ),
    ] = _SERVICE,
) -> Exit:
    """Check an installation, and list its problems with their remedies.

    It only reads, with your own rights. Checks that these rights exclude are listed; they do not
    change the exit code, which is 1 if there is a problem.
    """
    report = _examine(session, stack or config.stack_of(session.connection.api), team)
    if session.common.as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        for each in shown.elements(report, session.runtime.clock.now()):
            print_on(session.runtime.out, each)
    return Exit.FAILED if report.problems else Exit.SUCCEEDED


def _examine(session: Session, stack: str, team: str) -> Report:
    from devops_cli import aws, signing  # botocore is slow to import, and --help does not need it
    from devops_cli.doctor import account, service

    api, source, runtime = session.api, session.credentials, session.runtime
    now = runtime.clock.now()
    credentials = signing.load_credentials(source)
    found: Installation | Unchecked = Unchecked(
        "stack, network, quotas and alarms", "no AWS credentials were found"
    )
    facts = None
    if credentials:
        region = signing.region_of(session.connection, source, runtime.environment)
        with aws.clients(signing.current_keys(credentials), region, account.CALLS) as clients:
            found = account.read_installation(clients, stack)
            # Without the stack, the credentials can belong to another account.
            if isinstance(found, Installation) or found.action:
                facts = account.read(clients, stack, found, now)
    tags = found.required_tags if isinstance(found, Installation) else ()
    calls = service.read(api, service.unused_name(), team, tags)
    return examination.examine(stack, found, facts, calls, now)
