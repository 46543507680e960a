"""The facts about an installation, and the results of the checks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple


class Problem(NamedTuple):
    """A problem with its place, its consequence and its remedy (a command or a page)."""

    name: str
    place: str
    consequence: str
    remedy: str


class Unchecked(NamedTuple):
    """A check that was not possible; `action` is the missing permission, if one is missing."""

    check: str
    reason: str
    action: str = ""


class Installation(NamedTuple):
    """The CloudFormation stack of the service.

    `version` and the members after it are outputs of the stack. They are empty if the stack has
    none: during a deploy, and in an installation from before these outputs.
    """

    stack: str
    status: str
    changed_at: datetime
    version: str = ""
    vpc: str = ""
    task_subnets: Sequence[str] = ()
    load_balancer_subnets: Sequence[str] = ()
    scheme: str = ""
    required_tags: Sequence[str] = ()
    account: str = ""


class Subnet(NamedTuple):
    """A subnet with its availability zone, its free addresses and the account that owns it."""

    id: str
    zone: str
    free_addresses: int
    owner: str = ""


class Route(NamedTuple):
    """A route; `target` is the id of a gateway or another resource.

    `destination` is a range of IPv4, empty for one of IPv6 and for a prefix list.
    """

    destination: str
    target: str
    is_active: bool = True


class RouteTable(NamedTuple):
    """A route table with its subnets; the main table also has those without an own table."""

    id: str
    is_main: bool
    subnets: Sequence[str]
    routes: Sequence[Route]


class Endpoint(NamedTuple):
    """An available VPC endpoint; a gateway endpoint has route tables.

    `has_names` is whether the usual host names of the service lead to an interface endpoint.
    """

    service: str
    is_gateway: bool
    route_tables: Sequence[str] = ()
    has_names: bool = True


class Network(NamedTuple):
    """The subnets of an installation, with the routes and the endpoints of their VPC."""

    subnets: Sequence[Subnet]
    tables: Sequence[RouteTable]
    endpoints: Sequence[Endpoint]


class Quota(NamedTuple):
    """A quota of AWS with its use; a new application with dev and qa needs `needed` more."""

    name: str
    used: int
    limit: int
    needed: int = 0


class Lambda(NamedTuple):
    """The concurrent executions of the account: limit, and maximum of the last seven days."""

    limit: int
    peak: int


class Alarm(NamedTuple):
    """An alarm of the service; `notifies` is whether it has an enabled action."""

    name: str
    state: str
    notifies: bool


class Access(NamedTuple):
    """A route of the API; `refusal` is empty if the caller can call it."""

    route: str
    refusal: str = ""
