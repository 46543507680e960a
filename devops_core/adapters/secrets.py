"""Secrets Manager and the SSM parameter store: the tags of secrets, never their values."""

from __future__ import annotations

from typing import Any

from devops_core.adapters.aws.errors import translated
from devops_core.model.secret import Secret


class SecretTags:
    """`ports.aws.SecretTags` over Secrets Manager and Systems Manager."""

    def __init__(self, secrets: Any, parameters: Any) -> None:
        self._secrets = secrets
        self._parameters = parameters

    @translated()
    def tags(self, secret: Secret) -> dict[str, str]:
        """Return the tags of a secret or a parameter; empty if it does not exist."""
        if secret.service == "ssm":
            found = self._of_parameter(_parameter_name(secret))
        else:
            found = self._of_secret(secret.arn)
        return {tag["Key"]: tag["Value"] for tag in found}

    def _of_secret(self, arn: str) -> list[dict[str, str]]:
        client = self._secrets
        try:
            found: list[dict[str, str]] = client.describe_secret(SecretId=arn).get("Tags", [])
        except client.exceptions.ResourceNotFoundException:
            return []
        return found

    def _of_parameter(self, name: str) -> list[dict[str, str]]:
        client = self._parameters
        try:
            found: list[dict[str, str]] = client.list_tags_for_resource(
                ResourceType="Parameter", ResourceId=name
            ).get("TagList", [])
        except client.exceptions.InvalidResourceId:
            return []
        return found


def _parameter_name(secret: Secret) -> str:
    """Return the name of a parameter, which begins with a slash if it has a hierarchy.

    The ARN has no slash more than its "parameter/" (Systems Manager User Guide, "Parameter names").
    """
    return f"/{secret.name}" if "/" in secret.name else secret.name
