"""A laptop cloud with an application for each contender, whose calls to AWS pass a proxy."""

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

PLACE = DIRECTORY / "bench"
PACKAGE = PLACE / "package"
THREE = ("dev", "qa", "stage")
SLOTS = ("prod-1", "prod-2")
# As many as one round needs, so that each deploy brings something new.
VERSIONS = ("1.0", "2.0", "3.0", "4.0")

Job = Mapping[str, Any]


class Scene(Client):
    """The laptop cloud and the proxy, which delays and notes; the clients go past it."""

    def __init__(self, cloud: Cloud, proxy: Proxy) -> None:
        super().__init__(cloud)
        self.proxy = proxy

    def steady(self, application: str) -> None:
        """Wait until all services of an application have rolled out."""
        names = [*THREE, *SLOTS]
        ecs = self.client("ecs")

        def rolled_out() -> bool:
            found = ecs.describe_services(cluster=application, services=names)["services"]
            return all(map(_rolled_out, found))

        _until(rolled_out, f"{application} rolls out")

    def stack_is(self, application: str, status: str) -> None:
        """Wait until the stack of an application has a status; "" is gone."""

        def there() -> bool:
            pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
            known = [each for page in pages for each in page["Stacks"]]
            stacks = [each for each in known if each["StackName"] == application]
            kept = [each["StackStatus"] for each in stacks]
            return [each for each in kept if each != "DELETE_COMPLETE"] == [status] * bool(status)

        _until(there, f"the stack of {application} is {status or 'gone'}")

    def idle_slot(self, application: str) -> str:
        """Return the slot that production does not forward to."""
        job = self.known(application)
        elb = self.client("elbv2")
        (listener,) = elb.describe_listeners(ListenerArns=job["listeners"][:1])["Listeners"]
        live = listener["DefaultActions"][0]["TargetGroupArn"]
        slots: dict[str, str] = job["slots"]
        return next(name for group, name in slots.items() if group != live)

    def known(self, application: str) -> dict[str, Any]:
        """Return what a script knows of an application: see `bare`."""
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
        """Return what CreateStack takes for an application with dev, and where its template is."""
        (there,) = self.client("cloudformation").describe_stacks(StackName=like)["Stacks"]
        values = {each["ParameterKey"]: each["ParameterValue"] for each in there["Parameters"]}
        values |= {"Environments": "dev", "RepositoryName": application.lower()}
        location = TemplateLocation.parse(self.environment["TEMPLATE_URL"])
        request = {
            "StackName": application,
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in values.items()
            ],
            "Tags": there["Tags"],
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            "RoleARN": self.environment["STACK_ROLE_ARN"],
        }
        return {"stack": request, "bucket": location.bucket, "key": location.key}

    @cached_property
    def environment(self) -> dict[str, str]:
        """What the functions are given."""
        functions = self.client("lambda").list_functions()["Functions"]
        variables: dict[str, str] = functions[0]["Environment"]["Variables"]
        return variables | self.cloud.environment | {"AWS_ENDPOINT_URL": self.proxy.url}

    def create(self, application: str) -> None:
        """Create an application with everything, through the service, and push its images."""
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
def scene() -> Iterator[Scene]:
    """Run a laptop cloud without schedules; its calls to AWS pass a proxy."""
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
        yield Scene(cloud, proxy)


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


def _until(condition: Callable[[], bool], what: str) -> None:
    if not until(condition):
        raise UnexpectedError(f"it does not come true that {what}")
