"""The minimal script in boto3: it has all inputs and does no checks.

It has the ARNs and the task definitions as inputs. It does not prevent concurrent changes, keeps no
record, and does not check the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import boto3

Job = Mapping[str, Any]


@cache
def client(service: str) -> Any:
    """Return a client; later calls in the same process reuse it."""
    return boto3.client(service)


def create(job: Job) -> None:
    """Read the template and create a stack from it."""
    template = client("s3").get_object(Bucket=job["bucket"], Key=job["key"])["Body"].read()
    client("cloudformation").create_stack(TemplateBody=template.decode(), **job["stack"])


def deploy(job: Job) -> None:
    """Find the image, then register a task definition and update the service, concurrently."""
    response = client("ecr").describe_images(
        repositoryName=job["repository"], imageIds=[{"imageTag": job["version"]}]
    )
    image = f"{job['registry']}@{response['imageDetails'][0]['imageDigest']}"
    client("ecs")  # created before the threads, so that it is created only once
    services = job["services"]
    with ThreadPoolExecutor(len(services)) as pool:
        list(pool.map(lambda service: _roll_out(job, service, image), services))


def promote(job: Job) -> None:
    """Find the idle slot and roll out the image there."""
    (listener,) = client("elbv2").describe_listeners(ListenerArns=job["listeners"][:1])["Listeners"]
    live = _receiving(listener["DefaultActions"])
    (idle,) = (service for group, service in job["slots"].items() if group != live)
    _roll_out(job, idle, f"{job['registry']}:{job['version']}")


def swap(job: Job) -> None:
    """Find the idle slot, check its health, and exchange the actions of both listeners."""
    elb = client("elbv2")
    found = elb.describe_listeners(ListenerArns=job["listeners"])["Listeners"]
    actions = {each["ListenerArn"]: each["DefaultActions"] for each in found}
    production, test = job["listeners"]
    idle = _receiving(actions[test])
    health = elb.describe_target_health(TargetGroupArn=idle)["TargetHealthDescriptions"]
    if not any(target["TargetHealth"]["State"] == "healthy" for target in health):
        raise SystemExit("the idle slot is not healthy")
    changes = [(production, actions[test]), (test, actions[production])]
    with ThreadPoolExecutor(len(changes)) as pool:
        list(pool.map(lambda change: _forward(*change), changes))


def delete(job: Job) -> None:
    """Find the stack and delete it."""
    cloudformation = client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName=job["application"])["Stacks"]
    cloudformation.delete_stack(StackName=stack["StackId"])


def _roll_out(job: Job, service: str, image: str) -> None:
    definition = dict(job["definitions"][service])
    first, *others = definition["containerDefinitions"]
    definition["containerDefinitions"] = [{**first, "image": image}, *others]
    ecs = client("ecs")
    response = ecs.register_task_definition(**definition)
    arn = response["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=job["application"], service=service, taskDefinition=arn)


def _receiving(actions: list[dict[str, Any]]) -> str:
    groups = actions[0]["ForwardConfig"]["TargetGroups"]
    (arn,) = (each["TargetGroupArn"] for each in groups if each["Weight"] > 0)
    return str(arn)


def _forward(listener: str, actions: list[dict[str, Any]]) -> None:
    client("elbv2").modify_listener(ListenerArn=listener, DefaultActions=actions)
