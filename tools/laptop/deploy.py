"""Installs the service on the laptop cloud: network, parameters.yml, `serverless deploy`."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.credentials import Credentials

from tools.laptop import callers
from tools.laptop.cloud import (
    ACCOUNT,
    API_STAGE,
    DIRECTORY,
    REGION,
    ROOT,
    Cloud,
    CloudError,
)

SERVERLESS = ROOT / "node_modules" / ".bin" / "serverless"
INITIAL_IMAGE = "public.ecr.aws/devops/welcome:1"  # resolved without a registry

POLL = "200"  # milliseconds between two polls of the stack by `serverless`; its default is 5000


def deploy(
    cloud: Cloud,
    *,
    initial_image: str = INITIAL_IMAGE,
    parameters: Mapping[str, Any] | None = None,
    quiet: bool = True,
) -> dict[str, Credentials]:
    """Install the service and write the environment files; return credentials by caller name.

    Args:
        cloud: the laptop cloud.
        initial_image: the first image of a new application; with the option `docker` the engine
            must be able to pull it.
        parameters: additional or replaced settings of parameters.yml.
        quiet: print the output of `serverless` only if it fails.

    Raises:
        CloudError: `serverless` is not installed or failed; the message contains its output.

    """
    values = parameter_values(cloud, network(client(cloud, "ec2")), initial_image)
    values |= parameters or {}
    # JSON is valid YAML; the quotes keep the leading zeros of the account number.
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in values.items()]
    file = cloud.directory / "parameters.yml"
    file.write_text("".join(lines))
    _run_serverless(_serverless_environment(cloud, file), quiet=quiet)
    return write_caller_environments(cloud)


def write_caller_environments(cloud: Cloud) -> dict[str, Credentials]:
    """Write the environment file of each caller; return credentials by caller name.

    Without authentication `env` is the only file, and has the root credentials.
    """
    users = {callers.ADMIN: callers.ROOT}
    if cloud.auth:
        users = callers.create_all(client(cloud, "iam"))
    for name, credentials in users.items():
        callers.file_of(cloud.directory, name).write_text(shell_assignments(cloud, credentials))
    return users


def _run_serverless(environment: dict[str, str], *, quiet: bool) -> None:
    if not SERVERLESS.exists():
        raise CloudError("serverless is not installed: run `make setup` first")
    output = subprocess.PIPE if quiet else None
    DIRECTORY.mkdir(exist_ok=True)
    with (DIRECTORY / "deploying").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # all deploys write their package into the same folder
        done = subprocess.run(  # noqa: S603 - the tool of package.json, no shell
            [str(SERVERLESS), "deploy"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise CloudError(f"serverless deploy failed:\n{done.stdout or ''}")


def shell_assignments(cloud: Cloud, credentials: Credentials) -> str:
    """Return the contents of a caller's environment file, one NAME=value per line."""
    keys = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
    }
    return "".join(f"{name}={value}\n" for name, value in {**cloud.environment, **keys}.items())


def client(cloud: Cloud, service: str) -> Any:
    """Return a boto3 client of the laptop cloud, independent of the user's AWS configuration."""
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # nosec B106 # noqa: S106 - known key of the emulator
    )


def network(ec2: Any) -> dict[str, str]:
    """Create the VPC, subnets and security groups that an installation requires; return their ids.

    The keys of the result are the keys of parameters.yml.
    """
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    values = {"vpc": vpc}
    for number, name in enumerate(("subnet1", "subnet2", "elbsubnet1", "elbsubnet2")):
        subnet = ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.0.{number}.0/24",
            AvailabilityZone=f"{REGION}{'ab'[number % 2]}",
        )
        values[name] = subnet["Subnet"]["SubnetId"]
    for name, description in (("sg", "tasks"), ("elbsg", "load balancers")):
        group = ec2.create_security_group(VpcId=vpc, GroupName=name, Description=description)
        values[name] = group["GroupId"]
    return values


def parameter_values(cloud: Cloud, network_ids: dict[str, str], image: str) -> dict[str, Any]:
    """Return the contents of parameters.yml for the laptop."""
    return {
        "apiname": "devops-laptop",
        "stage": API_STAGE,
        "accountid": ACCOUNT,
        "region": REGION,
        **network_ids,
        "repouri": image,
        "cftemplate": f"s3://ecs-cf-bucket-{ACCOUNT}-{REGION}/application.yml",
        "publicurl": cloud.api_url,
    }


def _serverless_environment(cloud: Cloud, parameters: Path) -> dict[str, str]:
    """Return the user's environment with the AWS settings of the laptop cloud."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    tool = {"PARAMETERS": str(parameters), "CI": "true", "SLS_AWS_MONITORING_FREQUENCY": POLL}
    return {**own, **cloud.environment, **tool}
