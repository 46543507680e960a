"""Checks of the subnets: zones, free addresses, routes and endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from devops_cli.doctor.facts import Installation, Network, Problem, Route, RouteTable, Subnet

# Elastic Load Balancing, Application Load Balancers, "Subnets for your load balancer".
_FREE_ADDRESSES = 8
_ANYWHERE = "0.0.0.0/0"
# Amazon ECS Developer Guide, "Amazon ECS interface VPC endpoints". The layers of ECR images are in
# S3, and ECR cannot use an interface endpoint for it.
_GATEWAY = "s3"
ENDPOINTS = ("ecr.api", "ecr.dkr", "logs", _GATEWAY)
_PARAMETERS = "correct parameters.yml and run npx serverless deploy"
_CREATES = "The create of an application fails."


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
    for each in own_tasks:
        yield from _task_routes(each, network)
    if installation.scheme == "internet-facing":
        for each in own_balancers:
            yield from _public_route(each, network)


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
    missing = [name for name in ENDPOINTS if not _has_endpoint(name, table, network)]
    if not missing or (route and route.is_active and not _is_internet_gateway(route)):
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


def _public_route(subnet: Subnet, network: Network) -> Iterator[Problem]:
    table = _table(subnet, network.tables)
    route = _default_route(table)
    if route and route.is_active and _is_internet_gateway(route):
        return
    target = f"igw-… --route-table-id {table.id if table else 'rtb-…'}"
    yield Problem(
        "A load balancer subnet has no route to an internet gateway",
        f"{subnet.id}, {table.id if table else 'no route table'}",
        "Customers on the internet do not reach production (productionscheme: internet-facing).",
        f"aws ec2 create-route --destination-cidr-block {_ANYWHERE} --gateway-id {target}",
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


def _has_endpoint(name: str, table: RouteTable | None, network: Network) -> bool:
    """Return whether an endpoint exists; a gateway endpoint must belong to the route table."""
    return any(
        each.service.endswith(f".{name}")
        and each.is_gateway == (name == _GATEWAY)
        and (not each.is_gateway or (table is not None and table.id in each.route_tables))
        for each in network.endpoints
    )
