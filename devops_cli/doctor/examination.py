"""All checks of an installation, and their report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from devops_cli import __version__
from devops_cli.doctor import alarms, installation, network, quotas, roles
from devops_cli.doctor.facts import Access, Installation, Lambda, Problem, Quota, Unchecked

if TYPE_CHECKING:
    from devops_cli.doctor.account import AccountFacts
    from devops_cli.doctor.service import ServiceFacts

Fact = TypeVar("Fact")


class Report(NamedTuple):
    """The problems, the checks that were not possible, and the facts for the person."""

    installation: Installation | None
    problems: Sequence[Problem]
    unchecked: Sequence[Unchecked]
    quotas: Sequence[Quota]
    routes: Sequence[Access]

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        found = self.installation
        return {
            "installation": found
            and {
                "stack": found.stack,
                "version": found.version,
                "status": found.status,
                "changedAt": found.changed_at.isoformat(),
            },
            "commandLine": __version__,
            "problems": [each._asdict() for each in self.problems],
            "unchecked": [each._asdict() for each in self.unchecked],
            "quotas": [
                {"name": each.name, "used": each.used, "limit": each.limit} for each in self.quotas
            ],
            "routes": [
                {"route": each.route, "permitted": not each.refusal, "refusedBy": each.refusal}
                for each in self.routes
            ],
        }


def examine(
    stack: str,
    found: Installation | Unchecked,
    account: AccountFacts | None,
    service: ServiceFacts,
    now: datetime,
) -> Report:
    """Check all facts; without an `account`, only those of the installation and of the service."""
    problems, unchecked = list(service.problems), list(service.unchecked)
    used: list[Quota] = []

    def check(fact: Fact | Unchecked, rule: Callable[[Fact], Iterable[Problem]]) -> None:
        if isinstance(fact, Unchecked):
            unchecked.append(fact)
        else:
            problems.extend(rule(fact))

    check(found, lambda each: installation.problems(each, now, __version__))
    if account:
        check(account.missing_roles, roles.problems)
        check(account.network, lambda each: network.problems(*each))
        if not isinstance(account.network, Unchecked):
            unchecked.extend(network.unchecked(*account.network))
        for limit in (account.load_balancers, account.target_groups, account.roles):
            check(limit, lambda each: quotas.problems([each]))
            used += [limit] if isinstance(limit, Quota) else []
        check(account.executions, quotas.execution_problems)
        check(account.alarms, lambda each: alarms.problems(stack, each))
        if isinstance(account.executions, Lambda):
            used.append(Quota("Lambda concurrent executions", *reversed(account.executions)))
    known = None if isinstance(found, Unchecked) else found
    return Report(known, problems, unchecked, used, service.routes)
