"""Application Auto Scaling: the scalable targets and the policies of ECS services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from devops_core.adapters.aws.errors import code, message, translated
from devops_core.errors import ThrottledError
from devops_core.model.scaling import ScalableTarget

# The policies by the member of a scaling: the name, and the predefined metric (Application Auto
# Scaling API, PredefinedMetricSpecification).
_POLICIES = {
    "cpuPercent": ("devops-cpu", "ECSServiceAverageCPUUtilization"),
    "memoryPercent": ("devops-memory", "ECSServiceAverageMemoryUtilization"),
    "requestsPerTarget": ("devops-requests", "ALBRequestCountPerTarget"),
}
_RESTORE = "devops-restore-minimum"
_NOT_FOUND = "ObjectNotFoundException"
# Errors after which the same call can succeed later. The second one has the errors of CloudWatch
# and ECS, for example for the role of Application Auto Scaling, which the first call of an account
# creates (github.com/hashicorp/terraform-provider-aws/pull/2135 and /pull/2275).
_BUSY = ("ConcurrentUpdateException", "FailedResourceAccessException")
# The ValidationException for this role while it is new (github.com/aws/aws-cdk/issues/4108).
_NEW_ROLE = "Unable to assume IAM role"


class ApplicationAutoScaling:
    """`ports.aws.Scaling` over the Application Auto Scaling API."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @translated()
    def apply(
        self,
        cluster: str,
        service: str,
        scaling: Mapping[str, int],
        *,
        label: str | None,
        scales_in: bool,
    ) -> None:
        """Register the target, put the policies of `scaling` and delete the others."""
        target = _target(cluster, service)
        with _busy(), _ignored():
            # It would restore an earlier minimum.
            self._client.delete_scheduled_action(ScheduledActionName=_RESTORE, **target)
        with _busy():
            self._register(target, scaling["min"], scaling["max"], scales_in)
        for member, (name, metric) in _POLICIES.items():
            if member in scaling:
                labelled = {"ResourceLabel": label} if member == "requestsPerTarget" else {}
                specification = {"PredefinedMetricType": metric, **labelled}
                # A new target can be unknown for a short time ("there might be a brief delay",
                # Application Auto Scaling API, RegisterScalableTarget).
                with _busy(_NOT_FOUND):
                    self._client.put_scaling_policy(
                        PolicyName=name,
                        PolicyType="TargetTrackingScaling",
                        TargetTrackingScalingPolicyConfiguration={
                            "TargetValue": float(scaling[member]),
                            "PredefinedMetricSpecification": specification,
                        },
                        **target,
                    )
            else:
                with _busy(), _ignored():
                    self._client.delete_scaling_policy(PolicyName=name, **target)

    @translated()
    def remove(self, cluster: str, service: str) -> None:
        """Deregister the target; this deletes its policies and its scheduled actions.

        (Application Auto Scaling API, DeregisterScalableTarget.)
        """
        with _busy(), _ignored():
            self._client.deregister_scalable_target(**_target(cluster, service))

    @translated()
    def set_minimum(
        self, cluster: str, service: str, scaling: Mapping[str, int], minimum: int, until: datetime
    ) -> None:
        """Schedule the restoration first, so that it also takes place after a crash."""
        target = _target(cluster, service)
        with _busy(), _ignored():
            self._client.put_scheduled_action(
                ScheduledActionName=_RESTORE,
                Schedule=f"at({until:%Y-%m-%dT%H:%M:%S})",
                ScalableTargetAction={
                    "MinCapacity": scaling["min"],
                    "MaxCapacity": scaling["max"],
                },
                **target,
            )
            self._register(target, minimum, max(minimum, scaling["max"]))

    @translated()
    def allow_scale_in(self, cluster: str, service: str, *, allowed: bool) -> None:
        """Change only the suspension of a registered target.

        RegisterScalableTarget refuses a target that is not registered without its limits
        (Application Auto Scaling API, RegisterScalableTarget, `MinCapacity`).
        """
        if self.targets(cluster, [service]):
            with _busy():
                self._register(_target(cluster, service), scales_in=allowed)

    @translated()
    def targets(self, cluster: str, services: Sequence[str]) -> dict[str, ScalableTarget]:
        """Return the targets; one page has up to 50 (DescribeScalableTargets, `MaxResults`)."""
        ids = {_target(cluster, each)["ResourceId"]: each for each in services}
        response = self._client.describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=[*ids]
        )
        return {
            ids[each["ResourceId"]]: _scalable_target(each) for each in response["ScalableTargets"]
        }

    def _register(
        self,
        target: Mapping[str, str],
        minimum: int | None = None,
        maximum: int | None = None,
        scales_in: bool | None = None,
    ) -> None:
        """Register or update a target; parameters that are None are not changed."""
        limits = {"MinCapacity": minimum, "MaxCapacity": maximum}
        suspended = (
            {}
            if scales_in is None
            else {
                "SuspendedState": {
                    "DynamicScalingInSuspended": not scales_in,
                    "DynamicScalingOutSuspended": False,
                    "ScheduledScalingSuspended": False,
                }
            }
        )
        given = {name: value for name, value in limits.items() if value is not None}
        self._client.register_scalable_target(**target, **given, **suspended)


def _target(cluster: str, service: str) -> dict[str, str]:
    """Return the members that identify the scalable target of a service."""
    return {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": f"service/{cluster}/{service}",
    }


def _scalable_target(described: Mapping[str, Any]) -> ScalableTarget:
    suspended = described.get("SuspendedState", {})
    return ScalableTarget(
        described["MinCapacity"],
        described["MaxCapacity"],
        scales_in=not suspended.get("DynamicScalingInSuspended", False),
        scales_out=not suspended.get("DynamicScalingOutSuspended", False),
    )


@contextmanager
def _busy(*codes: str) -> Iterator[None]:
    """Raise ThrottledError for errors after which the same call can succeed later."""
    try:
        yield
    except ClientError as error:
        text = message(error)
        if code(error) in (*_BUSY, *codes) or _NEW_ROLE in text:
            raise ThrottledError(
                f"Application Auto Scaling cannot complete {error.operation_name} yet: {text}"
            ) from error
        raise


@contextmanager
def _ignored() -> Iterator[None]:
    """Ignore the error of an object that does not exist."""
    try:
        yield
    except ClientError as error:
        if code(error) != _NOT_FOUND:
            raise
