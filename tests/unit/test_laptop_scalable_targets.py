"""The scalable targets of the laptop cloud, their tags, activities and lists."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.lab.laptop.scaled_account import (
    CPU,
    KEY,
    MODEL,
    NEXT,
    REQUESTS,
    RESOURCE,
    ScaledAccount,
    members,
    refused,
)
from tools.laptop.scaling import api
from tools.laptop.scaling.tracking import LOW_POINTS, Count


@pytest.fixture
def account() -> ScaledAccount:
    return ScaledAccount()


@pytest.fixture
def registered(account: ScaledAccount) -> ScaledAccount:
    account.register(MinCapacity=1, MaxCapacity=4)
    return account


def test_a_target_has_all_members(account: ScaledAccount) -> None:
    arn = account.register(MinCapacity=1, MaxCapacity=3, Tags={"team": "red"})
    (found,) = account.call("DescribeScalableTargets", ServiceNamespace="ecs")["ScalableTargets"]
    assert found.keys() == members("ScalableTarget") - {"PredictedCapacity"}
    assert found.items() >= KEY.items()
    assert found["ScalableTargetARN"] == arn
    assert (found["MinCapacity"], found["MaxCapacity"]) == (1, 3)
    assert found["SuspendedState"].keys() == members("SuspendedState")
    assert found["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_ECSService")
    assert account.call("ListTagsForResource", ResourceARN=arn) == {"Tags": {"team": "red"}}


@pytest.mark.parametrize(
    ("minimum", "maximum", "expected"), [(1, 4, 2), (3, 4, 3), (0, 1, 1), (0, 0, 0)]
)
def test_a_registration_moves_the_count_into_the_range(
    account: ScaledAccount, minimum: int, maximum: int, expected: int
) -> None:
    account.register(MinCapacity=minimum, MaxCapacity=maximum)
    assert account.desired == expected


def test_an_update_keeps_omitted_members_and_moves_the_count(registered: ScaledAccount) -> None:
    registered.register(SuspendedState={"DynamicScalingInSuspended": True})
    registered.services.scale("Shop", "dev", 9)
    registered.register(SuspendedState={"ScheduledScalingSuspended": True})
    assert registered.desired == 4
    (found,) = registered.call("DescribeScalableTargets", ServiceNamespace="ecs")["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (1, 4)
    assert found["SuspendedState"] == {
        "DynamicScalingInSuspended": True,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": True,
    }


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"MinCapacity": 1}, "MaxCapacity is required"),
        ({"MaxCapacity": 1}, "MinCapacity is required"),
        ({"MinCapacity": 2, "MaxCapacity": 1}, "less than minimum"),
        ({"MinCapacity": -1, "MaxCapacity": 1}, "less than 0"),
        ({"MinCapacity": "1", "MaxCapacity": 1}, "Invalid type"),
        ({"MinCapacity": 1, "MaxCapacity": 1, "Desired": 1}, "Unknown parameter"),
        ({"MinCapacity": 1, "MaxCapacity": 1, "ResourceId": ""}, "ResourceId"),
        ({"MinCapacity": 1, "MaxCapacity": 1, "ResourceId": "service/dev"}, "Unsupported"),
        ({"MinCapacity": 1, "MaxCapacity": 1, "ResourceId": "service/Shop/qa"}, "doesn't exist"),
        ({"MinCapacity": 1, "MaxCapacity": 1, "ServiceNamespace": "other"}, "enum value set"),
        ({"MinCapacity": 1, "MaxCapacity": 1, "ServiceNamespace": "rds"}, "Unsupported"),
        ({"MinCapacity": 1, "MaxCapacity": 1, "Tags": {"aws:a": "b"}}, "reserved"),
        (
            {"MinCapacity": 1, "MaxCapacity": 1, "Tags": {f"t{n}": "" for n in range(51)}},
            "at most 50",
        ),
    ],
)
def test_a_registration_is_refused(
    account: ScaledAccount, parameters: dict[str, Any], message: str
) -> None:
    code, text = refused(lambda: account.call("RegisterScalableTarget", **{**KEY, **parameters}))
    assert code == "ValidationException"
    assert message in text
    assert account.account.targets == {}


def test_missing_members_are_named(account: ScaledAccount) -> None:
    _, text = refused(lambda: account.call("RegisterScalableTarget", ServiceNamespace="ecs"))
    assert text.startswith("2 validation errors detected")
    assert "ResourceId" in text
    assert "ScalableDimension" in text


def test_tags_of_a_registered_target_are_refused(registered: ScaledAccount) -> None:
    _, text = refused(lambda: registered.register(Tags={"team": "red"}))
    assert "already exists" in text


def test_a_target_keeps_up_to_50_tags(registered: ScaledAccount) -> None:
    (found,) = registered.call("DescribeScalableTargets", ServiceNamespace="ecs")["ScalableTargets"]
    arn = found["ScalableTargetARN"]
    registered.call("TagResource", ResourceARN=arn, Tags={f"t{i}": "" for i in range(50)})
    more = refused(lambda: registered.call("TagResource", ResourceARN=arn, Tags={"one": "more"}))
    assert more[0] == "TooManyTagsException"
    registered.call("UntagResource", ResourceARN=arn, TagKeys=[f"t{i}" for i in range(49)])
    assert registered.call("ListTagsForResource", ResourceARN=arn) == {"Tags": {"t49": ""}}
    unknown = arn[:-1] + ("a" if arn[-1] != "a" else "b")
    missing = refused(lambda: registered.call("ListTagsForResource", ResourceARN=unknown))
    assert missing[0] == "ResourceNotFoundException"


def test_deregistering_removes_policies_and_actions_but_not_activities(
    registered: ScaledAccount,
) -> None:
    registered.register(MinCapacity=3)
    registered.put_policy("cpu", CPU)
    registered.put_action(Schedule=NEXT, ScalableTargetAction={"MinCapacity": 2})
    registered.call("DeregisterScalableTarget", **KEY)
    for operation, name in (
        ("DescribeScalableTargets", "ScalableTargets"),
        ("DescribeScalingPolicies", "ScalingPolicies"),
        ("DescribeScheduledActions", "ScheduledActions"),
    ):
        assert registered.call(operation, ServiceNamespace="ecs") == {name: []}
    found = registered.call("DescribeScalingActivities", ServiceNamespace="ecs")
    assert len(found["ScalingActivities"]) == 1
    again = refused(lambda: registered.call("DeregisterScalableTarget", **KEY))
    assert again[0] == "ObjectNotFoundException"
    registered.register(MinCapacity=1, MaxCapacity=4)
    assert (
        registered.call("DescribeScalingPolicies", ServiceNamespace="ecs")["ScalingPolicies"] == []
    )


def test_a_target_remains_without_its_service(registered: ScaledAccount) -> None:
    registered.put_policy("cpu", CPU)
    registered.services.counts.clear()
    registered.minutes(LOW_POINTS, 99)
    found = registered.call("DescribeScalableTargets", ServiceNamespace="ecs")["ScalableTargets"]
    assert [each["ResourceId"] for each in found] == [RESOURCE]
    assert refused(lambda: registered.register(MinCapacity=2))[0] == "ValidationException"
    registered.call("DeregisterScalableTarget", **KEY)


def test_long_lists_have_pages(account: ScaledAccount) -> None:
    for number in range(3):
        account.services.counts["Shop", f"s{number}"] = Count(1, 1)
        key = {**KEY, "ResourceId": f"service/Shop/s{number}"}
        account.call("RegisterScalableTarget", **key, MinCapacity=1, MaxCapacity=2)
    page = account.call("DescribeScalableTargets", ServiceNamespace="ecs", MaxResults=2)
    assert len(page["ScalableTargets"]) == 2
    rest = account.call(
        "DescribeScalableTargets",
        ServiceNamespace="ecs",
        MaxResults=2,
        NextToken=page["NextToken"],
    )
    assert len(rest["ScalableTargets"]) == 1
    assert "NextToken" not in rest
    wrong = {"ServiceNamespace": "ecs", "NextToken": "x"}
    code, _ = refused(lambda: account.call("DescribeScalableTargets", **wrong))
    assert code == "InvalidNextTokenException"


@pytest.mark.parametrize(
    ("operation", "most"),
    [
        ("DescribeScalableTargets", 50),
        ("DescribeScalingActivities", 50),
        ("DescribeScalingPolicies", 10),
        ("DescribeScheduledActions", 50),
    ],
)
def test_the_largest_page_is_that_of_the_reference(
    account: ScaledAccount, operation: str, most: int
) -> None:
    documented = MODEL.operation_model(operation).input_shape.members["MaxResults"].documentation
    assert f"between 1 and {most}" in documented
    account.call(operation, ServiceNamespace="ecs", MaxResults=most)
    for wrong in (0, most + 1):
        call = partial(account.call, operation, ServiceNamespace="ecs", MaxResults=wrong)
        assert refused(call)[0] == "ValidationException"


def test_lists_have_filters(registered: ScaledAccount) -> None:
    registered.put_policy("cpu", CPU)
    registered.put_policy("requests", REQUESTS)

    def names(**filters: Any) -> list[str]:
        found = registered.call("DescribeScalingPolicies", ServiceNamespace="ecs", **filters)
        return [each["PolicyName"] for each in found["ScalingPolicies"]]

    assert names(PolicyNames=["cpu", "other"]) == ["cpu"]
    assert names(ResourceId=RESOURCE, ScalableDimension=KEY["ScalableDimension"]) == [
        "cpu",
        "requests",
    ]
    assert names(ResourceId="service/Shop/qa") == []
    assert "resource ID" in refused(lambda: names(ScalableDimension=KEY["ScalableDimension"]))[1]
    targets = {"ServiceNamespace": "ecs", "ResourceIds": ["service/Shop/qa"]}
    assert registered.call("DescribeScalableTargets", **targets) == {"ScalableTargets": []}


@pytest.mark.parametrize("operation", ["GetPredictiveScalingForecast", "Other"])
def test_other_calls_are_refused(account: ScaledAccount, operation: str) -> None:
    code, text = refused(lambda: api.call(account.account, operation, {}))
    assert (code, operation in text) == ("ValidationException", True)


def test_an_activity_is_overridden_by_another_count(registered: ScaledAccount) -> None:
    registered.register(MinCapacity=3)
    registered.services.counts["Shop", "dev"] = Count(4, 3)
    (found,) = registered.call("DescribeScalingActivities", ServiceNamespace="ecs")[
        "ScalingActivities"
    ]
    assert found["StatusCode"] == "Overridden"
