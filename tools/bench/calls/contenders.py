"""The contenders: this service, the minimal script in boto3, ecs-deploy, the AWS CLI.

Each executes an operation with a job as input, first cold: in a new process. A persistent contender
also executes it warm: a second time in the same process. A job has `application`, `version`,
`services`, and the results of `Testbed.script_inputs` and `Testbed.stack`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.bench.calls.testbed import PACKAGE, PLACE, Job, Testbed
from tools.bench.calls.worker import Worker, run
from tools.laptop import cloud
from tools.laptop.client import Response, create_body
from tools.laptop.forwards import receiving_group
from tools.laptop.gateway import http_event

# In the order of execution; after a deploy to dev alone, dev and stage have different versions.
OPERATIONS = ("create", "deploy three", "deploy", "promote", "swap", "delete")
TOOLS = PLACE / "venv" / "bin"
_HERE = Path(__file__).parent
CALLER = f"arn:aws:iam::{cloud.ACCOUNT}:user/bench"


class Contender(ABC):
    """A tool that is measured; its application has the same `name`."""

    name = ""
    operations: tuple[str, ...] = OPERATIONS
    persistent = False

    def __init__(self, testbed: Testbed) -> None:
        self.testbed = testbed

    @abstractmethod
    def cold(self, operation: str, job: Job) -> Any:
        """Execute an operation in a new process."""

    def end(self) -> None:  # noqa: B027 - only persistent contenders have a process
        """End the process of `cold`, if it is persistent."""

    def wait_until_complete(self, operation: str, job: Job, response: Any) -> None:
        """Wait until the effects of an operation are complete."""
        del response
        application = job["application"]
        if operation in ("create", "delete"):
            status = "CREATE_COMPLETE" if operation == "create" else ""
            self.testbed.wait_for_stack(application, status)
        else:
            self.testbed.wait_for_rollouts(application)

    def environment(self) -> dict[str, str]:
        """Return the environment variables of every process that calls AWS."""
        return {
            **self.testbed.environment,
            "PATH": "/usr/bin:/bin",
            "HOME": str(PLACE),
            "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


class PersistentContender(Contender):
    """A contender whose process executes several operations, like that of a Lambda function."""

    persistent = True
    _worker: Worker | None = None

    def cold(self, operation: str, job: Job) -> Any:
        """Start a process and execute an operation in it."""
        self._worker = self.start(operation)
        return self._worker.call(*self.arguments(operation, job))

    def warm(self, operation: str, job: Job) -> Any:
        """Execute an operation again in the same process."""
        assert self._worker  # noqa: S101 - cold comes first
        return self._worker.call(*self.arguments(operation, job))

    def end(self) -> None:
        """End the process."""
        if self._worker:
            self._worker.end()

    @abstractmethod
    def start(self, operation: str) -> Worker:
        """Return a new process for an operation."""

    @abstractmethod
    def arguments(self, operation: str, job: Job) -> list[Any]:
        """Return the arguments of the function that executes an operation."""


class Ours(PersistentContender):
    """The handlers of the package that `serverless deploy` has built."""

    name = "Ours"
    _modules: Mapping[str, str] = {
        "create": "create",
        "deploy": "deploy_nonprod",
        "deploy three": "deploy_nonprod",
        "promote": "deploy_prod_blue",
        "swap": "swap",
        "delete": "delete",
    }

    def start(self, operation: str) -> Worker:
        """Run a handler as in Lambda: with its package and the SDK, without writing bytecode."""
        own = {"PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
        function = f"handlers.{self._modules[operation]}", "handle"
        return Worker(cloud.PYTHON, self.environment() | own, *function)

    def arguments(self, operation: str, job: Job) -> list[Any]:
        """Return the event of API Gateway's proxy integration, and no context."""
        method, path, body = request(operation, job)
        event = http_event(method, path, json.dumps(body), caller=CALLER)
        return [event, None]

    def wait_until_complete(self, operation: str, job: Job, response: Any) -> None:
        """Wait for the end of the operation."""
        del operation, job
        if not isinstance(response, Response):
            response = Response(response["statusCode"], {}, json.loads(response["body"]))
        self.testbed.succeed(response)


class Bare(PersistentContender):
    """The functions of `bare`."""

    name = "Bare"

    def start(self, operation: str) -> Worker:
        """Run the function for an operation."""
        own = {"PYTHONPATH": str(_HERE)}
        function = "deploy" if operation == "deploy three" else operation
        return Worker(TOOLS / "python", self.environment() | own, "bare", function)

    def arguments(self, operation: str, job: Job) -> list[Any]:
        """Return the job."""
        del operation
        return [job]


