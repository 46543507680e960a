"""The scaling policies and scheduled actions of the laptop cloud."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.laptop.scaled_account import (
    CPU,
    KEY,
    LABEL,
    NEXT,
    NOON,
    REQUESTS,
    RESOURCE,
    ScaledAccount,
    members,
    refused,
)
from tools.laptop.scaling.tracking import HIGH_POINTS, LOW_POINTS


@pytest.fixture
def account() -> ScaledAccount:
    return ScaledAccount()


@pytest.fixture
def registered(account: ScaledAccount) -> ScaledAccount:
    account.register(MinCapacity=1, MaxCapacity=4)
    return account


def test_a_policy_has_all_members(registered: ScaledAccount) -> None:
    options = {"ScaleInCooldown": 60, "ScaleOutCooldown": 30, "DisableScaleIn": False}
    created = registered.put_policy("requests", REQUESTS, 100, **options)
    assert created.keys() == members("PutScalingPolicyResponse")
    (found,) = registered.call("DescribeScalingPolicies", ServiceNamespace="ecs")["ScalingPolicies"]
    other = {"StepScalingPolicyConfiguration", "PredictiveScalingPolicyConfiguration"}
    assert found.keys() == members("ScalingPolicy") - other
    assert {name: found[name] for name in created} == created
    assert found["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 100, "PredefinedMetricSpecification": REQUESTS, **options
    }  # fmt: skip
    assert len(found["Alarms"]) == 2


def test_an_update_of_a_policy_keeps_its_identity(registered: ScaledAccount) -> None:
    first = registered.put_policy("cpu", CPU, 50)
    assert registered.put_policy("cpu", CPU, 70) == first
    (found,) = registered.call("DescribeScalingPolicies", ServiceNamespace="ecs")["ScalingPolicies"]
    assert found["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70


@pytest.mark.parametrize(
    ("metric", "options", "message"),
    [
        ({"PredefinedMetricType": "ALBRequestCountPerTarget"}, {}, "must be specified"),
        ({**REQUESTS, "ResourceLabel": "Shop"}, {}, "must be specified"),
        ({**REQUESTS, "ResourceLabel": LABEL + "2"}, {}, "not attached"),
        ({**CPU, "ResourceLabel": LABEL}, {}, "must not be specified"),
        ({"PredefinedMetricType": "RDSReaderAverageCPUUtilization"}, {}, "not emulated"),
        ({"PredefinedMetricType": "Other"}, {}, "enum value set"),
        (CPU, {"target": 0}, "greater than 0"),
        (CPU, {"ScaleInCooldown": -1}, "ScaleInCooldown"),
        (CPU, {"ScaleOutCooldown": 0.5}, "Invalid type"),
    ],
)
def test_a_policy_is_refused(
    registered: ScaledAccount, metric: Any, options: dict[str, Any], message: str
) -> None:
    code, text = refused(lambda: registered.put_policy("p", metric, **options))
    assert code == "ValidationException"
    assert message in text


def test_each_policy_of_a_target_has_another_metric(registered: ScaledAccount) -> None:
    registered.put_policy("one", CPU)
    _, text = refused(lambda: registered.put_policy("two", CPU))
    assert "Only one" in text
    registered.put_policy("two", REQUESTS)


def test_policies_and_actions_need_a_target(account: ScaledAccount) -> None:
    for call in (
        lambda: account.put_policy("cpu", CPU),
        lambda: account.put_action(Schedule=NEXT, ScalableTargetAction={"MinCapacity": 1}),
        lambda: account.call("DeleteScalingPolicy", **KEY, PolicyName="cpu"),
        lambda: account.call("DeleteScheduledAction", **KEY, ScheduledActionName="a"),
    ):
        assert refused(call)[0] == "ObjectNotFoundException"


def test_a_deleted_policy_no_longer_scales(registered: ScaledAccount) -> None:
    registered.put_policy("cpu", CPU)
    registered.call("DeleteScalingPolicy", **KEY, PolicyName="cpu")
    registered.minutes(LOW_POINTS, 100)
    assert registered.desired == 2


def test_a_policy_scales_out_and_in_again(registered: ScaledAccount) -> None:
    registered.put_policy("cpu", CPU, ScaleOutCooldown=120, ScaleInCooldown=60)
    registered.minutes(HIGH_POINTS - 1, 100)
    assert registered.desired == 2
    registered.minutes(1, 100)
    assert registered.desired == 4
    registered.minutes(LOW_POINTS - 1, 10)
    assert registered.desired == 4
    registered.minutes(1, 10)
    assert registered.desired == 1
    found = registered.call("DescribeScalingActivities", ServiceNamespace="ecs")[
        "ScalingActivities"
    ]
    assert [each["Description"] for each in found] == [
        "Setting desired count to 1.",
        "Setting desired count to 4.",
    ]
    assert found[0].keys() == members("ScalingActivity") - {"Details", "NotScaledReasons"}
    assert {each["StatusCode"] for each in found} == {"Successful"}
    assert "AlarmLow" in found[0]["Cause"]


def test_a_changed_policy_begins_with_new_data_points(registered: ScaledAccount) -> None:
    registered.put_policy("cpu", CPU, 50)
    registered.minutes(HIGH_POINTS - 1, 100)
    registered.put_policy("cpu", CPU, 40)
    registered.minutes(HIGH_POINTS - 1, 100)
    assert registered.desired == 2
    registered.minutes(1, 100)
    assert registered.desired == 4


def test_a_scheduled_action_changes_range_and_count_at_its_time(registered: ScaledAccount) -> None:
    capacities = {"MinCapacity": 3, "MaxCapacity": 5}
    registered.put_action(
        Schedule="at(2027-01-15T09:02:00)",
        Timezone="Europe/Berlin",
        ScalableTargetAction=capacities,
        StartTime=NOON,
        EndTime=NOON + 600,
    )
    (found,) = registered.call("DescribeScheduledActions", ServiceNamespace="ecs")[
        "ScheduledActions"
    ]
    assert found.keys() == members("ScheduledAction")
    registered.minutes(1, None)
    assert registered.desired == 2
    registered.minutes(1, None)
    assert registered.desired == 3
    (target,) = registered.call("DescribeScalableTargets", ServiceNamespace="ecs")[
        "ScalableTargets"
    ]
    assert {name: target[name] for name in capacities} == capacities
    registered.register(MinCapacity=1)
    registered.services.scale("Shop", "dev", 2)
    registered.minutes(5, None)
    assert registered.desired == 2


def test_a_suspended_scheduled_action_has_no_effect(registered: ScaledAccount) -> None:
    registered.put_action(Schedule=NEXT, ScalableTargetAction={"MinCapacity": 3})
    registered.register(SuspendedState={"ScheduledScalingSuspended": True})
    registered.minutes(2, None)
    registered.register(SuspendedState={"ScheduledScalingSuspended": False})
    registered.minutes(2, None)
    assert registered.desired == 2


def test_an_update_of_an_action_keeps_omitted_members_except_its_times(
    registered: ScaledAccount,
) -> None:
    registered.put_action(
        Schedule=NEXT, ScalableTargetAction={"MinCapacity": 3}, EndTime=NOON + 600
    )
    registered.put_action(Schedule="at(2027-01-15T08:03:00)")
    (found,) = registered.call("DescribeScheduledActions", ServiceNamespace="ecs")[
        "ScheduledActions"
    ]
    assert found["ScalableTargetAction"] == {"MinCapacity": 3}
    assert "EndTime" not in found
    registered.minutes(2, None)
    assert registered.desired == 2
    registered.call("DeleteScheduledAction", **KEY, ScheduledActionName="a")
    registered.minutes(2, None)
    assert registered.desired == 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Schedule": "at(2027-01-15T08:00:00)"}, "in the past"),
        ({"Schedule": "at(2027-13-15T08:00:00)"}, "does not exist"),
        ({"Schedule": NEXT, "Timezone": "Nowhere"}, "does not exist"),
        ({"Schedule": "rate(1 minute)"}, "only schedules"),
        ({}, "only schedules"),
        ({"Schedule": NEXT, "ScalableTargetAction": {}}, "At least one"),
        (
            {"Schedule": NEXT, "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 1}},
            "less than minimum",
        ),
        ({"Schedule": NEXT, "ScheduledActionName": "a/b"}, "regular expression"),
        ({"Schedule": NEXT, "ScheduledActionName": "a" * 257}, "less than or equal to 256"),
    ],
)
def test_an_action_is_refused(
    registered: ScaledAccount, parameters: dict[str, Any], message: str
) -> None:
    given = {"ScheduledActionName": "a", "ScalableTargetAction": {"MinCapacity": 1}, **parameters}
    code, text = refused(lambda: registered.call("PutScheduledAction", **KEY, **given))
    assert code == "ValidationException"
    assert message in text


def test_an_action_whose_range_became_empty_has_no_effect(registered: ScaledAccount) -> None:
    registered.put_action(Schedule=NEXT, ScalableTargetAction={"MinCapacity": 4})
    registered.register(MaxCapacity=3)
    registered.minutes(2, None)
    assert registered.desired == 2


def test_the_limits_of_a_target(registered: ScaledAccount) -> None:
    records = registered.state["targets"][RESOURCE]
    other = {**KEY, "TargetTrackingScalingPolicyConfiguration": {}}
    records["policies"] = {str(number): other for number in range(50)}
    assert refused(lambda: registered.put_policy("p", CPU))[0] == "LimitExceededException"
    records["actions"] = {str(number): {} for number in range(200)}
    action: dict[str, Any] = {"Schedule": NEXT, "ScalableTargetAction": {"MinCapacity": 1}}
    assert refused(lambda: registered.put_action(**action))[0] == "LimitExceededException"


@pytest.mark.parametrize("kind", ["StepScaling", "PredictiveScaling"])
def test_other_kinds_of_policies_are_refused(registered: ScaledAccount, kind: str) -> None:
    given = {"PolicyName": "p", "PolicyType": kind}
    _, text = refused(lambda: registered.call("PutScalingPolicy", **KEY, **given))
    assert f"{kind} is not emulated" in text
