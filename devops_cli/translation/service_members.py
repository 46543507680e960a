"""The treatment of the members of a service, its load balancers and its scaling.

The shapes are those of the ECS, ELBv2 and Application Auto Scaling APIs.
"""

from __future__ import annotations

from devops_cli.translation.members import (
    RECORD,
    TEMPLATE,
    Table,
    translated,
    untranslated,
    without_effect,
)

_STAY = "leave the service where it is"
_OF_STACK = without_effect("the application's stack sets it")
_OF_INSTALLATION = without_effect("parameters.yml of the installation sets it")
_SWAP = "use devops promote and devops swap"

SERVICE: Table = {
    "serviceArn": RECORD,
    "serviceName": translated("applicationName"),
    "clusterArn": without_effect("an application has its own cluster"),
    "cluster": without_effect("an application has its own cluster"),
    "loadBalancers": translated("service.containerPort"),
    "serviceRegistries": untranslated(
        "an application has no Cloud Map names",
        "let clients use the DNS name of the load balancer",
    ),
    "status": RECORD,
    "desiredCount": translated("service.desiredCount"),
    "runningCount": RECORD,
    "pendingCount": RECORD,
    "launchType": untranslated(
        "tasks run on Fargate here",
        "check the task with the limits of Fargate, for example without privileged containers",
        "FARGATE",
    ),
    "capacityProviderStrategy": untranslated(
        "tasks run on Fargate here, without Spot and other capacity providers",
        f"compare the price (docs/cost.md), or {_STAY}",
        [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
        [{"capacityProvider": "FARGATE", "weight": 1}],
    ),
    "platformVersion": untranslated(
        "tasks run on the latest platform version here", "test the application with it",
        "LATEST", "1.4.0",
    ),
    "platformFamily": untranslated(
        "tasks run on Linux here", f"build an image for Linux, or {_STAY}", "Linux", "LINUX"
    ),
    "taskDefinition": translated("service"),
    "deploymentConfiguration": without_effect("the stack sets it; its own members differ"),
    "taskSets": untranslated("the service creates no task sets", _SWAP),
    "deployments": without_effect("AWS records it; its settings are those of the newest one"),
    "roleArn": RECORD,
    "role": without_effect("awsvpc needs the service-linked role only"),
    "events": RECORD,
    "createdAt": RECORD,
    "currentServiceDeployment": RECORD,
    "currentServiceRevisions": RECORD,
    "placementConstraints": untranslated(
        "Fargate does not support it: tasks have no container instances",
        "remove it, or leave the service on EC2",
    ),
    "placementStrategy": untranslated(
        "Fargate distributes tasks over the availability zones itself",
        "remove it, or leave the service on EC2",
    ),
    "networkConfiguration": _OF_INSTALLATION,
    "healthCheckGracePeriodSeconds": translated("service.startSeconds"),
    "schedulingStrategy": untranslated(
        "a service has a number of tasks here", "leave a daemon on EC2", "REPLICA"
    ),
    "deploymentController": untranslated(
        "ECS itself rolls tasks out here, and a swap exchanges live and idle production",
        _SWAP,
        {"type": "ECS"},
    ),
    "tags": translated("tags"),
    "createdBy": RECORD,
    "enableECSManagedTags": _OF_STACK,
    "propagateTags": _OF_STACK,
    "enableExecuteCommand": untranslated(
        "the installation turns on ECS Exec for all applications",
        "ask its admin for ecsexec: true, and give the tasks a taskRole that allows it",
    ),
    "availabilityZoneRebalancing": without_effect("the default of ECS applies"),
    "resourceManagementType": RECORD,
    "clientToken": RECORD,
    "serviceConnectConfiguration": untranslated(
        "an application has no Service Connect",
        "let the programs call each other at their load balancers",
        {"enabled": False},
    ),
    "volumeConfigurations": untranslated("a specification has no volumes", TEMPLATE),
    "vpcLatticeConfigurations": untranslated(
        "an application has no VPC Lattice", "let clients use the load balancer"
    ),
    "monitoring": untranslated(
        "a specification has no setting for metrics", "use the metrics in docs/monitoring.md"
    ),
}  # fmt: skip
# The newest deployment has settings that the description of the service lacks.
DEPLOYMENT: Table = {
    **dict.fromkeys(
        (
            "id", "status", "taskDefinition", "desiredCount", "pendingCount", "runningCount",
            "failedTasks", "createdAt", "updatedAt", "capacityProviderStrategy", "launchType",
            "platformVersion", "platformFamily", "networkConfiguration", "rolloutState",
            "rolloutStateReason", "serviceConnectResources",
        ),
        without_effect("AWS records it, or the service has the same member"),
    ),
    "serviceConnectConfiguration": SERVICE["serviceConnectConfiguration"],
    "volumeConfigurations": SERVICE["volumeConfigurations"],
    "fargateEphemeralStorage": untranslated(
        "a specification has no key for ephemeral storage: Fargate encrypts it with its own key",
        TEMPLATE,
    ),
    "vpcLatticeConfigurations": SERVICE["vpcLatticeConfigurations"],
}  # fmt: skip
DEPLOYMENT_CONFIGURATION: Table = {
    "deploymentCircuitBreaker": without_effect("the stack always enables it, with rollback"),
    "maximumPercent": without_effect("the stack sets 200"),
    "minimumHealthyPercent": without_effect("the stack sets 100: old tasks run until then"),
    "alarms": untranslated(
        "a specification has no alarms of rollouts",
        "watch them during a rollout and a swap, and return with devops swap --back",
        {"alarmNames": [], "rollback": False, "enable": False},
    ),
    "strategy": untranslated(
        "ECS itself rolls tasks out here, and a swap exchanges live and idle production",
        _SWAP,
        "ROLLING",
    ),
    "bakeTimeInMinutes": untranslated(
        "the previous release runs until the next promote", _SWAP
    ),
    "lifecycleHooks": untranslated(
        "a rollout calls no functions", "test the idle slot after devops promote"
    ),
    "linearConfiguration": untranslated("a swap moves all requests at once", _SWAP),
    "canaryConfiguration": untranslated("a swap moves all requests at once", _SWAP),
    "earlySuccessCriteria": untranslated("a rollout has no early end", "remove it"),
}  # fmt: skip
LOAD_BALANCER: Table = {
    "targetGroupArn": translated("service.healthCheckPath"),
    "loadBalancerName": untranslated(
        "an application has Application Load Balancers, not Classic ones",
        "check the limits of an Application Load Balancer",
    ),
    "containerName": translated("service"),
    "containerPort": translated("service.containerPort"),
    "advancedConfiguration": untranslated(
        "a swap exchanges live and idle production, without an alternate target group", _SWAP
    ),
}
AWSVPC_CONFIGURATION: Table = {
    "subnets": _OF_INSTALLATION,
    "securityGroups": untranslated(
        "tasks have the security group sg of the installation (docs/install.md)",
        "let this group reach the same databases and services",
    ),
    "assignPublicIp": untranslated(
        "tasks have no public addresses here",
        "let the subnets reach the internet with a NAT gateway (docs/install.md)",
        "DISABLED",
    ),
}
TARGET_GROUP: Table = {
    "TargetGroupArn": RECORD,
    "TargetGroupName": RECORD,
    "Protocol": untranslated(
        "a load balancer sends HTTP to the tasks here", "let the container accept HTTP", "HTTP"
    ),
    "Port": without_effect("the container port applies"),
    "VpcId": _OF_INSTALLATION,
    "HealthCheckProtocol": untranslated(
        "the health check is HTTP here", "let the container return 200 over HTTP", "HTTP"
    ),
    "HealthCheckPort": untranslated(
        "the health check has the container port here",
        "let the container port return 200 at healthCheckPath",
        "traffic-port",
    ),
    "HealthCheckEnabled": without_effect("it is always on for addresses"),
    "HealthCheckIntervalSeconds": _OF_STACK,
    "HealthCheckTimeoutSeconds": _OF_STACK,
    "HealthyThresholdCount": _OF_STACK,
    "UnhealthyThresholdCount": _OF_STACK,
    "HealthCheckPath": translated("service.healthCheckPath"),
    "Matcher": untranslated(
        "only the status 200 is healthy here", "let healthCheckPath return 200", {"HttpCode": "200"}
    ),
    "LoadBalancerArns": RECORD,
    "TargetType": without_effect("targets are addresses: the network mode is awsvpc"),
    "ProtocolVersion": untranslated(
        "a load balancer sends HTTP/1.1 here, not HTTP/2 or gRPC",
        f"let the container accept HTTP/1.1, or {_STAY}",
        "HTTP1",
    ),
    "IpAddressType": untranslated("targets have IPv4 addresses here", _STAY, "ipv4"),
    "TargetControlPort": untranslated("a target has no control port here", "remove it"),
}
ELB: Table = {
    **dict.fromkeys(
        ("LoadBalancerArn", "DNSName", "CanonicalHostedZoneId", "CreatedTime", "LoadBalancerName",
         "State"),
        RECORD,
    ),
    **dict.fromkeys(("VpcId", "AvailabilityZones", "SecurityGroups"), _OF_INSTALLATION),
    "Scheme": untranslated(
        "only production can be internet-facing, by productionscheme of the installation",
        "check productionscheme (docs/install.md)",
        "internal",
    ),
    "Type": untranslated(
        "an application has Application Load Balancers here", _STAY, "application"
    ),
    "IpAddressType": untranslated("load balancers have IPv4 addresses here", _STAY, "ipv4"),
    "CustomerOwnedIpv4Pool": untranslated("Outposts are not possible here", _STAY),
    "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic": without_effect(
        "only Network Load Balancers have it"
    ),
    "EnablePrefixForIpv6SourceNat": without_effect("only Network Load Balancers have it"),
    "IpamPools": untranslated("load balancers have addresses of AWS here", "remove it"),
}  # fmt: skip
SCALABLE_TARGET: Table = {
    **dict.fromkeys(
        ("ServiceNamespace", "ResourceId", "ScalableDimension", "PredictedCapacity", "RoleARN",
         "CreationTime", "ScalableTargetARN"),
        RECORD,
    ),
    "MinCapacity": translated("service.scaling.min"),
    "MaxCapacity": translated("service.scaling.max"),
    "SuspendedState": untranslated(
        "scaling cannot be suspended by a specification",
        "write desiredCount instead of scaling, or let it scale",
        dict.fromkeys(
            ("DynamicScalingInSuspended", "DynamicScalingOutSuspended",
             "ScheduledScalingSuspended"),
            False,
        ),
    ),
}  # fmt: skip
SCALING_POLICY: Table = {
    **dict.fromkeys(
        ("PolicyARN", "PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension",
         "PolicyType", "Alarms", "CreationTime"),
        RECORD,
    ),
    "StepScalingPolicyConfiguration": untranslated(
        "scaling has target values, without steps",
        "write cpuPercent, memoryPercent or requestsPerTarget",
    ),
    "TargetTrackingScalingPolicyConfiguration": translated("service.scaling"),
    "PredictiveScalingPolicyConfiguration": untranslated(
        "scaling has target values, without forecasts",
        "write cpuPercent, memoryPercent or requestsPerTarget",
    ),
}  # fmt: skip
TARGET_TRACKING: Table = {
    "TargetValue": translated("service.scaling"),
    "PredefinedMetricSpecification": translated("service.scaling"),
    "CustomizedMetricSpecification": untranslated(
        "scaling has the metrics CPU, memory and requests of a target",
        "write cpuPercent, memoryPercent or requestsPerTarget",
    ),
    "ScaleOutCooldown": untranslated(
        "scaling has the cooldowns of AWS", "observe the number of tasks", 300
    ),
    "ScaleInCooldown": untranslated(
        "scaling has the cooldowns of AWS", "observe the number of tasks", 300
    ),
    "DisableScaleIn": untranslated("scaling always also removes tasks", "write a higher min"),
}
