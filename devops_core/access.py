"""Who may change what: teams, admins and production approvers, as the installation lists them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# The caller of a role names its session and not its path (IAM User Guide, "IAM identifiers").
_SESSION = re.compile(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^:/]+)/.+", re.DOTALL)
# An ARN, or the id of an API key. What else a caller may be, an address, is nobody in particular.
_PRINCIPAL = re.compile(r"arn:\S+|[A-Za-z0-9]+")
_LISTS = ("admins", "productionApprovers")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """The patterns of each team, of admins and of production approvers; without any, all may.

    A pattern is the ARN of an IAM user or role (without its path, which STS drops) or the id of
    an API key. `*` stands for any characters but `:` and `/`, so that it never reaches into
    another account, another kind of principal or the path of a user.
    """

    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    admins: tuple[str, ...] = ()
    production_approvers: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> AccessPolicy:
        """Read JSON as in `{"teams": {"payments": ["arn:..."]}, "admins": [...]}`.

        Nothing at all refuses nobody. ValueError for anything else: a policy that is not
        understood must not let everybody in.
        """
        if not text.strip():
            return cls()
        try:
            policy = json.loads(text)
        except ValueError as error:
            raise ValueError(f"ACCESS_POLICY is not JSON: {error}") from error
        _check(policy)
        return cls(
            teams={team: tuple(some) for team, some in policy.get("teams", {}).items()},
            admins=tuple(policy.get("admins", ())),
            production_approvers=tuple(policy.get("productionApprovers", ())),
        )

    @property
    def refuses(self) -> bool:
        """Whether there is anybody who may not do something."""
        return bool(self.teams or self.production_approvers)

    def lacks(self, caller: str, team: str | None, *, production: bool) -> tuple[str, ...]:
        """Return, in words, the lists that a caller would have to be in; none when all is well.

        `team` is the application's, None when it is not known; `production` says whether it is
        about what customers get. The two have nothing to do with each other: an admin is no
        approver.
        """
        who, lists = principal(caller), []
        if self.teams and not _matches(who, (*self.teams.get(team or "", ()), *self.admins)):
            lists.append(self._owners(team))
        approvers = self.production_approvers if production else ()
        if approvers and not _matches(who, approvers):
            lists.append("productionapprovers")
        return tuple(lists)

    def _owners(self, team: str | None) -> str:
        if team in self.teams:
            return f"the team {team} or admins"
        return f"admins (there is no team {team})" if team else "admins"


def principal(caller: str) -> str | None:
    """Return what patterns are held against: the ARN of a user or role, or the id of an API key.

    All sessions of a role are that role. None for a caller of whom only the address is known.
    """
    session = _SESSION.fullmatch(caller)
    if session:
        return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}"
    return caller if _PRINCIPAL.fullmatch(caller) else None


def _matches(who: str | None, patterns: Iterable[str]) -> bool:
    return who is not None and any(
        re.fullmatch(re.escape(pattern).replace(r"\*", "[^:/]*"), who) for pattern in patterns
    )


def _check(policy: Any) -> None:
    if not isinstance(policy, dict) or not policy.keys() <= {"teams", *_LISTS}:
        raise ValueError(f"ACCESS_POLICY must be an object of teams, {', '.join(_LISTS)}")
    teams = policy.get("teams", {})
    if not isinstance(teams, dict) or "" in teams:
        raise ValueError("ACCESS_POLICY: teams must have a list of patterns by name of the team")
    lists = {f"teams.{team}": patterns for team, patterns in teams.items()}
    lists |= {name: policy.get(name, []) for name in _LISTS}
    for name, patterns in lists.items():
        texts = isinstance(patterns, list) and all(isinstance(each, str) for each in patterns)
        if not texts or "" in patterns:
            raise ValueError(f"ACCESS_POLICY: {name} must be a list of patterns, which are texts")
