"""A laptop cloud with an application for each contender, and a proxy for the calls to AWS."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from devops_core import render
from devops_core.settings import TemplateLocation
from tools.bench.calls.proxy import Proxy
from tools.bench.serving import serving
from tools.laptop.client import Client, UnexpectedError, create_body, until
from tools.laptop.cloud import DIRECTORY, ROOT, Cloud, Options, started
from tools.laptop.deploy import client, deploy
from tools.laptop.forwards import receiving_group

PLACE = DIRECTORY / "bench"
PACKAGE = PLACE / "package"
THREE = ("dev", "qa", "stage")
SLOTS = ("prod-1", "prod-2")
# As many as one round needs, so that each deploy changes the version.
VERSIONS = ("1.0", "2.0", "3.0", "4.0")

Job = Mapping[str, Any]


class Testbed(Client):
    """The laptop cloud and the proxy. The boto3 clients of this class do not use the proxy."""

    def __init__(self, cloud: Cloud, proxy: Proxy) -> None:
        super().__init__(cloud)
        self.proxy = proxy

    def wait_for_rollouts(self, application: str) -> None:
        """Wait until the rollouts of all services of an application are complete."""
        names = [*THREE, *SLOTS]
        ecs = self.client("ecs")

        def rolled_out() -> bool:
            found = ecs.describe_services(cluster=application, services=names)["services"]
            return all(map(_rolled_out, found))

        _until(rolled_out, f"{application} rolls out")

    def wait_for_stack(self, application: str, status: str) -> None:
        """Wait until the stack of an application has a status; "" means deleted."""

        def reached() -> bool:
            pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
            stacks = [each for page in pages for each in page["Stacks"]]
            statuses = [each["StackStatus"] for each in stacks if each["StackName"] == application]
            existing = [each for each in statuses if each != "DELETE_COMPLETE"]
            return existing == [status] * bool(status)

        _until(reached, f"the stack of {application} is {status or 'deleted'}")

    def idle_slot(self, application: str) -> str:
        """Return the slot to which the production listener does not forward."""
        job = self.script_inputs(application)
        elb = self.client("elbv2")
        (listener,) = elb.describe_listeners(ListenerArns=job["listeners"][:1])["Listeners"]
        live = receiving_group(listener["DefaultActions"])
        slots: dict[str, str] = job["slots"]
        return next(name for group, name in slots.items() if group != live)

    def script_inputs(self, application: str) -> dict[str, Any]:
        """Return the inputs of a script for an application: see `bare`."""
        (stack,) = self.client("cloudformation").describe_stacks(StackName=application)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
        services = self.client("ecs").describe_services(
            cluster=application, services=[*THREE, *SLOTS]
        )["services"]
        groups = {
            each["serviceName"]: each["loadBalancers"][0]["targetGroupArn"] for each in services
        }
        return {
            "application": application,
            "repository": application.lower(),
            "registry": self._registry(application),
            "listeners": [outputs["ProductionListenerArn"], outputs["TestListenerArn"]],
            "slots": {groups[name]: name for name in SLOTS},
            "definitions": {each["serviceName"]: self._definition(each) for each in services},
        }

    def stack(self, application: str, like: str) -> dict[str, Any]:
        """Return the CreateStack request for an application with dev, and its template's location.

        Parameters and tags are copied from the stack of the application `like`.
        """
        (stack,) = self.client("cloudformation").describe_stacks(StackName=like)["Stacks"]
        values = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
        values |= {"Environments": "dev", "RepositoryName": application.lower()}
        location = TemplateLocation.parse(self.environment["TEMPLATE_URL"])
        request = {
            "StackName": application,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in values.items()
            ],
            "Tags": stack["Tags"],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            "RoleARN": self.environment["STACK_ROLE_ARN"],
        }
        return {"stack": request, "bucket": location.bucket, "key": location.key}

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment variables of the functions, with the URL of the proxy."""
        functions = self.client("lambda").list_functions()["Functions"]
        variables: dict[str, str] = functions[0]["Environment"]["Variables"]
        return variables | self.cloud.environment | {"AWS_ENDPOINT_URL": self.proxy.url}

    def create(self, application: str) -> None:
        """Create an application with all environments through the service, and push its images."""
        body = create_body(application, environments={"nonProd": THREE})
        self.succeed(self.post("/stacks", body))
        for version in VERSIONS:
            self.push(application, version)

    def _registry(self, application: str) -> str:
        found = self.client("ecr").describe_repositories(repositoryNames=[application.lower()])
        return str(found["repositories"][0]["repositoryUri"])

    def _definition(self, service: Mapping[str, Any]) -> dict[str, Any]:
        arn = service["taskDefinition"]
        found = self.client("ecs").describe_task_definition(taskDefinition=arn)
        return render.blueprint(found["taskDefinition"])


@contextmanager
def testbed() -> Iterator[Testbed]:
    """Run a laptop cloud without schedules; the calls of its functions to AWS use a proxy."""
    with (
        serving(Proxy()) as proxy,
        started(PLACE / "cloud", Options(lambda_endpoint=proxy.url)) as cloud,
    ):
        proxy.endpoint = cloud.endpoint
        deploy(cloud)
        _stop_schedules(client(cloud, "events"))
        shutil.rmtree(PACKAGE, ignore_errors=True)
        with zipfile.ZipFile(ROOT / ".serverless" / "devops-ecs.zip") as package:
            package.extractall(PACKAGE)
        yield Testbed(cloud, proxy)


def _stop_schedules(events: Any) -> None:
    for rule in events.list_rules()["Rules"]:
        if "ScheduleExpression" in rule:
            events.disable_rule(Name=rule["Name"])


def _rolled_out(service: Mapping[str, Any]) -> bool:
    (first, *others) = service["deployments"]
    return (
        not others
        and first["rolloutState"] == "COMPLETED"
        and service["runningCount"] == service["desiredCount"]
    )


def _until(condition: Callable[[], bool], description: str) -> None:
    if not until(condition):
        raise UnexpectedError(f"timed out waiting until {description}")
