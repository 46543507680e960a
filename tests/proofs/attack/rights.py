"""The principals of the attack and an independent model of their rights (docs/teams.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.laptop.cloud import ACCOUNT

PAYMENTS, SEARCH = "payments", "search"
TEAMS = (PAYMENTS, SEARCH)
# The kinds of operations, and those that change production.
KINDS = ("create", "deploy", "deploy-blue", "swap", "update", "upgrade", "delete")
_PRODUCTION = ("deploy-blue", "swap", "upgrade", "delete")


@dataclass(frozen=True)
class Principal:
    """An IAM user with access to all routes; `team` and `approver` are its rights."""

    name: str
    team: str
    approver: bool

    @property
    def arn(self) -> str:
        """The ARN of the user."""
        return f"arn:aws:iam::{ACCOUNT}:user/{self.name}"

    def may(self, kind: str, team: str) -> bool:
        """Return whether the principal may start or abort an operation in an application.

        An update that changes production also requires an approver (`of_production`).
        """
        return self.team == team and (self.approver or kind not in _PRODUCTION)


def of_production(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of production in the document of a specification."""
    service, own = document.get("service", {}), document.get("overrides", {}).get("prod", {})
    settings = {**service, **own}
    variables: dict[str, Any] = {}
    for level in (service, own):
        for member in ("environment", "secrets"):
            # The value, and whether it is the ARN of a secret.
            variables |= {name: (value, member) for name, value in level.get(member, {}).items()}
    for name in own.get("unset", ()):
        variables.pop(name, None)
    for member in ("environment", "secrets", "unset"):
        settings.pop(member, None)
    return {**settings, "variables": variables}


DEVELOPER = Principal("payments-dev", PAYMENTS, approver=False)
RELEASE_MANAGER = Principal("payments-release", PAYMENTS, approver=True)
# An approver, so that only its team separates it from the production of the other team.
STRANGER = Principal("search-dev", SEARCH, approver=True)
PRINCIPALS = (DEVELOPER, RELEASE_MANAGER, STRANGER)
# The applications before the attack, with similar names in both teams.
APPLICATIONS = {"Pay": PAYMENTS, "Pay-find": PAYMENTS, "Find": SEARCH, "Find-pay": SEARCH}
# Those with a swap that waits for an approval when the attack begins.
WAITING = ("Pay-find", "Find-pay")
# Names that the attack may create.
NEW_NAMES = ("Loot", "Loot-b")
# The tags of the images in the repository of each application.
VERSIONS = ("1.0", "1.1", "2.0", "evil")
