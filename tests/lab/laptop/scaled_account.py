"""An account whose services follow its scaling at once; each response is judged by botocore."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.validate import ParamValidator

from tools.laptop.scaling import api, schedules
from tools.laptop.scaling.records import Account, ScalingError
from tools.laptop.scaling.scaler import Scaler
from tools.laptop.scaling.tracking import Count

MODEL = botocore.session.get_session().get_service_model("application-autoscaling")
RESOURCE = "service/Shop/dev"
KEY = {
    "ServiceNamespace": "ecs",
    "ResourceId": RESOURCE,
    "ScalableDimension": "ecs:service:DesiredCount",
}
LABEL = "app/Shop/1/targetgroup/Shop/2"
CPU = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
REQUESTS = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": LABEL}
NOON = 1_800_000_000.0  # 2027-01-15T08:00:00Z
NEXT = "at(2027-01-15T08:01:00)"


@dataclass
class FakeServices:
    """Services whose tasks start at once."""

    counts: dict[tuple[str, str], Count] = field(default_factory=dict)

    def count(self, cluster: str, service: str) -> Count | None:
        return self.counts.get((cluster, service))

    def scale(self, cluster: str, service: str, desired: int) -> None:
        self.counts[cluster, service] = Count(desired, desired)

    def has_target_group(self, cluster: str, service: str, label: str) -> bool:
        return (cluster, service, label) == ("Shop", "dev", LABEL)


class ScaledAccount:
    """An account with one service of two tasks."""

    def __init__(self) -> None:
        self.services = FakeServices({("Shop", "dev"): Count(2, 2)})
        self.state: dict[str, Any] = {}
        self.now = NOON
        self.scaler = Scaler()

    @property
    def account(self) -> Account:
        return Account(self.state, self.services, self.now, "eu-west-1", "012345678901")

    @property
    def desired(self) -> int:
        return self.services.counts["Shop", "dev"].desired

    def call(self, operation: str, **parameters: Any) -> Any:
        """Make a call, and judge its response or its error by the model."""
        model = MODEL.operation_model(operation)
        try:
            answer = json.loads(json.dumps(api.call(self.account, operation, parameters)))
        except ScalingError as error:
            if error.code not in [each.name for each in model.error_shapes]:
                pytest.fail(f"{operation} does not have the error {error.code}")
            raise
        shape = model.output_shape
        wire = {"body": json.dumps(answer).encode(), "status_code": 200, "headers": {}}
        parsed = create_parser("json").parse(wire, shape)
        del parsed["ResponseMetadata"]
        report = ParamValidator().validate(parsed, shape)
        assert not report.has_errors(), report.generate_report()
        assert parsed.keys() == answer.keys()
        return parsed

    def register(self, **parameters: Any) -> str:
        return str(self.call("RegisterScalableTarget", **KEY, **parameters)["ScalableTargetARN"])

    def put_policy(self, name: str, metric: Any, target: float = 50, **options: Any) -> Any:
        configuration = {
            "TargetValue": target, "PredefinedMetricSpecification": metric, **options
        }  # fmt: skip
        return self.call(
            "PutScalingPolicy",
            **KEY,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configuration,
        )

    def put_action(self, name: str = "a", **parameters: Any) -> Any:
        return self.call("PutScheduledAction", **KEY, ScheduledActionName=name, **parameters)

    def minutes(self, number: int, point: float | None) -> None:
        for _ in range(number):
            self.now += 60
            schedules.run_due(self.account)
            self.scaler.evaluate(self.account, lambda *_: point)


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ScalingError) as caught:
        call()
    return caught.value.code, str(caught.value)


def members(name: str) -> set[str]:
    return set(MODEL.shape_for(name).members)
