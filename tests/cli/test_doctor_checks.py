"""The checks of `devops doctor`: facts, and the problems that they show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from devops_cli.doctor import alarms, installation, network, quotas, roles
from devops_cli.doctor.facts import (
    Alarm,
    Endpoint,
    Installation,
    Lambda,
    Network,
    Problem,
    Quota,
    Route,
    RouteTable,
    Subnet,
)
from tests.lab.prepared_service import NOW
from tests.lab.templates import ROOT

STACK = "devops-ecs-dev"
INSTALLATION = Installation(
    STACK, "UPDATE_COMPLETE", NOW - timedelta(days=1), "0.1.0", "vpc-1", ("a", "b"), ("c", "d"),
    "internal",
)  # fmt: skip
NAT = Route("0.0.0.0/0", "nat-1")
INTERNET = Route("0.0.0.0/0", "igw-1")
LOCAL = Route("10.0.0.0/16", "local")
SUBNETS = (
    Subnet("a", "zone-1", 200), Subnet("b", "zone-2", 200),
    Subnet("c", "zone-1", 200), Subnet("d", "zone-2", 200),
)  # fmt: skip
PRIVATE = RouteTable("private", True, (), (LOCAL, NAT))
PUBLIC = RouteTable("public", False, ("c", "d"), (LOCAL, INTERNET))
NETWORK = Network(SUBNETS, (PRIVATE, PUBLIC), ())


def endpoints(*names: str, tables: Sequence[str] = ("private",)) -> list[Endpoint]:
    return [
        Endpoint(f"com.amazonaws.eu-west-1.{name}", name == "s3", tables if name == "s3" else ())
        for name in names
    ]


def names(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    for each in problems:
        assert all(each)
    return [(each.name, each.place) for each in problems]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"status": "UPDATE_IN_PROGRESS", "version": ""}, []),
        ({"status": "IMPORT_COMPLETE"}, []),
        (
            {"status": "IMPORT_COMPLETE", "version": ""},
            ["The installation does not report its version"],
        ),
        (
            {"status": "UPDATE_ROLLBACK_COMPLETE"},
            ["The last deploy of the service ended as UPDATE_ROLLBACK_COMPLETE"],
        ),
        ({"changed_at": NOW - timedelta(days=180)}, []),
        (
            {"changed_at": NOW - timedelta(days=181)},
            ["The last deploy of the service is 181 days old"],
        ),
        ({"version": ""}, ["The installation does not report its version"]),
        (
            {"version": "0.0.9"},
            ["The installation has the version 0.0.9, the command line 0.1.0"],
        ),
    ],
)
def test_the_last_deploy_is_complete_recent_and_of_the_same_version(
    change: dict[str, object], expected: list[str]
) -> None:
    changed = INSTALLATION._replace(**change)  # type: ignore[arg-type] # members by name
    found = names([*installation.problems(changed, NOW, "0.1.0")])
    assert found == [(name, f"stack {STACK}") for name in expected]


@pytest.mark.parametrize(
    ("change", "scheme", "expected"),
    [
        (NETWORK, "internal", []),
        (NETWORK, "internet-facing", []),
        (
            NETWORK._replace(subnets=SUBNETS[1:]),
            "internal",
            [("A subnet of the installation does not exist", "a")],
        ),
        (
            NETWORK._replace(subnets=(SUBNETS[0], *SUBNETS[2:3], Subnet("d", "zone-1", 9))),
            "internal",
            [
                ("A subnet of the installation does not exist", "b"),
                ("All load balancer subnets are in one availability zone", "c, d in zone-1"),
            ],
        ),
        (
            NETWORK._replace(subnets=(SUBNETS[0], Subnet("b", "zone-3", 9), *SUBNETS[2:])),
            "internal",
            [("A task subnet is in a zone without a load balancer subnet", "b in zone-3")],
        ),
        (
            NETWORK._replace(subnets=(*SUBNETS[:3], Subnet("d", "zone-2", 7))),
            "internal",
            [("A load balancer subnet has 7 free addresses", "d")],
        ),
        (NETWORK._replace(subnets=(*SUBNETS[:3], Subnet("d", "zone-2", 8))), "internal", []),
        (
            NETWORK._replace(tables=(PRIVATE._replace(routes=(LOCAL,)), PUBLIC)),
            "internal",
            [
                ("A task subnet has no default route", "a, private"),
                ("A task subnet has no default route", "b, private"),
            ],
        ),
        (
            NETWORK._replace(
                tables=(PRIVATE._replace(routes=(NAT._replace(is_active=False),)), PUBLIC)
            ),
            "internal",
            [
                ("The default route of a task subnet has no effect, because nat-1 is gone", place)
                for place in ("a, private", "b, private")
            ],
        ),
        (
            NETWORK._replace(tables=(PRIVATE, PUBLIC._replace(subnets=("a", "c", "d")))),
            "internal",
            [("The default route of a task subnet is an internet gateway", "a, public")],
        ),
        (
            NETWORK._replace(
                tables=(PRIVATE._replace(routes=(LOCAL,)), PUBLIC),
                endpoints=endpoints("ecr.api", "ecr.dkr", "logs", "s3"),
            ),
            "internal",
            [],
        ),
        (
            NETWORK._replace(
                tables=(PRIVATE._replace(routes=(LOCAL,)), PUBLIC),
                endpoints=endpoints("ecr.api", "ecr.dkr", "logs", "s3", tables=("public",)),
            ),
            "internal",
            [
                ("A task subnet has no default route", "a, private"),
                ("A task subnet has no default route", "b, private"),
            ],
        ),
        (
            NETWORK._replace(tables=(PRIVATE, PUBLIC._replace(subnets=("c",)))),
            "internet-facing",
            [("A load balancer subnet has no route to an internet gateway", "d, private")],
        ),
        (
            NETWORK._replace(tables=()),
            "internet-facing",
            [
                ("A task subnet has no default route", "a, no route table"),
                ("A task subnet has no default route", "b, no route table"),
                (
                    "A load balancer subnet has no route to an internet gateway",
                    "c, no route table",
                ),
                (
                    "A load balancer subnet has no route to an internet gateway",
                    "d, no route table",
                ),
            ],
        ),
    ],
)
def test_subnets_have_two_zones_free_addresses_and_routes(
    change: Network, scheme: str, expected: list[tuple[str, str]]
) -> None:
    found = network.problems(INSTALLATION._replace(scheme=scheme), change)
    assert names([*found]) == expected


INTERFACES = ("ecr.api", "ecr.dkr", "logs")
NAMELESS = [
    *(Endpoint(each.service, is_gateway=False, has_names=False) for each in endpoints(*INTERFACES)),
    *endpoints("s3"),
]
SHARED = [each._replace(owner="999999999999") for each in SUBNETS]


def private_routes(*routes: Route) -> Network:
    return NETWORK._replace(tables=(PRIVATE._replace(routes=(LOCAL, *routes)), PUBLIC))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        # The endpoints of an organization can be in another VPC.
        (private_routes(Route("10.0.0.0/8", "tgw-1")), "routes to tgw-1"),
        (private_routes(Route("10.8.0.0/16", "pcx-1")), "routes to pcx-1"),
        (private_routes(Route("10.0.0.0/8", "arn:aws:networkmanager::1:core-network/c")), "arn:"),
        (private_routes(INTERNET, Route("10.0.0.0/8", "vgw-1")), "routes to vgw-1"),
        # A prefix list of the customer, and both halves of the IPv4 addresses.
        (private_routes(Route("", "nat-1")), "routes to nat-1"),
        (private_routes(Route("0.0.0.0/1", "nat-1"), Route("128.0.0.0/1", "nat-1")), "to nat-1"),
        (private_routes()._replace(endpoints=NAMELESS), "no private DNS names"),
    ],
)
def test_a_way_that_the_facts_do_not_show_is_unchecked(change: Network, reason: str) -> None:
    assert names([*network.problems(INSTALLATION, change)]) == []
    found = [*network.unchecked(INSTALLATION, change)]
    assert [each.check for each in found] == [f"routes of the task subnet {each}" for each in "ab"]
    assert all(reason in each.reason for each in found)


@pytest.mark.parametrize(
    "change",
    [
        # Neither is a way for IPv4: a gateway endpoint for another service, egress-only for IPv6.
        private_routes(Route("", "vpce-1")),
        private_routes(Route("", "eigw-1")),
        private_routes(Route("10.0.0.0/8", "tgw-1", is_active=False)),
        private_routes(NAT._replace(is_active=False), Route("10.0.0.0/8", "pcx-1")),
        private_routes()._replace(endpoints=NAMELESS[:2]),
    ],
)
def test_routes_that_cannot_help_are_no_excuse(change: Network) -> None:
    assert [each.place for each in network.problems(INSTALLATION, change)] == [
        "a, private", "b, private",
    ]  # fmt: skip
    assert [*network.unchecked(INSTALLATION, change)] == []


@pytest.mark.parametrize("target", ["vpce-1", "eni-1", "i-1"])
def test_a_firewall_before_the_internet_gateway_is_unchecked(target: str) -> None:
    public = INSTALLATION._replace(scheme="internet-facing")
    routes = (LOCAL, Route("0.0.0.0/0", target))
    change = NETWORK._replace(tables=(PRIVATE, PUBLIC._replace(routes=routes)))
    assert names([*network.problems(public, change)]) == []
    found = [*network.unchecked(public, change)]
    assert [each.check for each in found] == [
        f"routes of the load balancer subnet {each}" for each in "cd"
    ]
    assert all(target in each.reason for each in found)
    assert [*network.unchecked(INSTALLATION, change)] == []


@pytest.mark.parametrize("tables", [(), (PRIVATE._replace(routes=(LOCAL,)), PUBLIC)])
def test_routes_of_a_shared_vpc_are_unchecked(tables: Sequence[RouteTable]) -> None:
    participant = INSTALLATION._replace(account="123456789012", scheme="internet-facing")
    shared = Network(SHARED, tables, ())
    assert names([*network.problems(participant, shared)]) == []
    (found,) = network.unchecked(participant, shared)
    assert "another account owns the VPC" in found.reason
    # Zones and addresses are known.
    assert names([*network.problems(participant, shared._replace(subnets=SHARED[1:]))]) == [
        ("A subnet of the installation does not exist", "a")
    ]


def test_known_ways_are_not_unchecked() -> None:
    with_endpoints = private_routes()._replace(endpoints=endpoints(*INTERFACES, "s3"))
    for each in (NETWORK, with_endpoints):
        owned = each._replace(subnets=[s._replace(owner="123456789012") for s in each.subnets])
        account = INSTALLATION._replace(account="123456789012", scheme="internet-facing")
        assert [*network.unchecked(account, owned)] == []


@pytest.mark.parametrize(
    ("tables", "remedy"),
    [
        # An empty route table of the load balancers alone.
        ((PRIVATE, PUBLIC._replace(routes=(LOCAL,))), "aws ec2 create-route"),
        # The tasks use the route table too, or it already has a default route.
        ((PRIVATE,), "Associate the subnet with another route table"),
        ((PRIVATE._replace(routes=(LOCAL,)),), "Associate the subnet with another route table"),
        ((PRIVATE, PUBLIC._replace(routes=(NAT,))), "Associate the subnet with another"),
    ],
)
def test_the_remedy_for_a_private_load_balancer_keeps_the_routes_of_the_tasks(
    tables: Sequence[RouteTable], remedy: str
) -> None:
    public = INSTALLATION._replace(scheme="internet-facing")
    found = [*network.problems(public, NETWORK._replace(tables=tables))]
    remedies = [each.remedy for each in found if each.name.startswith("A load balancer subnet")]
    assert len(remedies) == 2
    assert all(each.startswith(remedy) for each in remedies)


def test_an_interface_endpoint_for_s3_does_not_serve_the_layers_of_images() -> None:
    interface = Endpoint("com.amazonaws.eu-west-1.s3", is_gateway=False)
    found = network.problems(
        INSTALLATION,
        NETWORK._replace(
            tables=(PRIVATE._replace(routes=(LOCAL,)), PUBLIC),
            endpoints=[*endpoints("ecr.api", "ecr.dkr", "logs"), interface],
        ),
    )
    assert ["VPC endpoints for s3 " in each.remedy for each in found] == [True, True]


def test_the_problem_names_the_missing_endpoints() -> None:
    without = NETWORK._replace(
        tables=(PRIVATE._replace(routes=(LOCAL,)), PUBLIC), endpoints=endpoints("ecr.api", "s3")
    )
    for each in network.problems(INSTALLATION, without):
        assert "VPC endpoints for ecr.dkr, logs" in each.remedy


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        (Quota("roles", 0, 50, 3), []),
        (Quota("roles", 39, 50, 3), []),
        (Quota("roles", 40, 50, 3), [("The quota of roles is nearly used up", "40 of 50")]),
        (Quota("roles", 47, 50, 3), [("The quota of roles is nearly used up", "47 of 50")]),
        (Quota("roles", 48, 50, 3), [("The quota of roles is used up", "48 of 50")]),
    ],
)
def test_a_quota_has_room_for_one_more_application(
    quota: Quota, expected: list[tuple[str, str]]
) -> None:
    assert names([*quotas.problems([quota])]) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Lambda(1000, 799), []),
        (Lambda(1000, 800), ["The concurrent executions of Lambda are nearly used up"]),
        (Lambda(110, 0), []),
        (Lambda(109, 0), ["The account has only 109 concurrent executions of Lambda"]),
        (
            Lambda(10, 10),
            [
                "The account has only 10 concurrent executions of Lambda",
                "The concurrent executions of Lambda are nearly used up",
            ],
        ),
    ],
)
def test_lambda_has_executions_for_a_reservation_and_for_calls(
    found: Lambda, expected: list[str]
) -> None:
    assert [name for name, _ in names([*quotas.execution_problems(found)])] == expected


def test_each_missing_service_linked_role_has_its_command() -> None:
    assert [*roles.problems([])] == []
    both = [*roles.problems(["AWSServiceRoleForElasticLoadBalancing", "AWSServiceRoleForECS"])]
    assert [each.place for each in both] == [
        "AWSServiceRoleForECS",
        "AWSServiceRoleForElasticLoadBalancing",
    ]
    assert [each.remedy.split()[-1] for each in both] == [
        "ecs.amazonaws.com",
        "elasticloadbalancing.amazonaws.com",
    ]


ALARMS = [Alarm(f"{STACK}-{kind}", "OK", True) for kind in alarms.PROCEDURES]
LOST = Alarm(f"{STACK}-lost-for-slack", "ALARM", False)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (ALARMS, []),
        ([*ALARMS, Alarm(f"{STACK}-other", "ALARM", False)], []),
        # Only installations with a rule for notifications have this alarm.
        (
            [*ALARMS, LOST],
            [
                ("An alarm is in the state ALARM", LOST.name),
                ("Alarms have no enabled action", LOST.name),
            ],
        ),
        (ALARMS[1:], [("An alarm of the service does not exist", ALARMS[0].name)]),
        (
            [ALARMS[0]._replace(state="ALARM"), *ALARMS[1:]],
            [("An alarm is in the state ALARM", ALARMS[0].name)],
        ),
        (
            [*ALARMS[:2], *(each._replace(notifies=False) for each in ALARMS[2:])],
            [("Alarms have no enabled action", f"{ALARMS[2].name}, {ALARMS[3].name}")],
        ),
    ],
)
def test_alarms_exist_are_off_and_have_an_action(
    found: list[Alarm], expected: list[tuple[str, str]]
) -> None:
    assert names([*alarms.problems(STACK, found)]) == expected


@pytest.mark.parametrize(
    ("file", "kinds"),
    [("alarms.yml", alarms.PROCEDURES), ("notifications.yml", alarms.OPTIONAL_PROCEDURES)],
)
def test_each_alarm_of_the_service_has_a_procedure(file: str, kinds: Mapping[str, str]) -> None:
    deployed = re.findall(
        r"AlarmName: \$\{self:service\}-\$\{self:custom\.parameters\.stage\}-(\S+)",
        (ROOT / "serverless" / file).read_text(),
    )
    assert sorted(deployed) == sorted(kinds)
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    titles = {line.lstrip("# ").lower().replace(" ", "-") for line in page.splitlines()}
    assert {*kinds.values()} <= titles
