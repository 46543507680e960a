"""The access policy: the teams, admins and production approvers of an installation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

# The ARN of a role's session, which omits the path of the role (IAM User Guide, "IAM identifiers").
_SESSION = re.compile(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^:/]+)/.+", re.DOTALL)
# The ARN of a federated user's session (IAM User Guide, "IAM identifiers").
_FEDERATED = re.compile(r"(arn:[a-z-]+:sts::\d{12}:federated-user)/.+", re.DOTALL)
# An ARN, or the id of an API key. The only other form of a caller is an IP address, which does not
# identify a principal.
_PRINCIPAL = re.compile(r"arn:\S+|[A-Za-z0-9]+")
_LISTS = ("admins", "productionApprovers")
_MAPS = ("teams", "secretPrefixes", "taskRoles")
# The key of the task roles of all teams.
ALL_TEAMS = "*"
_SELF_APPROVAL = "selfApproval"


class AccessPolicy(NamedTuple):
    """The patterns of each team, of admins and of production approvers, and names of secrets.

    A pattern is the ARN of an IAM user or role (without the role's path, which STS omits) or the id
    of an API key. `*` matches any characters except `:` and `/`, so it cannot match another
    account, another type of principal or the path of a user. Without teams and production
    approvers, all callers are allowed.

    Without `self_approval`, the deployers of a release cannot make it live.
    `secret_prefixes` has the beginnings of the names of the secrets that each team can use,
    `task_roles` the patterns of the ARNs of the roles that each team can give to its tasks, with
    "*" for all teams.
    """

    teams: Mapping[str, tuple[str, ...]] = {}
    admins: tuple[str, ...] = ()
    production_approvers: tuple[str, ...] = ()
    secret_prefixes: Mapping[str, tuple[str, ...]] = {}
    self_approval: bool = True
    task_roles: Mapping[str, tuple[str, ...]] = {}

    @classmethod
    def parse(cls, text: str) -> AccessPolicy:
        """Return the policy in JSON like `{"teams": {"payments": ["arn:..."]}, "admins": [...]}`.

        An empty text is a policy without restrictions. Raises ValueError for an invalid policy,
        because ignoring it would allow all callers.
        """
        if not text.strip():
            return cls()
        try:
            policy = json.loads(text)
        except ValueError as error:
            raise ValueError(f"ACCESS_POLICY is not JSON: {error}") from error
        _check_policy(policy)
        return cls(
            teams={team: tuple(some) for team, some in policy.get("teams", {}).items()},
            admins=tuple(policy.get("admins", ())),
            production_approvers=tuple(policy.get("productionApprovers", ())),
            secret_prefixes={
                team: tuple(some) for team, some in policy.get("secretPrefixes", {}).items()
            },
            self_approval=policy.get(_SELF_APPROVAL, True),
            task_roles={team: tuple(some) for team, some in policy.get("taskRoles", {}).items()},
        )

    @property
    def refuses(self) -> bool:
        """Whether the policy restricts any callers."""
        return bool(self.teams or self.production_approvers)

    def missing_lists(self, caller: str, team: str | None, *, production: bool) -> tuple[str, ...]:
        """Return the required lists that do not contain a caller; empty if the call is allowed.

        `team` is the team of the application, None if it is unknown. With `production` the call
        changes what customers receive, which requires a production approver as well. The two
        requirements are independent: an admin is not automatically an approver.
        """
        lists = [] if self.owns(caller, team) else [self._owners(team)]
        approvers = self.production_approvers if production else ()
        if approvers and not matches(principal(caller), approvers):
            lists.append("productionapprovers")
        return tuple(lists)

    def administers(self, caller: str) -> bool:
        """Return whether a caller is an admin; without restrictions all callers are."""
        return not self.refuses or matches(principal(caller), self.admins)

    def approves_own(self, caller: str, deployers: Iterable[str]) -> bool:
        """Return whether a caller would make its own release live although this is not allowed."""
        return not self.self_approval and account_principal(caller) in deployers

    def may_use(self, team: str, secret_name: str) -> bool:
        """Return whether a team has a prefix of the name of a secret."""
        return secret_name.startswith(self.secret_prefixes.get(team, ()))

    def task_roles_of(self, team: str) -> tuple[str, ...]:
        """Return the patterns of the roles that a team can give to its tasks."""
        return (*self.task_roles.get(team, ()), *self.task_roles.get(ALL_TEAMS, ()))

    def owns(self, caller: str, team: str | None) -> bool:
        """Return whether a caller belongs to the team of an application, or to admins.

        `team` is None if it is unknown. Without teams all callers do.
        """
        owners = (*self.teams.get(team or "", ()), *self.admins)
        return not self.teams or matches(principal(caller), owners)

    def _owners(self, team: str | None) -> str:
        if team in self.teams:
            return f"the team {team} or admins"
        return f"admins (there is no team {team})" if team else "admins"


def principal(caller: str) -> str | None:
    """Return the ARN of a caller's user or role, or the id of its API key, for `AccessPolicy`.

    All sessions of a role have the ARN of the role. None for a caller with only an IP address.
    """
    session = _SESSION.fullmatch(caller)
    if session:
        return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}"
    return caller if _PRINCIPAL.fullmatch(caller) else None


def account_principal(caller: str) -> str:
    """Return the part of a caller that the caller cannot choose, for counts of calls.

    Unlike `principal`, all federated users of an account are one, because a user chooses the name
    in a call of GetFederationToken. A caller with only an IP address remains unchanged.
    """
    return _FEDERATED.sub(r"\1", principal(caller) or caller)


def matches(identity: str | None, patterns: Iterable[str]) -> bool:
    """Return whether an ARN or an id matches a pattern of `AccessPolicy`."""
    return identity is not None and any(
        re.fullmatch(re.escape(pattern).replace(r"\*", "[^:/]*"), identity) for pattern in patterns
    )


def _check_policy(policy: Any) -> None:
    if not isinstance(policy, dict) or not policy.keys() <= {*_MAPS, *_LISTS, _SELF_APPROVAL}:
        members = ", ".join((*_MAPS, *_LISTS, _SELF_APPROVAL))
        raise ValueError(f"ACCESS_POLICY must be an object with {members}")
    if not any(policy.get(_SELF_APPROVAL, True) is each for each in (True, False)):
        raise ValueError(f"ACCESS_POLICY: {_SELF_APPROVAL} must be true or false")
    lists = {name: policy.get(name, []) for name in _LISTS}
    for member in _MAPS:
        teams = policy.get(member, {})
        if not isinstance(teams, dict) or "" in teams:
            raise ValueError(f"ACCESS_POLICY: {member} must map the name of each team to a list")
        lists |= {f"{member}.{team}": values for team, values in teams.items()}
    for name, patterns in lists.items():
        strings = isinstance(patterns, list) and all(isinstance(each, str) for each in patterns)
        if not strings or "" in patterns:
            raise ValueError(f"ACCESS_POLICY: {name} must be a list of non-empty strings")
