"""Callers, their teams, and the calls that these allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from devops_core.access import AccessPolicy
from devops_core.model.operation import Event
from tests.lab.client import Client, Reply
from tests.lab.fakes import ACCOUNT, FakeCloud

_STS, _IAM = f"arn:aws:sts::{ACCOUNT}:assumed-role", f"arn:aws:iam::{ACCOUNT}"
OWNER, OTHER = f"{_STS}/payments-ci/build-17", f"{_STS}/search-ci/build-4"
ADMIN, APPROVER = f"{_IAM}:user/ada", f"{_STS}/payments-lead/lea"
TEAMS = {
    "payments": (f"{_IAM}:role/payments-*", "a1b2c3d4e5"),
    "search": (f"{_IAM}:role/search-*",),
}
_LEAD = f"{_IAM}:role/payments-lead"
ONLY_TEAMS = AccessPolicy(teams=TEAMS, admins=(ADMIN,))
ONLY_APPROVERS = AccessPolicy(production_approvers=(_LEAD,))
BOTH = ONLY_TEAMS._replace(production_approvers=(_LEAD,))

Ask = Callable[[Client], Reply]
WRITES: Mapping[str, Ask] = {
    "deploy": lambda api: api.deploy("1.1", "dev"),
    "deploy-blue": lambda api: api.promote(),
    "swap": lambda api: api.swap(),
    "delete": lambda api: api.delete(),
}
# The verbs of messages that differ from the name of the kind.
VERBS = {"deploy-blue": "promote"}
PRODUCTION = ("deploy-blue", "swap", "delete")


def with_policy(cloud: FakeCloud, policy: AccessPolicy) -> FakeCloud:
    """Give an installation a policy; return it."""
    cloud.settings = cloud.settings._replace(access=policy)
    return cloud


def denied(cloud: FakeCloud, application: str = "Shop") -> list[Event]:
    """Return the refusals on record for an application."""
    return [each for each in cloud.tables.events_of(application) if each.outcome == "DENIED"]


def refusals(cloud: FakeCloud, application: str = "Shop") -> int:
    """Return the number of refused calls on record for an application."""
    return sum(each.count or 0 for each in denied(cloud, application))


def hold_refused(cloud: FakeCloud, caller: str, ask: Ask, calls: list[str]) -> Reply:
    """Send a request that is refused; check that it makes only these calls.

    One of them can be the count of the refusal.
    """
    tables, start, counted = cloud.tables, len(cloud.wire.journal), refusals(cloud)
    before = (dict(tables.rows), dict(tables.operations), dict(tables.idempotency_records))
    reply = ask(Client(cloud, caller))
    assert (reply.status, reply.body["code"]) == (403, "FORBIDDEN"), reply.body
    assert reply.body.keys() == {"errorMessage", "code"}
    assert cloud.wire.names(start) == calls
    assert (tables.rows, tables.operations, tables.idempotency_records) == before
    assert refusals(cloud) == counted + calls.count("tables.count_refusal")
    return reply
