"""Behaviour of AWS that moto lacks.

moto completes a stack at once, and it has neither rollouts (an update does not change
`deployments`) nor running tasks nor targets. It lists task definitions in random order, accepts a
deregistered task definition for a service, drops the CPU units in a template, and leaves most
resources of a deleted stack. Here stacks and rollouts take some seconds of the tests' clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from devops_core.naming import family
from tests.lab.fakes import ACCOUNT, REGION
from tests.lab.fakes.clock import FakeClock
from tests.lab.moto import change_sets, responses, scaling
from tests.lab.moto.application_template import application_template
from tests.lab.moto.backends import backend
from tests.lab.moto.transport import Call, answered
from tests.lab.snapshot import forward_weights, split_name

_TAKES = timedelta(seconds=30)
# The status of a stack that fails, by its intended status.
_FAILED = {
    "CREATE_COMPLETE": "ROLLBACK_COMPLETE",
    "DELETE_COMPLETE": "DELETE_FAILED",
}
# The end of the states of a stack that is not changing.
_ENDED = re.compile("_(COMPLETE|FAILED)$")
# The calls that start an update of a stack, or its rollback.
_UPDATES = ("ExecuteChangeSet", "ContinueUpdateRollback")

Answer = dict[str, Any]


class Completion:
    """Completes moto.

    `sent` has the ids of the notifications of PutEvents.
    `begun` has the state of each stack and service, with its start. A state in `endless` is never
    complete, and a state in `failing` fails. `change_sets` has the change sets of stacks, `scaling`
    the scalable targets.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.begun: dict[str, tuple[str, datetime]] = {}
        self.endless: set[str] = set()
        self.failing: set[str] = set()
        self.change_sets = change_sets.ChangeSets()
        self.scaling: scaling.Targets = {}
        self.sent: set[str] = set()

    def deliver(self, call: Call, request: AWSPreparedRequest) -> AWSResponse:
        """Send a call to moto, unless AWS would refuse it."""
        refusal = _before(call)
        if refusal:
            code = "ValidationError" if call.service == "cloudformation" else "ClientException"
            return responses.failure(call.service, 400, code, refusal)
        if call.operation == "PutEvents":
            self.sent |= {json.loads(each["Detail"])["id"] for each in call.params["Entries"]}
        if call.service == scaling.SERVICE:
            return scaling.answer(self.scaling, call)
        if call.operation == "UpdateTerminationProtection":
            # moto does not have this operation.
            return responses.unprotected(call.params["StackName"])
        if call.operation == "ValidateTemplate":
            # moto runs a linter on the template for seconds, and returns no parameters.
            return responses.parameters(call.params["TemplateBody"])
        if call.operation == "DescribePullThroughCacheRules":
            return responses.no_cache_rules()
        send = partial(_created, call) if call.operation == "CreateStack" else answered
        answer = change_sets.answer(self.change_sets, call, self._goes_on) or send(request)
        self._complete(call, answer)
        return answer

    def _complete(self, call: Call, answer: AWSResponse) -> None:
        """Do the part of AWS that moto lacks, and record the changed states."""
        if call.operation in _UPDATES and answer.status_code == HTTPStatus.OK:
            # It can end in the same state as the one before.
            del self.begun[call.params["StackName"]]
        if call.operation in ("CreateStack", "ExecuteChangeSet"):
            _weigh_target_groups()
            _size_task_definitions()
        if call.operation == "DeleteStack":
            _tear_down()
        if call.service == "cloudformation" and call.changes_aws:
            _mark_events(call.params.get("ClientRequestToken", ""))
        for thing, state in _states() if call.changes_aws else ():
            if self.begun.get(thing, ("",))[0] != state:
                self.begun[thing] = state, self.clock.now()

    def attach(self, client: Any) -> None:
        """Complete the responses that a client receives from now on."""
        services: Mapping[str, Mapping[str, Callable[[Answer, Answer], None]]] = {
            "cloudformation": {
                "DescribeStacks": self._stacks,
                "DescribeStackEvents": self._events,
            },
            "cloudwatch": {"DescribeAlarms": _alarms_of_types},
            "ecs": {
                "DescribeServices": self._services,
                "UpdateService": self._updated,
                "ListTaskDefinitions": _newest_first,
                "ListTasks": self._tasks,
                "DescribeTasks": self._stopped,
            },
            "elastic-load-balancing-v2": {"DescribeTargetHealth": _targets},
        }
        service = client.meta.service_model.service_id.hyphenize()
        for operation, complete in services.get(service, {}).items():
            client.meta.events.register(f"before-parameter-build.{service}.{operation}", _remember)
            client.meta.events.register(
                f"after-call.{service}.{operation}", _completed_by(complete)
            )

    def _stacks(self, asked: Answer, answer: Answer) -> None:
        del asked
        for stack in answer["Stacks"]:
            known = backend("cloudformation").stacks.get(stack["StackId"])
            if known:
                stack["Parameters"] = [
                    {"ParameterKey": name, "ParameterValue": value}
                    for name, value in change_sets.parameters_of(known).items()
                ]
            if self._goes_on(stack["StackId"]):
                stack["StackStatus"] = _ENDED.sub("_IN_PROGRESS", stack["StackStatus"])
                stack["Outputs"] = []
            elif stack["StackStatus"] in self.failing:
                stack["StackStatus"] = _FAILED[stack["StackStatus"]]
                stack["Outputs"] = []

    def _events(self, asked: Answer, answer: Answer) -> None:
        del asked
        tokens = {str(event.event_id): event.client_request_token for event in _stack_events()}
        for event in answer["StackEvents"]:
            if token := tokens[event["EventId"]]:
                event["ClientRequestToken"] = token
        if self.failing:
            failed = {"ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": "in use"}
            resource = {"LogicalResourceId": "Cluster", "ResourceType": "AWS::ECS::Cluster"}
            answer["StackEvents"].insert(0, answer["StackEvents"][0] | resource | failed)

    def _services(self, asked: Answer, answer: Answer) -> None:
        del asked
        for service in answer["services"]:
            self._roll_out(service)

    def _updated(self, asked: Answer, answer: Answer) -> None:
        del asked
        self._roll_out(answer["service"])

    def _roll_out(self, service: Answer) -> None:
        goes_on = self._goes_on(service["serviceArn"])
        deployment = {
            "status": "PRIMARY",
            "taskDefinition": service["taskDefinition"],
            "rolloutState": "IN_PROGRESS" if goes_on else "COMPLETED",
            "runningCount": 0 if goes_on else service["desiredCount"],
            "failedTasks": 0,
            "updatedAt": self.begun[service["serviceArn"]][1],
        }
        if not goes_on and service["taskDefinition"] in self.failing:
            deployment.update(rolloutState="FAILED", runningCount=0, failedTasks=3)
        # During a rollout the previous tasks run.
        count = service["desiredCount"]
        service.update(runningCount=count, pendingCount=0, deployments=[deployment])
        # moto drops the load balancers of a service in a template.
        service["loadBalancers"] = [
            {"targetGroupArn": group, "containerName": "app", "containerPort": 80}
            for group in backend("elbv2").target_groups
            if group.split("/")[1] == _group_name(service)
        ]

    def _tasks(self, asked: Answer, answer: Answer) -> None:
        """List a stopped task for each failed task definition of a service."""
        own = f":task-definition/{family(asked['cluster'], asked['serviceName'])}:"
        failed = self._failed_tasks(asked["cluster"]) if asked["desiredStatus"] == "STOPPED" else {}
        answer["taskArns"] = [task for task, definition in failed.items() if own in definition]

    def _stopped(self, asked: Answer, answer: Answer) -> None:
        failed = self._failed_tasks(asked["cluster"])
        task = {
            "stoppedReason": "Essential container in task exited",
            "stopCode": "EssentialContainerExited",
            "containers": [{"name": "app", "exitCode": 1}],
        }
        answer["tasks"] = [
            task | {"taskArn": each, "taskDefinitionArn": failed[each]} for each in asked["tasks"]
        ]

    def _failed_tasks(self, cluster: str) -> dict[str, str]:
        """Return the failed task definitions by the ARN of their task."""
        where = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{cluster}"
        return {
            f"{where}/{sha256(each.encode()).hexdigest()[:32]}": each
            for each in sorted(self.failing)
        }

    def _goes_on(self, thing: str) -> bool:
        state, since = self.begun[thing]
        return state in self.endless or self.clock.now() - since < _TAKES