class EcsDeploy(Contender):
    """`ecs deploy`, which updates one service. For a promotion it receives the idle slot."""

    name = "EcsDeploy"
    operations = ("deploy", "deploy three", "promote")

    def cold(self, operation: str, job: Job) -> None:
        """Run `ecs deploy` for each service, without waiting for the rollouts (`--timeout -1`)."""
        image = f"{job['registry']}:{job['version']}"
        services = (
            [self.testbed.idle_slot(job["application"])]
            if operation == "promote"
            else job["services"]
        )
        for service in services:
            command = ("deploy", job["application"], service, "--image", "app", image)
            run(self.environment(), str(TOOLS / "ecs"), *command, "--timeout", "-1")


class AwsCli(Contender):
    """The AWS CLI: one command after the other, each in a process, as in a shell script."""

    name = "AwsCli"

    def cold(self, operation: str, job: Job) -> None:
        """Run the commands of an operation."""
        functions: Mapping[str, Callable[[Job], None]] = {
            "create": self._create,
            "deploy": self._deploy,
            "deploy three": self._deploy,
            "promote": self._promote,
            "swap": self._swap,
            "delete": self._delete,
        }
        functions[operation](job)

    def _create(self, job: Job) -> None:
        with TemporaryDirectory(dir=PLACE) as place:
            file = f"{place}/template.yml"
            self._aws("s3api get-object", file, bucket=job["bucket"], key=job["key"])
            stack = json.dumps({**job["stack"], "TemplateBody": Path(file).read_text()})
            self._aws("cloudformation create-stack", cli_input_json=stack)

    def _deploy(self, job: Job) -> None:
        image_id = f"imageTag={job['version']}"
        found = self._aws(
            "ecr describe-images", repository_name=job["repository"], image_ids=image_id
        )
        image = f"{job['registry']}@{found['imageDetails'][0]['imageDigest']}"
        for service in job["services"]:
            self._roll_out(job, service, image)

    def _promote(self, job: Job) -> None:
        found = self._aws("elbv2 describe-listeners", listener_arns=job["listeners"][0])
        live = receiving_group(found["Listeners"][0]["DefaultActions"])
        (idle,) = (service for group, service in job["slots"].items() if group != live)
        self._roll_out(job, idle, f"{job['registry']}:{job['version']}")

    def _swap(self, job: Job) -> None:
        production, test = job["listeners"]
        found = self._aws("elbv2 describe-listeners", test, listener_arns=production)
        actions = {each["ListenerArn"]: each["DefaultActions"] for each in found["Listeners"]}
        idle = receiving_group(actions[test])
        self._aws("elbv2 describe-target-health", target_group_arn=idle)
        for listener, other in ((production, test), (test, production)):
            sent = json.dumps(actions[other])
            self._aws("elbv2 modify-listener", listener_arn=listener, default_actions=sent)

    def _delete(self, job: Job) -> None:
        found = self._aws("cloudformation describe-stacks", stack_name=job["application"])
        stack = found["Stacks"][0]["StackId"]
        self._aws("cloudformation delete-stack", stack_name=stack)

    def _roll_out(self, job: Job, service: str, image: str) -> None:
        definition = dict(job["definitions"][service])
        first, *others = definition["containerDefinitions"]
        definition["containerDefinitions"] = [{**first, "image": image}, *others]
        response = self._aws("ecs register-task-definition", cli_input_json=json.dumps(definition))
        arn = response["taskDefinition"]["taskDefinitionArn"]
        self._aws(
            "ecs update-service",
            cluster=job["application"],
            service=service,
            task_definition=arn,
        )

    def _aws(self, command: str, *last: str, **options: str) -> Any:
        """Run a command and return its output; `last` are arguments after the last option."""
        arguments = [
            argument
            for name, value in options.items()
            for argument in (f"--{name.replace('_', '-')}", value)
        ]
        output = run(
            self.environment(), str(TOOLS / "aws"), *command.split(), *arguments, *last,
            "--output", "json",
        )  # fmt: skip
        return json.loads(output) if output.strip() else None


def request(operation: str, job: Job) -> tuple[str, str, dict[str, Any]]:
    """Return method, path and body of the API call for an operation."""
    name = job["application"]
    named: dict[str, Any] = {"applicationName": name}
    calls: Mapping[str, tuple[str, str, dict[str, Any]]] = {
        "create": ("POST", "/stacks", create_body(name, environments={"nonProd": ["dev"]})),
        "promote": ("POST", "/stacks/deploytoprodBlue", named | {"environment": job["source"]}),
        "swap": ("POST", "/stacks/swapProdBlueAndGreen", named),
        "delete": ("DELETE", "/stacks", {"stack": name}),
    }
    deploy = named | {"environment": job["services"], "version": job["version"]}
    return calls.get(operation, ("POST", "/stacks/deploy", deploy))
