"""The tags of secrets in Secrets Manager and of SSM parameters."""

from __future__ import annotations

from collections.abc import Mapping

from devops_core.model.secret import Secret
from tests.lab.fakes.wire import Port, Wire, outgoing


class FakeSecretTags(Port, port="secret_tags"):
    """`ports.aws.SecretTags`; `stored` has the tags of each existing secret by ARN."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self.stored: dict[str, dict[str, str]] = {}

    @outgoing
    def tags(self, secret: Secret) -> Mapping[str, str]:
        """Return the tags of a secret; empty if it does not exist."""
        return dict(self.stored.get(secret.arn, {}))