def _before(call: Call) -> str | None:
    """Do the part of AWS before moto's; return the reason if AWS refuses the call."""
    stack = backend("cloudformation").stacks.get(call.params.get("StackName"))
    if call.operation == "UpdateTerminationProtection" and stack:
        stack.enable_termination_protection = call.params["EnableTerminationProtection"]
    if call.operation == "DeleteStack" and stack and stack.enable_termination_protection:
        # moto ignores the protection.
        return f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
    if call.operation == "DeleteStack":
        # moto ignores EmptyOnDelete.
        for repository in backend("ecr").repositories.values():
            repository.images.clear()
    if call.operation != "UpdateService" or "taskDefinition" not in call.params:
        return None
    definition = backend("ecs").describe_task_definition(call.params["taskDefinition"])
    return "TaskDefinition is inactive" if definition.status == "INACTIVE" else None


def _created(call: Call, request: AWSPreparedRequest) -> AWSResponse:
    """Create a stack from the only template in S3, with its loops unrolled for the environments."""
    given = {each["ParameterKey"]: each["ParameterValue"] for each in call.params["Parameters"]}
    (bucket,) = backend("s3").buckets.values()
    (template,) = bucket.keys.values()
    stored = template.value
    template.value = application_template(tuple(given["Environments"].split(",")))
    try:
        return answered(request)
    finally:
        # Its readers compare it with its checksum.
        template.value = stored


