"""Check of the service-linked roles, which AWS creates once in an account."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from devops_cli.doctor.facts import Problem

_CONSEQUENCES = {
    "ecs.amazonaws.com": (
        "ECS creates it with its first cluster, but the first create of an application can fail."
    ),
    "elasticloadbalancing.amazonaws.com": (
        "Elastic Load Balancing creates it with the first load balancer, unless a policy of the"
        " organization denies it; then the create of an application fails."
    ),
}
# The names by the services: Amazon ECS Developer Guide and Elastic Load Balancing User Guide,
# "Service-linked roles".
NAMES = {
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
}


def problems(missing: Collection[str]) -> Iterator[Problem]:
    """Yield a problem for each missing role; `missing` has names of roles."""
    for service, name in NAMES.items():
        if name in missing:
            yield Problem(
                "A service-linked role does not exist",
                name,
                _CONSEQUENCES[service],
                f"aws iam create-service-linked-role --aws-service-name {service}",
            )
