"""Checks of the subnets: zones, free addresses, routes and endpoints.

Routes can lead to other networks, and a VPC can belong to another account. The check of a route is
then not possible: only a fault that the facts prove is a problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from devops_cli.doctor.facts import (
    Endpoint,
    Installation,
    Network,
    Problem,
    Route,
    RouteTable,
    Subnet,
    Unchecked,
)

# Elastic Load Balancing, Application Load Balancers, "Subnets for your load balancer".
_FREE_ADDRESSES = 8
_ANYWHERE = "0.0.0.0/0"
# Amazon ECS Developer Guide, "Amazon ECS interface VPC endpoints". The layers of ECR images are in
# S3, and ECR cannot use an interface endpoint for it.
_GATEWAY = "s3"
ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", _GATEWAY)
_PARAMETERS = "correct parameters.yml and run npx serverless deploy"
_CREATES = "The create of an application fails."
# The targets of routes that stay in the VPC, and those that tasks without public addresses cannot
# use: the VPC itself, internet gateways, and egress-only gateways, which are for IPv6.
_NOT_ELSEWHERE = ("local", "igw-", "eigw-")
# Targets that inspect packets and forward them: endpoints of firewalls and appliances (AWS Network
# Firewall Developer Guide, "Simple single zone architecture with an internet gateway").
_APPLIANCES = ("vpce-", "eni-", "i-")


def problems(installation: Installation, network: Network) -> Iterator[Problem]:
    """Yield the problems of the subnets of an installation."""
    known = {each.id: each for each in network.subnets}
    tasks, balancers = installation.task_subnets, installation.load_balancer_subnets
    for name in dict.fromkeys((*tasks, *balancers)):
        if name not in known:
            yield Problem(
                "A subnet of the installation does not exist",
                name,
                _CREATES,
                f"Write an existing subnet: {_PARAMETERS}",
            )
    own_tasks = [known[name] for name in tasks if name in known]
    own_balancers = [known[name] for name in balancers if name in known]
    yield from _zones(own_tasks, own_balancers)
    yield from _addresses(own_balancers)
    if _is_shared(installation, network):
        return
    for each in own_tasks:
        yield from _task_routes(each, network)
    if installation.scheme == "internet-facing":
        for each in own_balancers:
            yield from _public_route(each, installation, network)


def unchecked(installation: Installation, network: Network) -> Iterator[Unchecked]:
    """Yield the checks of routes that are not possible with the facts."""
    if _is_shared(installation, network):
        yield Unchecked(
            "routes of the subnets",
            "another account owns the VPC, and only that account can read its routes and endpoints",
        )
        return
    for each in network.subnets:
        table = _table(each, network.tables)
        route = _default_route(table)
        if each.id in installation.task_subnets and (reason := _unknown_way(table, network)):
            yield Unchecked(f"routes of the task subnet {each.id}", reason)
        if (
            installation.scheme == "internet-facing"
            and each.id in installation.load_balancer_subnets
            and _is_appliance(route)
        ):
            yield Unchecked(
                f"routes of the load balancer subnet {each.id}",
                f"the default route is {route.target if route else ''}, for example a firewall;"
                " its own subnet needs the route to the internet gateway",
            )


def _is_shared(installation: Installation, network: Network) -> bool:
    """Return whether another account owns a subnet.

    A participant of a shared VPC cannot view resources of the owner (Amazon VPC User Guide, "Share
    your VPC subnets with other accounts").
    """
    owners = {each.owner for each in network.subnets if each.owner}
    return bool(installation.account and owners - {installation.account})


def _zones(tasks: Sequence[Subnet], balancers: Sequence[Subnet]) -> Iterator[Problem]:
    zones = {each.zone for each in balancers}
    if len(zones) == 1:
        yield Problem(
            "All load balancer subnets are in one availability zone",
            f"{', '.join(each.id for each in balancers)} in {', '.join(zones)}",
            "A load balancer requires two zones. " + _CREATES,
            f"Write a subnet of another zone into elbsubnet2: {_PARAMETERS}",
        )
    for each in tasks:
        if zones and each.zone not in zones:
            yield Problem(
                "A task subnet is in a zone without a load balancer subnet",
                f"{each.id} in {each.zone}",
                "Tasks in this subnet get no requests and are replaced again and again.",
                f"Write a subnet in one of {', '.join(sorted(zones))}: {_PARAMETERS}",
            )


def _addresses(balancers: Sequence[Subnet]) -> Iterator[Problem]:
    for each in balancers:
        if each.free_addresses < _FREE_ADDRESSES:
            yield Problem(
                f"A load balancer subnet has {each.free_addresses} free addresses",
                each.id,
                f"Each load balancer requires {_FREE_ADDRESSES}. " + _CREATES,
                "Delete unused applications (devops delete NAME), or use a larger subnet:"
                f" {_PARAMETERS}",
            )


def _task_routes(subnet: Subnet, network: Network) -> Iterator[Problem]:
    table = _table(subnet, network.tables)
    route = _default_route(table)
    missing = _missing_endpoints(table, network)
    if not missing or _unknown_way(table, network) or _is_private_way(route):
        return
    if route is None:
        name = "A task subnet has no default route"
    elif not route.is_active:
        name = f"The default route of a task subnet has no effect, because {route.target} is gone"
    else:
        name = "The default route of a task subnet is an internet gateway"
    yield Problem(
        name,
        f"{subnet.id}, {table.id if table else 'no route table'}",
        "Tasks have no public address, so they cannot load images or write logs."
        " Creates and deploys fail.",
        f"Route {_ANYWHERE} to a NAT gateway, or create VPC endpoints for {', '.join(missing)}"
        " (docs/install.md#prerequisites)",
    )


def _public_route(
    subnet: Subnet, installation: Installation, network: Network
) -> Iterator[Problem]:
    table = _table(subnet, network.tables)
    route = _default_route(table)
    if route and route.is_active and _is_internet_gateway(route):
        return
    if _is_appliance(route):
        return
    tasks = [each for each in network.subnets if each.id in installation.task_subnets]
    if route or table in [_table(each, network.tables) for each in tasks]:
        # The route exists already, or the tasks would lose their way without public addresses.
        remedy = (
            "Associate the subnet with another route table, whose default route is an internet"
            " gateway (VPC console, Route tables)"
        )
    else:
        target = f"igw-… --route-table-id {table.id if table else 'rtb-…'}"
        remedy = f"aws ec2 create-route --destination-cidr-block {_ANYWHERE} --gateway-id {target}"
    yield Problem(
        "A load balancer subnet has no route to an internet gateway",
        f"{subnet.id}, {table.id if table else 'no route table'}",
        "Customers on the internet do not reach production (productionscheme: internet-facing).",
        remedy,
    )


def _table(subnet: Subnet, tables: Sequence[RouteTable]) -> RouteTable | None:
    """Return the route table of a subnet: its own, or else the main table of the VPC."""
    own = next((each for each in tables if subnet.id in each.subnets), None)
    return own or next((each for each in tables if each.is_main), None)


def _default_route(table: RouteTable | None) -> Route | None:
    routes = table.routes if table else ()
    return next((each for each in routes if each.destination == _ANYWHERE), None)


def _is_internet_gateway(route: Route) -> bool:
    return route.target.startswith("igw-")


def _is_private_way(route: Route | None) -> bool:
    """Return whether tasks without public addresses can use a default route."""
    return bool(route and route.is_active and not route.target.startswith(_NOT_ELSEWHERE))


def _is_appliance(route: Route | None) -> bool:
    return bool(route and route.is_active and route.target.startswith(_APPLIANCES))


def _unknown_way(table: RouteTable | None, network: Network) -> str:
    """Return why tasks may reach AWS on a way that the facts do not show; empty if they cannot.

    A default route without a target that exists is a fault, also with other routes.
    """
    missing, route = _missing_endpoints(table, network), _default_route(table)
    if not missing or _is_private_way(route) or (route and not route.is_active):
        return ""
    nameless = [
        name
        for name in missing
        if any(not each.is_gateway for each in _for_service(name, network.endpoints))
    ]
    if nameless == missing:
        return (
            f"the endpoints for {', '.join(nameless)} have no private DNS names; tasks use them"
            " only with other DNS records"
        )
    routes = table.routes if table else ()
    others = dict.fromkeys(each.target for each in routes if _leads_elsewhere(each))
    if others:
        return (
            f"there are no endpoints for {', '.join(missing)} in the VPC, but routes to"
            f" {', '.join(others)}, which can lead to them"
        )
    return ""


def _leads_elsewhere(route: Route) -> bool:
    """Return whether a route leads out of the VPC; a gateway endpoint has no IPv4 destination."""
    to_endpoint = route.target.startswith("vpce-") and not route.destination
    return bool(
        route.is_active
        and route.target
        and not to_endpoint
        and not route.target.startswith(_NOT_ELSEWHERE)
    )


def _missing_endpoints(table: RouteTable | None, network: Network) -> list[str]:
    """Return the services without a usable endpoint.

    An interface endpoint needs private DNS names, a gateway endpoint the route table.
    """
    return [
        name
        for name in ENDPOINTS
        if not any(
            (table is not None and table.id in each.route_tables)
            if each.is_gateway
            else each.has_names
            for each in _for_service(name, network.endpoints)
        )
    ]


def _for_service(name: str, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    is_gateway = name == _GATEWAY
    return [
        each
        for each in endpoints
        if each.service.endswith(f".{name}") and each.is_gateway == is_gateway
    ]
