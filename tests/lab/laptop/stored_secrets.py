"""Secrets of teams in AWS Secrets Manager on a laptop cloud."""

from __future__ import annotations

import json

from tests.lab.laptop.api import Api

TAG = "technicalTeam"
# What Secrets Manager stores for a private registry (ECS Developer Guide, "Using non-AWS container
# images in Amazon ECS").
LOGIN = json.dumps({"username": "reader", "password": "hush"})


def tagged(team: str | None) -> list[dict[str, str]]:
    """Return the tags of a resource of a team, none for None."""
    return [{"Key": TAG, "Value": team}] if team else []


def stored_secret(api: Api, name: str, value: str, team: str | None) -> str:
    """Store a secret of a team, and return its ARN."""
    client = api.client("secretsmanager")
    arn: str = client.create_secret(Name=name, SecretString=value, Tags=tagged(team))["ARN"]
    return arn
