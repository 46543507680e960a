"""IAM users for a laptop cloud with authentication; each has an environment file.

`admin` has all permissions in the account; its file is `.local/env`. `pipeline` has the permission
for `POST /stacks/deploy` only. `stranger` has valid keys without any permission.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from tools.laptop.cloud import ACCOUNT, API_ID, API_STAGE, REGION

ROOT = Credentials("test", "test")  # the emulator does not check signatures with this key
ADMIN = "admin"
_ROUTES: Mapping[str, Iterable[str]] = {"pipeline": ["POST/stacks/deploy"], "stranger": []}
_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def create_all(iam: Any) -> dict[str, Credentials]:
    """Create all users of the laptop cloud and return their access keys by name."""
    users = {ADMIN: create_user(iam, ADMIN, _EVERYTHING)}
    for name, routes in _ROUTES.items():
        users[name] = create_user(iam, name, *allow_routes(routes))
    return users


def create_user(iam: Any, name: str, *statements: Mapping[str, Any]) -> Credentials:
    """Create an IAM user with an inline policy of `statements`; return an access key."""
    iam.create_user(UserName=name)
    if statements:
        policy = {"Version": "2012-10-17", "Statement": statements}
        iam.put_user_policy(UserName=name, PolicyName="service", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def allow_routes(routes: Iterable[str]) -> list[dict[str, Any]]:
    """Return a statement that allows routes of the service ("POST/stacks/deploy").

    The list is empty without routes.
    """
    api = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/{API_STAGE}"
    resources = [f"{api}/{route}" for route in routes]
    if not resources:
        return []
    return [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resources}]


def exist(directory: Path) -> bool:
    """Return whether a laptop cloud has the users; a state saved without `auth` lacks them."""
    return all(file_of(directory, name).exists() for name in _ROUTES)


def file_of(directory: Path, name: str) -> Path:
    """Return the path of a user's environment file."""
    return directory / ("env" if name == ADMIN else f"{name}.env")
