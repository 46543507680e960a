"""ECS and its load balancer on the laptop cloud, without the service."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.lab.laptop.ecs_service import TEMPLATE, Application
from tools.laptop import cloud, deploy, images, processes
from tools.laptop.client import until


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cloud.Cloud]:
    with cloud.started(tmp_path_factory.mktemp("cloud")) as running:
        deploy.client(running, "ecr").create_repository(repositoryName="app")
        yield running


@pytest.fixture(scope="module")
def application(there: cloud.Cloud) -> Application:
    return Application(there, "Shop", deploy.INITIAL_IMAGE)


def test_a_stack_that_is_deleted_during_its_creation_creates_nothing_afterwards(
    there: cloud.Cloud,
) -> None:
    stacks = deploy.client(there, "cloudformation")
    stack = stacks.create_stack(
        StackName="Brief",
        TemplateBody=TEMPLATE.read_text(),
        Parameters=[{"ParameterKey": "Image", "ParameterValue": deploy.INITIAL_IMAGE}],
        OnFailure="DELETE",
    )["StackId"]

    def events() -> list[tuple[str, str]]:
        found = stacks.describe_stack_events(StackName=stack)["StackEvents"]
        return [(each["LogicalResourceId"], each["ResourceStatus"]) for each in found]

    assert until(lambda: ("Service", "CREATE_IN_PROGRESS") in events())
    stacks.delete_stack(StackName="Brief")
    assert until(lambda: ("Brief", "DELETE_COMPLETE") in events())
    started = {name for name, status in events() if status == "CREATE_IN_PROGRESS"} - {"Brief"}
    ended = {
        name for name, status in events() if status in ("CREATE_COMPLETE", "CREATE_FAILED")
    } - {"Brief"}
    assert started == ended


def test_a_service_responds_after_its_stack_is_complete(application: Application) -> None:
    assert application.status == "CREATE_COMPLETE"
    assert application.call() == (200, "1")


def test_each_running_task_reports_the_digest_of_its_image(application: Application) -> None:
    tasks = application.running_tasks()
    assert tasks
    for task in tasks:
        (container,) = task["containers"]
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", container["imageDigest"])


def test_a_tag_and_the_digest_of_another_image_are_not_found(there: cloud.Cloud) -> None:
    ecr = deploy.client(there, "ecr")
    one, other = (images.push(ecr, "app", tag) for tag in ("described-1", "described-2"))

    def describe(**image: str) -> str:
        (found,) = ecr.describe_images(repositoryName="app", imageIds=[image])["imageDetails"]
        return str(found["imageDigest"])

    assert describe(imageTag="described-1") == one
    assert describe(imageTag="described-1", imageDigest=one) == one
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        describe(imageTag="described-1", imageDigest=other)


def test_a_new_target_is_healthy_only_after_its_health_checks(application: Application) -> None:
    balancer = deploy.client(application.there, "elbv2")
    (group,) = balancer.describe_target_groups(Names=["Shop"])["TargetGroups"]
    stop = threading.Event()

    def watch() -> set[str]:
        seen: set[str] = set()
        while not stop.is_set():
            described = balancer.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
            targets = described["TargetHealthDescriptions"]
            seen |= {each["TargetHealth"]["State"] for each in targets}
        return seen

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        failed = application.roll_out("sick", "unhealthy")
        stop.set()
        states = watching.result()
    assert failed
    assert {"healthy", "unhealthy"} <= states


def test_no_request_fails_during_rollouts(application: Application) -> None:
    stop = threading.Event()

    def load() -> Counter[int]:
        seen: Counter[int] = Counter()
        while not stop.is_set():
            seen[application.call()[0]] += 1
        return seen

    with ThreadPoolExecutor(3) as pool:
        callers = [pool.submit(load) for _ in range(3)]
        assert not application.roll_out("2.0")
        assert not application.roll_out("2.1")
        stop.set()
    assert set(sum((caller.result() for caller in callers), Counter())) == {200}
    assert application.call() == (200, "2.1")
    steady, completed, started, *_ = application.messages()
    assert steady == "(service dev) has reached a steady state."
    assert re.fullmatch(
        r"\(service dev\) \(deployment ecs-svc/\w+\) deployment completed.", completed
    )
    assert re.fullmatch(r"\(service dev\) has started 1 tasks: \(task [\w-]+\).", started)


def test_a_hundred_slow_pages_do_not_wait_for_each_other(application: Application) -> None:
    page = 2.0  # seconds
    gate = threading.Barrier(100)

    def fetch(_: int) -> float:
        gate.wait()
        began = time.monotonic()
        assert application.call(f"/?seconds={page}")[0] == 200
        return time.monotonic() - began

    with ThreadPoolExecutor(gate.parties) as pool:
        took = list(pool.map(fetch, range(gate.parties)))
    assert page <= min(took)
    # One after the other they would take 200 s, even by eight threads 25 s.
    assert max(took) < 10 * page


@pytest.mark.parametrize(
    ("tag", "behaviour", "reason"),
    [
        ("3.0", "crash", "Essential container in task exited"),
        ("3.1-unhealthy", "", "Task failed ELB health checks in (target-group arn:aws:elastic"),
    ],
)
def test_a_faulty_version_is_rolled_back(
    application: Application, tag: str, behaviour: str, reason: str
) -> None:
    before = application.call()
    failed = application.roll_out(tag, behaviour)
    assert failed["failedTasks"] == 3
    assert failed["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    assert {text[: len(reason)] for text in application.stopped_reasons()} == {reason}
    assert application.call() == before


def test_a_replaced_task_has_the_stop_reason_of_the_scheduler(application: Application) -> None:
    application.roll_out("3.2")
    replaced = application.arn
    application.roll_out("3.3")
    (task,) = application.stopped_tasks(replaced)
    assert task["stopCode"] == "ServiceSchedulerInitiated"
    expected = r"Scaling activity initiated by \(deployment ecs-svc/\w+\)"
    assert re.fullmatch(expected, task["stoppedReason"])


def test_a_task_that_was_killed_is_replaced(there: cloud.Cloud, application: Application) -> None:
    tasks = partial(processes.tasks, there.directory, application.name, "dev")
    assert until(lambda: len(tasks()) == 1)
    (victim,) = tasks()
    before = application.call()
    os.kill(victim, signal.SIGKILL)
    # The count of 0 can be shorter than the pause between two reads.
    assert until(lambda: victim not in tasks() and len(tasks()) == 1)
    assert until(lambda: application.running() == 1)
    assert until(lambda: application.call() == before)


def test_a_stack_fails_if_its_first_version_does_not_start(there: cloud.Cloud) -> None:
    broken = Application(there, "Broken", "public.ecr.aws/devops/welcome:crash")
    assert broken.status == "DELETE_COMPLETE"
    events = broken.stacks.describe_stack_events(StackName=broken.stack_id)["StackEvents"]
    reasons = [
        each["ResourceStatusReason"] for each in events if "FAILED" in each["ResourceStatus"]
    ]
    assert "ECS Deployment Circuit Breaker was triggered" in reasons[0]


def test_a_target_group_without_a_listener_is_refused(
    there: cloud.Cloud, application: Application
) -> None:
    balancing = deploy.client(there, "elbv2")
    group = balancing.create_target_group(Name="alone", TargetType="ip", Port=80, Protocol="HTTP")
    arn = group["TargetGroups"][0]["TargetGroupArn"]
    with pytest.raises(application.ecs.exceptions.InvalidParameterException, match="associated"):
        application.ecs.create_service(
            cluster=application.name,
            serviceName="alone",
            taskDefinition=application.name,
            loadBalancers=[{"targetGroupArn": arn, "containerName": "app", "containerPort": 80}],
        )


def test_a_list_of_task_definitions_contains_only_its_family(application: Application) -> None:
    container = {"name": "app", "image": "nginx", "memory": 128}
    arns: dict[str, list[str]] = {}
    for family in ("Stall-dev", "Stall-dev-api-qa", "Stall-dev"):
        answer = application.ecs.register_task_definition(
            family=family, containerDefinitions=[container]
        )
        arns.setdefault(family, []).append(answer["taskDefinition"]["taskDefinitionArn"])
    listed = application.ecs.list_task_definitions(familyPrefix="Stall-dev", sort="DESC")
    assert listed["taskDefinitionArns"] == arns["Stall-dev"][::-1]
    assert application.ecs.list_task_definitions(familyPrefix="Stall")["taskDefinitionArns"] == []


def test_a_service_cannot_be_updated_to_an_inactive_task_definition(
    application: Application,
) -> None:
    (service,) = application.ecs.describe_services(cluster=application.name, services=["dev"])[
        "services"
    ]
    definition = application.ecs.register_task_definition(
        family=application.name, containerDefinitions=[{"name": "app", "image": "example:1"}]
    )["taskDefinition"]["taskDefinitionArn"]
    application.ecs.deregister_task_definition(taskDefinition=definition)
    update = partial(application.ecs.update_service, cluster=application.name, service="dev")
    with pytest.raises(application.ecs.exceptions.ClientException, match="is inactive"):
        update(taskDefinition=definition)
    # The service runs this one, which another tool can deregister too.
    application.ecs.deregister_task_definition(taskDefinition=service["taskDefinition"])
    assert update(desiredCount=1)["service"]["taskDefinition"] == service["taskDefinition"]


def test_no_process_remains_after_the_cloud_is_stopped(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    directory = tmp_path_factory.mktemp("other")
    with cloud.started(directory) as other:
        assert cloud.running(directory) == other
        assert cloud.start(directory) == other
    assert cloud.running(directory) is None
    assert not processes.started_by(directory)