def _mark_events(token: str) -> None:
    """Give the events of a call its token, which moto drops."""
    for event in _stack_events():
        if event.client_request_token is None:
            event.client_request_token = token


def _stack_events() -> Iterator[Any]:
    for stack in _stacks():
        yield from stack.events


def _stacks() -> Iterator[Any]:
    cloudformation = backend("cloudformation")
    yield from (*cloudformation.stacks.values(), *cloudformation.deleted_stacks.values())


def _weigh_target_groups() -> None:
    """Make both listeners of production forward to both slots, as in the application template."""
    elb = backend("elbv2")
    for balancer in elb.load_balancers.values():
        actions = [listener.default_actions[0].data for listener in balancer.listeners.values()]
        # A repeated call creates nothing, so the listeners have their weights already.
        if not balancer.name.endswith("-prod") or "ForwardConfig" in actions[0]:
            continue
        live, idle = (action["TargetGroupArn"] for action in actions)
        for listener, groups in zip(balancer.listeners, ((live, idle), (idle, live)), strict=True):
            weighted = [
                {"TargetGroupArn": arn, "Weight": weight}
                for arn, weight in zip(groups, (100, 0), strict=True)
            ]
            forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}
            elb.modify_listener(listener, actions=[forward])


def _size_task_definitions() -> None:
    """Set the CPU units of the task definitions of stacks, which moto drops."""
    ecs = backend("ecs")
    for stack in backend("cloudformation").stacks.values():
        for definitions in ecs.task_definitions.values():
            for definition in definitions.values():
                definition.cpu = definition.cpu or stack.parameters["Cpu"]


def _tear_down() -> None:
    """Remove the resources that moto leaves of a deleted stack; an account has one application."""
    if backend("cloudformation").stacks:
        return
    balancers, ecs = backend("elbv2"), backend("ecs")
    for left in (balancers.load_balancers, balancers.target_groups, ecs.services, ecs.clusters):
        left.clear()


def _states() -> Iterator[tuple[str, str]]:
    for stack in _stacks():
        yield stack.stack_id, stack.status
    for service in backend("ecs").services.values():
        yield service.arn, service.task_definition


def _remember(params: Answer, context: Answer, **_: Any) -> None:
    context["asked"] = params


def _completed_by(complete: Callable[[Answer, Answer], None]) -> Callable[..., None]:
    def hook(parsed: Answer, context: Answer, **_: Any) -> None:
        if "Error" not in parsed:
            complete(context["asked"], parsed)

    return hook


def _alarms_of_types(asked: Answer, answer: Answer) -> None:
    """Remove the alarms of types that a request does not name; moto returns all types."""
    for kind in ("MetricAlarm", "CompositeAlarm", "LogAlarm"):
        if kind not in asked.get("AlarmTypes", ["MetricAlarm"]):
            answer[f"{kind}s"] = []


def _group_name(service: Answer) -> str:
    """Return the name of the target group of a service: the names of cluster and service."""
    cluster = service["clusterArn"].rpartition("/")[2]
    return f"{cluster}-{service['serviceName']}"


def _newest_first(asked: Answer, answer: Answer) -> None:
    found = answer["taskDefinitionArns"]
    found.sort(key=lambda arn: int(arn.rpartition(":")[2]), reverse=asked.get("sort") == "DESC")
    del found[asked.get("maxResults", 100) :]


def _targets(asked: Answer, answer: Answer) -> None:
    """Each task is a healthy target; a target group has the names of cluster and service.

    The targets of a group are unused if no listener refers to it.
    """
    cluster, service = split_name(asked["TargetGroupArn"].split("/")[1])
    count = backend("ecs").services[f"{cluster}:{service}"].desired_count
    used = {
        group
        for balancer in backend("elbv2").load_balancers.values()
        for listener in balancer.listeners.values()
        for group in forward_weights(action.data for action in listener.default_actions)
    }
    state = "healthy" if asked["TargetGroupArn"] in used else "unused"
    target = {"TargetHealth": {"State": state}}
    answer["TargetHealthDescriptions"] = [target] * count
