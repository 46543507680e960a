"""The properties whose change replaces a resource of an application's template; no I/O.

Source: `createOnlyProperties` in the resource provider schemas that AWS publishes.
"""

from __future__ import annotations

from collections.abc import Mapping

REPLACING_PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "AWS::ECS::Cluster": ("ClusterName",),
    "AWS::ECS::Service": ("Cluster", "Role", "SchedulingStrategy", "ServiceName"),
    "AWS::ECS::TaskDefinition": (
        *("ContainerDefinitions", "Cpu", "EnableFaultInjection", "EphemeralStorage"),
        *("ExecutionRoleArn", "Family", "InferenceAccelerators", "IpcMode", "Memory"),
        *("NetworkMode", "PidMode", "PlacementConstraints", "ProxyConfiguration"),
        *("RequiresCompatibilities", "RuntimePlatform", "TaskRoleArn", "Volumes"),
    ),
    "AWS::ElasticLoadBalancingV2::Listener": ("LoadBalancerArn",),
    "AWS::IAM::RolePolicy": ("PolicyName", "RoleName"),
    "AWS::Logs::LogGroup": ("LogGroupName",),
}
