"""The installation under attack: two teams, their applications, and unique values to search for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from botocore.credentials import Credentials

from tests.lab.laptop.api import Api
from tests.proofs.attack.rights import APPLICATIONS, PRINCIPALS, TEAMS, VERSIONS, WAITING
from tests.proofs.attack.sender import Known
from tools.laptop import callers
from tools.laptop.cloud import ACCOUNT, REGION, Options, started
from tools.laptop.deploy import deploy

_ADMIN = f"arn:aws:iam::{ACCOUNT}:user/{callers.ADMIN}"
PARAMETERS = {
    "teams": {team: [each.arn for each in PRINCIPALS if each.team == team] for team in TEAMS},
    "admins": [_ADMIN],
    "productionapprovers": [_ADMIN, *(each.arn for each in PRINCIPALS if each.approver)],
}


@dataclass
class Installation:
    """A laptop cloud with the service, the admin's client, and the credentials by user name.

    `canaries` has for each team the values that no other principal may see. `digests` has the
    digest of each pushed image by repository and tag.
    """

    api: Api
    credentials: dict[str, Credentials]
    known: Known = field(default_factory=Known)
    canaries: dict[str, set[bytes]] = field(default_factory=dict)
    digests: dict[tuple[str, str], str] = field(default_factory=dict)


@contextmanager
def installation() -> Iterator[Installation]:
    """Start a laptop cloud with the applications of both teams; stop it at the end."""
    with (
        TemporaryDirectory() as directory,
        started(Path(directory), Options(auth=True)) as cloud,
    ):
        users = deploy(cloud, parameters=PARAMETERS)
        api = Api(cloud, users[callers.ADMIN])
        iam, every_route = api.client("iam"), callers.allow_routes(["*"])
        made = {each.name: callers.create_user(iam, each.name, *every_route) for each in PRINCIPALS}
        found = Installation(api, made)
        for team in TEAMS:
            _prepare_team(found, team)
        with ThreadPoolExecutor(len(APPLICATIONS)) as pool:
            list(pool.map(lambda name: _prepare_application(found, name), APPLICATIONS))
        found.known.operations.sort()
        found.known.swaps.sort()
        yield found


def _prepare_team(made: Installation, team: str) -> None:
    """Create a secret that belongs to a team; its name is secret as well."""
    name = f"/{team}/canary-{team}-parameter"
    made.api.client("ssm").put_parameter(
        Name=name,
        Value=f"canary-{team}-value",
        Type="SecureString",
        Tags=[{"Key": "technicalTeam", "Value": team}],
    )
    made.known.secrets[team] = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"
    made.canaries[team] = {f"canary-{team}".encode(), f"CANARY_{team}".encode()}


def _prepare_application(made: Installation, name: str) -> None:
    """Create an application and release 1.0; 1.1 and 2.0 are approved, evil is an attacker's."""
    api, team = made.api, APPLICATIONS[name]
    service = {"environment": {f"CANARY_{team}": f"canary-{team}-variable"}}
    secrets = {"secrets": {"TOKEN": made.known.secrets[team]}}
    body = {
        "applicationName": name,
        "email": "team@example.com",
        "tags": {"technicalTeam": team},
        "environments": {"nonProd": ["dev"]},
        "service": service,
        "overrides": {"dev": secrets, "prod": secrets},
    }
    api.succeed(api.post("/stacks", body))
    for version in VERSIONS:
        digest = api.push(name, version)
        made.digests[name.lower(), version] = digest
        made.known.digests[f"{name}:{version}"] = digest
        made.canaries[team].add(digest.removeprefix("sha256:").encode())
    deploy_body = {"applicationName": name, "environment": ["dev"], "version": "1.0"}
    for path, request in (
        ("/stacks/deploy", deploy_body),
        ("/stacks/deploytoprodBlue", {"applicationName": name}),
        ("/stacks/swapProdBlueAndGreen", {"applicationName": name}),
    ):
        identifier = api.succeed(api.post(path, request))["id"]
        made.known.operations.append(f"/stacks/{name}/operations/{identifier}")
    if name in WAITING:
        policy = {"strategy": {"type": "canary"}, "approval": {"before": "shift"}}
        reply = api.post("/stacks/swapProdBlueAndGreen", {"applicationName": name, **policy})
        path = f"/stacks/{name}/operations/{reply.body['operation']['id']}"
        made.known.operations.append(path)
        made.known.swaps.append(path)
