"""The bare minimum in boto3: what a script does that knows everything and looks after nothing.

It knows the ARNs, and the task definitions as files would have them. It does not keep others from
doing the same at the same time, remember what it did, or look whether it worked.
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
    """Return a client; a process that lives on keeps it."""
    return boto3.client(service)


def create(job: Job) -> None:
    """Read the template and create a stack from it."""
    template = client("s3").get_object(Bucket=job["bucket"], Key=job["key"])["Body"].read()
    client("cloudformation").create_stack(TemplateBody=template.decode(), **job["stack"])


def deploy(job: Job) -> None:
    """Find the image, then register a task definition and update the service, for each at once."""
    answer = client("ecr").describe_images(
        repositoryName=job["repository"], imageIds=[{"imageTag": job["version"]}]
    )
    image = f"{job['registry']}@{answer['imageDetails'][0]['imageDigest']}"
    client("ecs")  # made once, and not in the threads
    services = job["services"]
    with ThreadPoolExecutor(len(services)) as pool:
        list(pool.map(lambda service: _roll_out(job, service, image), services))


def promote(job: Job) -> None:
    """Find the slot that is idle and roll out the image there."""
    (listener,) = client("elbv2").describe_listeners(ListenerArns=job["listeners"][:1])["Listeners"]
    live = listener["DefaultActions"][0]["TargetGroupArn"]
    (idle,) = (service for group, service in job["slots"].items() if group != live)
    _roll_out(job, idle, f"{job['registry']}:{job['version']}")


def swap(job: Job) -> None:
    """Find the slot that is idle, see that it is healthy, and exchange both listeners."""
    elb = client("elbv2")
    found = elb.describe_listeners(ListenerArns=job["listeners"])["Listeners"]
    groups = {each["ListenerArn"]: each["DefaultActions"][0]["TargetGroupArn"] for each in found}
    production, test = job["listeners"]
    health = elb.describe_target_health(TargetGroupArn=groups[test])["TargetHealthDescriptions"]
    if not any(target["TargetHealth"]["State"] == "healthy" for target in health):
        raise SystemExit("the idle slot is not healthy")
    wanted = [(production, groups[test]), (test, groups[production])]
    with ThreadPoolExecutor(len(wanted)) as pool:
        list(pool.map(lambda pair: _forward(*pair), wanted))


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
    answer = ecs.register_task_definition(**definition)
    arn = answer["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=job["application"], service=service, taskDefinition=arn)


def _forward(listener: str, target_group: str) -> None:
    action = {"Type": "forward", "TargetGroupArn": target_group}
    client("elbv2").modify_listener(ListenerArn=listener, DefaultActions=[action])
