"""Application Auto Scaling: targets, policies and schedules, and the errors of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from devops_core.adapters.scaling import ApplicationAutoScaling
from devops_core.errors import AccessDeniedError, RefusedError, ThrottledError
from devops_core.model.scaling import ScalableTarget
from tests.adapters.conftest import Aws
from tests.lab.moto.hooks import parameters, refuse, respond
from tests.lab.moto.scaling import Registered, Targets, answer
from tests.lab.moto.transport import Wire

SCALING = {"min": 2, "max": 5, "cpuPercent": 60, "requestsPerTarget": 100}
LABEL = "app/Shop-dev/1/targetgroup/Shop-dev/2"
UNTIL = datetime(2030, 3, 1, 9, 15, 30, 123000, tzinfo=UTC)
TARGET = {
    "ServiceNamespace": "ecs",
    "ScalableDimension": "ecs:service:DesiredCount",
    "ResourceId": "service/Shop/dev",
}
MISSING = ("ObjectNotFoundException", "No scalable target found")
NEW_ROLE = "Unable to assume IAM role"
NEW_SESSION = "Unable to retrieve capacity. The token of the request is invalid."
LACKS = "User is missing the following permissions: "


@pytest.fixture
def targets() -> Targets:
    """The scalable targets, which the stand keeps beside moto."""
    return {}


@pytest.fixture
def client(aws: Aws, targets: Targets) -> Any:
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName="Shop")
    ecs.register_task_definition(
        family="Shop-dev", containerDefinitions=[{"name": "app", "image": "nginx", "memory": 128}]
    )
    ecs.create_service(cluster="Shop", serviceName="dev", taskDefinition="Shop-dev", desiredCount=1)
    found = aws.client("application-autoscaling")
    Wire(lambda call, _request: answer(targets, call)).attach(found)
    return found


@pytest.fixture
def adapter(client: Any) -> ApplicationAutoScaling:
    return ApplicationAutoScaling(client)


def apply(
    adapter: ApplicationAutoScaling,
    scaling: Mapping[str, int] = SCALING,
    label: str | None = LABEL,
    *,
    scales_in: bool = True,
) -> None:
    adapter.apply("Shop", "dev", scaling, label=label, scales_in=scales_in)


def target(targets: Targets) -> Registered:
    return targets["service/Shop/dev"]


def test_a_scaling_has_a_target_and_a_policy_for_each_value(
    targets: Targets, adapter: ApplicationAutoScaling
) -> None:
    apply(adapter)
    assert adapter.targets("Shop", ["dev", "qa"]) == {"dev": ScalableTarget(2, 5)}
    found = target(targets).policies
    assert found.keys() == {"devops-cpu", "devops-requests"}
    assert found["devops-cpu"]["TargetValue"] == 60
    assert found["devops-requests"]["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": LABEL,
    }  # fmt: skip


def test_another_scaling_replaces_limits_policies_and_schedules(
    targets: Targets, adapter: ApplicationAutoScaling
) -> None:
    apply(adapter)
    adapter.set_minimum("Shop", "dev", SCALING, 4, UNTIL)
    apply(adapter, {"min": 1, "max": 3, "memoryPercent": 70}, None, scales_in=False)
    assert adapter.targets("Shop", ["dev"]) == {"dev": ScalableTarget(1, 3, scales_in=False)}
    assert target(targets).values == {"memoryPercent": 70}
    assert target(targets).actions == {}


def test_a_raised_minimum_is_restored_at_a_time(
    client: Any, adapter: ApplicationAutoScaling
) -> None:
    apply(adapter)
    sent = parameters(client, "PutScheduledAction")
    registered = parameters(client, "RegisterScalableTarget")
    adapter.set_minimum("Shop", "dev", SCALING, 7, UNTIL)
    assert sent == [
        TARGET
        | {
            "ScheduledActionName": "devops-restore-minimum",
            "Schedule": "at(2030-03-01T09:15:30)",
            "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 5},
        }
    ]
    assert registered == [TARGET | {"MinCapacity": 7, "MaxCapacity": 7}]


def test_scale_in_is_suspended_without_other_changes(
    adapter: ApplicationAutoScaling,
) -> None:
    apply(adapter)
    adapter.allow_scale_in("Shop", "dev", allowed=False)
    assert adapter.targets("Shop", ["dev"]) == {"dev": ScalableTarget(2, 5, scales_in=False)}
    adapter.allow_scale_in("Shop", "dev", allowed=True)
    assert adapter.targets("Shop", ["dev"]) == {"dev": ScalableTarget(2, 5)}


def test_nothing_is_registered_for_a_missing_target(
    client: Any, adapter: ApplicationAutoScaling
) -> None:
    registered = parameters(client, "RegisterScalableTarget")
    adapter.allow_scale_in("Shop", "dev", allowed=False)
    refuse(client, "PutScheduledAction", *MISSING)
    adapter.set_minimum("Shop", "dev", SCALING, 4, UNTIL)
    refuse(client, "DeregisterScalableTarget", *MISSING)
    adapter.remove("Shop", "dev")
    assert registered == []


def test_a_removed_target_does_not_exist(adapter: ApplicationAutoScaling) -> None:
    apply(adapter)
    adapter.remove("Shop", "dev")
    assert adapter.targets("Shop", ["dev"]) == {}


@pytest.mark.parametrize(
    ("operation", "code", "message", "error"),
    [
        ("RegisterScalableTarget", "ConcurrentUpdateException", "because", ThrottledError),
        ("PutScalingPolicy", "ConcurrentUpdateException", "because", ThrottledError),
        # A new target can be unknown for a short time.
        ("PutScalingPolicy", "ObjectNotFoundException", "because", ThrottledError),
        ("RegisterScalableTarget", "LimitExceededException", "because", RefusedError),
        ("DeleteScalingPolicy", "ValidationException", "because", RefusedError),
        # The role of Application Auto Scaling is new.
        ("RegisterScalableTarget", "ValidationException", NEW_ROLE, ThrottledError),
        ("PutScalingPolicy", "FailedResourceAccessException", NEW_SESSION, ThrottledError),
        *(
            ("RegisterScalableTarget", "ValidationException", f"{LACKS}{each}", AccessDeniedError)
            for each in ("ecs:UpdateService", "[ecs:UpdateService]")
        ),
    ],
)
def test_errors_of_application_auto_scaling(
    client: Any,
    adapter: ApplicationAutoScaling,
    operation: str,
    code: str,
    message: str,
    error: type[Exception],
) -> None:
    known = client.meta.service_model.operation_model(operation).error_shapes
    assert code in {each.name for each in known}
    refuse(client, operation, code, message)
    # The error names the permission, or the fault.
    with pytest.raises(error, match=r"ecs:UpdateService|because|Unable|invalid"):
        apply(adapter)


def test_targets_that_were_never_suspended_scale(
    client: Any, adapter: ApplicationAutoScaling
) -> None:
    described = TARGET | {"MinCapacity": 1, "MaxCapacity": 2}
    out = {"DynamicScalingOutSuspended": True}
    respond(
        client,
        "DescribeScalableTargets",
        {"ScalableTargets": [described]},
        {"ScalableTargets": [described | {"SuspendedState": out}]},
    )
    assert adapter.targets("Shop", ["dev"]) == {"dev": ScalableTarget(1, 2)}
    assert adapter.targets("Shop", ["dev"]) == {"dev": ScalableTarget(1, 2, scales_out=False)}
