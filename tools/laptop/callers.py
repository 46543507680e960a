"""IAM users to try the service with, when authentication is on; each has a file of its own.

`admin` may do everything in the account, and `.local/env` is that of `admin`; `pipeline` may do one
thing, `POST /stacks/deploy`; `stranger` has valid keys and no permission.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from tools.laptop.cloud import ACCOUNT, API_ID, API_STAGE, REGION

ROOT = Credentials("test", "test")  # the emulator checks no signature of it
ADMIN = "admin"
_ROUTES: Mapping[str, Iterable[str]] = {"pipeline": ["POST/stacks/deploy"], "stranger": []}
_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def make_all(iam: Any) -> dict[str, Credentials]:
    """Make all users of the laptop cloud and return their access keys by name."""
    users = {ADMIN: make(iam, ADMIN, _EVERYTHING)}
    for name, routes in _ROUTES.items():
        users[name] = make(iam, name, *may_call(routes))
    return users


def make(iam: Any, name: str, *statements: Mapping[str, Any]) -> Credentials:
    """Make an IAM user with the statements of a policy and return an access key of it."""
    iam.create_user(UserName=name)
    if statements:
        policy = {"Version": "2012-10-17", "Statement": statements}
        iam.put_user_policy(UserName=name, PolicyName="service", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def may_call(routes: Iterable[str]) -> list[dict[str, Any]]:
    """Return the statement that allows routes of the service ("POST/stacks/deploy"), if any."""
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/{API_STAGE}"
    resources = [f"{api}/{route}" for route in routes]
    if not resources:
        return []
    return [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resources}]


def are_known(directory: Path) -> bool:
    """Tell whether a laptop cloud has the users: its state may have been kept without them."""
    return all(file_of(directory, name).exists() for name in _ROUTES)


def file_of(directory: Path, name: str) -> Path:
    """Return where the environment of a user is written."""
    return directory / ("env" if name == ADMIN else f"{name}.env")
