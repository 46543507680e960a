"""Check an application template against docs/custom-template.md: `make template-check FILE=path`.

The code of the service checks the outputs and the parameters, for a sample application with all
environments. The values that CloudFormation determines, such as ARNs, are samples too. Only a
create checks a value that depends on other functions of CloudFormation than those of `Resolver`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from yaml import YAMLError

from devops_core import render
from devops_core.details.create import CreateDetails
from devops_core.model.inventory import Application
from devops_core.model.operation import Operation, Progress
from devops_core.model.specification import ApplicationRecord, Specification
from devops_core.naming import DEPLOYABLE, PRODUCTION, SLOTS, service_name
from devops_core.render import SECRETS_PARAMETER
from devops_core.settings import Settings
from devops_core.template_contract import (
    Account,
    container_faults,
    foreign_outputs,
    missing_outputs,
    policy_faults,
    template_faults,
)
from tools.laptop.stack_permissions import UNNEEDED, resource_handlers
from tools.security.infrastructure import cfn_lint
from tools.security.outcome import Status
from tools.security.templates import ROOT, Template, load, unroll

NAME = "Example"
ACCOUNT = Account("aws", "eu-west-1", "012345678901")
_ROLES = ("ExecutionRoleArn", "TaskRoleArn")
SERVICES = tuple(service_name(each) for each in (*DEPLOYABLE, *PRODUCTION))
_ENVIRONMENT = {
    "ACCOUNT_ID": ACCOUNT.number,
    "AWS_REGION": ACCOUNT.region,
    "API_STAGE": "dev",
    "TEMPLATE_URL": "s3://bucket/application.yml",
    "TEMPLATE_BUCKET": "bucket",
    "INITIAL_IMAGE": "public.ecr.aws/team/app:1.0",
    "VPC_ID": "vpc-1",
    "SUBNETS": "subnet-1,subnet-2",
    "LOAD_BALANCER_SUBNETS": "subnet-3,subnet-4",
    "SECURITY_GROUP": "sg-1",
    "LOAD_BALANCER_SECURITY_GROUP": "sg-2",
    "STACK_ROLE_ARN": "arn:aws:iam::012345678901:role/stacks",
    "PERMISSIONS_BOUNDARY_ARN": "arn:aws:iam::012345678901:policy/devops-ecs/boundary",
    "ALLOWED_REGISTRIES": "*",
    "AUTH": "iam",
    **dict.fromkeys(("NONPRODUCTION_TABLE", "PRODUCTION_TABLE"), "table"),
    **dict.fromkeys(("TRAININGDA_TABLE", "LOG_TABLE"), "table"),
}


class UnknownValueError(Exception):
    """The value of an expression cannot be determined without CloudFormation."""


def faults(path: Path) -> list[str]:
    """Return the violations of a template, without those that only cfn-lint finds."""
    content = path.read_bytes()
    try:
        parameters = sent_parameters(content)
    except ValueError as error:
        return [str(error)]
    text = content.decode()
    found = [
        *template_faults(text, NAME, SERVICES, ACCOUNT),
        *policy_faults(text, named_roles=True),
    ]
    written = load(path)
    environments = parameters["Environments"].split(",")
    template = unroll(written, {"Environments": environments})
    return [
        *found,
        *_parameter_faults(written, parameters),
        *_role_faults(template),
        *_task_faults(template),
        *_permission_faults(template),
        *Resolver(template, parameters).faults(),
    ]


def sent_parameters(content: bytes) -> dict[str, str]:
    """Return the parameters that the service sends for the sample application."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    operation = Operation(
        id="01J0000000000000000000000A",
        kind="create",
        application=NAME,
        caller="template-check",
        requested_at=now,
        deadline=now,
        progress=tuple(
            Progress(environment=each, service=service_name(each))
            for each in (*DEPLOYABLE, *PRODUCTION)
        ),
        details=CreateDetails(),
    )
    application = Application(name=NAME, technical_team="team")
    chosen = {"nonProd": ["dev", "qa", "stage"], "training": True, "da": True}
    document = {"email": "team@example.com", "environments": chosen}
    record = ApplicationRecord(Specification(1, document), 1)
    settings = Settings.from_environment(_ENVIRONMENT)
    url = "https://bucket.s3.eu-west-1.amazonaws.com/application.yml?versionId=1"
    sent = render.stack(operation, application, record, settings, content, url)["Parameters"]
    return {each["ParameterKey"]: each["ParameterValue"] for each in sent}


def _parameter_faults(template: Template, sent: Mapping[str, str]) -> Iterator[str]:
    declared = template.get("Parameters", {})
    for name in sent:
        if name not in declared:
            yield f"Parameters: {name} is missing"
    for name, parameter in declared.items():
        if name not in sent and "Default" not in parameter:
            yield f"Parameters: {name} needs a default, because the service does not send it"


def _role_faults(template: Template) -> Iterator[str]:
    for name, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        if resource["Type"] != "AWS::IAM::Role":
            continue
        if properties.get("Path") != "/devops-ecs/":
            yield f"{name}: Path must be /devops-ecs/"
        if properties.get("PermissionsBoundary") != {"Ref": "PermissionsBoundary"}:
            yield f"{name}: PermissionsBoundary must be the parameter PermissionsBoundary"


def _task_faults(template: Template) -> Iterator[str]:
    """Yield the properties of tasks and services that CloudFormation's role cannot set."""
    for name, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            if properties.get("RequiresCompatibilities") != ["FARGATE"]:
                yield f"{name}: RequiresCompatibilities must be [FARGATE]"
            if any(each.get("Privileged") for each in properties.get("ContainerDefinitions", ())):
                yield f"{name}: Privileged is not allowed"
        if resource["Type"] == "AWS::ECS::Service":
            network = properties.get("NetworkConfiguration", {}).get("AwsvpcConfiguration", {})
            if network.get("Subnets") != {"Ref": "Subnets"}:
                yield f"{name}: Subnets must be the parameter Subnets"
            if network.get("AssignPublicIp", "DISABLED") != "DISABLED":
                yield f"{name}: AssignPublicIp is not allowed"
            if properties.get("EnableExecuteCommand"):
                yield f"{name}: EnableExecuteCommand is not allowed"


def _permission_faults(template: Template) -> Iterator[str]:
    """Yield the actions that CloudFormation's role lacks, by type of resource."""
    policies = load(ROOT / "serverless" / "stack-role.yml")["Resources"]["StackRole"]
    (policy,) = policies["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    allowed = [
        action
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    ]
    for kind in sorted({each["Type"] for each in template.get("Resources", {}).values()}):
        handlers = resource_handlers().get(kind, {}).get("handlers", {})
        if not handlers:
            yield f"{kind}: serverless/stack-role.yml may lack its permissions; they are not known"
            continue
        needed = {*handlers["create"], *handlers["delete"]} - set(UNNEEDED)
        missing = sorted(
            one for one in needed if not any(fnmatchcase(one, each) for each in allowed)
        )
        if missing:
            yield f"{kind}: serverless/stack-role.yml lacks {', '.join(missing)}"


class Resolver:
    """Determines the values of an unrolled template for the sample application."""

    def __init__(self, template: Template, parameters: Mapping[str, str]) -> None:
        self._resources = template.get("Resources", {})
        self._conditions = template.get("Conditions", {})
        self._outputs = template.get("Outputs", {})
        defaults = {
            name: parameter["Default"]
            for name, parameter in template.get("Parameters", {}).items()
            if "Default" in parameter
        }
        self._values: dict[str, Any] = {
            **defaults,
            **parameters,
            "AWS::StackName": NAME,
            "AWS::Partition": ACCOUNT.partition,
            "AWS::Region": ACCOUNT.region,
            "AWS::AccountId": ACCOUNT.number,
        }

    def faults(self) -> Iterator[str]:
        """Yield the faults of the outputs, of the services and of their secrets."""
        outputs = {}
        for name, output in self._outputs.items():
            try:
                outputs[name] = str(self.value(output["Value"]))
            except UnknownValueError:
                continue
        known = {**dict.fromkeys(self._outputs, "?"), **outputs}
        missing = missing_outputs(known, SERVICES)
        if missing:
            yield f"it lacks the outputs {', '.join(missing)}"
        yield from foreign_outputs(NAME, SERVICES, ACCOUNT, outputs)
        for name in SERVICES:
            yield from self._service_faults(name)
        for name in SERVICES:
            yield from self._secret_faults(name)

    def _service_faults(self, name: str) -> Iterator[str]:
        """Yield the faults of the load balancer entry of a service."""
        for service in self._of_type("AWS::ECS::Service"):
            try:
                if self.value(service.get("ServiceName", "")) != name:
                    continue
                definition = self._properties(service["TaskDefinition"])
                group = self.value(self._outputs[f"{name.replace('-', '')}TargetGroupArn"]["Value"])
                entries = {
                    self.value(each["TargetGroupArn"]): each["ContainerName"]
                    for each in service.get("LoadBalancers", ())
                }
            except (UnknownValueError, KeyError):
                continue
            containers = definition.get("ContainerDefinitions", [])
            blueprint = {"containerDefinitions": [{"name": each["Name"]} for each in containers]}
            yield from container_faults(name, blueprint, entries.get(group))

    def _secret_faults(self, name: str) -> Iterator[str]:
        """Yield the parameters with secrets of other environments that a service can read."""
        own = "prod" if name in SLOTS else name
        for service in self._of_type("AWS::ECS::Service"):
            try:
                if self.value(service.get("ServiceName", "")) != name:
                    continue
                definition = self._properties(service["TaskDefinition"])
                roles = {self._named(definition[each]) for each in _ROLES if each in definition}
            except (UnknownValueError, KeyError):
                continue
            for role in sorted(roles):
                for environment in sorted(self._readable(role) - {own}):
                    yield f"{role}: {name} must not read {environment}{SECRETS_PARAMETER}"

    def _readable(self, role: str) -> set[str]:
        """Return the environments whose parameters are in the policies of a role."""
        policies: list[Any] = [self._resources.get(role, {}).get("Properties", {}).get("Policies")]
        for each in (*self._of_type("AWS::IAM::RolePolicy"), *self._of_type("AWS::IAM::Policy")):
            named = [each["RoleName"]] if "RoleName" in each else each.get("Roles", [])
            if any(self._refers_to(node, role) for node in named):
                policies.append(each.get("PolicyDocument"))
        return set(re.findall(rf'"(\w+){SECRETS_PARAMETER}"', json.dumps(policies)))

    def _refers_to(self, node: Any, role: str) -> bool:
        """Return whether a node is a reference to a role; `policy_faults` reports other nodes."""
        try:
            return self._named(node) == role
        except UnknownValueError:
            return False

    def _named(self, node: Any) -> str:
        """Return the resource that a reference or an attribute names; "" for other values."""
        function, argument = _single(node) if isinstance(node, dict) else ("", None)
        if function == "Fn::GetAtt":
            argument = (
                argument[0] if isinstance(argument, list) else str(argument).partition(".")[0]
            )
        elif function != "Ref":
            return ""
        return str(self.value(argument))

    def value(self, node: Any) -> Any:
        """Return the value of an expression; UnknownValueError if CloudFormation determines it."""
        if isinstance(node, list):
            return [self.value(each) for each in node]
        if not isinstance(node, dict):
            return node
        function, argument = _single(node)
        functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._reference,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._substituted,
            "Fn::Join": lambda pair: pair[0].join(map(str, self.value(pair[1]))),
            "Fn::If": lambda three: self.value(three[1 if self._holds(three[0]) else 2]),
        }
        if function not in functions:
            raise UnknownValueError(function)
        return functions[function](argument)

    def _of_type(self, kind: str) -> list[dict[str, Any]]:
        found = (each for each in self._resources.values() if each["Type"] == kind)
        return [each.get("Properties", {}) for each in found]

    def _properties(self, node: Any) -> dict[str, Any]:
        """Return the properties of the resource that a reference names."""
        name = node.get("Ref") if isinstance(node, dict) else None
        if name not in self._resources:
            raise UnknownValueError
        properties: dict[str, Any] = self._resources[name].get("Properties", {})
        return properties

    def _reference(self, name: Any) -> Any:
        """Return the value of Ref: of a parameter, or a sample of a resource."""
        name = self.value(name)
        if name in self._values:
            return self._values[name]
        resource = self._resources.get(name)
        if resource is None:
            raise UnknownValueError(name)
        return self._sample(name, resource["Type"], resource.get("Properties", {}))

    def _sample(self, name: str, kind: str, properties: Mapping[str, Any]) -> str:
        elb = f"arn:aws:elasticloadbalancing:{ACCOUNT.region}:{ACCOUNT.number}"
        ecs = f"arn:aws:ecs:{ACCOUNT.region}:{ACCOUNT.number}"
        try:
            if kind == "AWS::ElasticLoadBalancingV2::Listener":
                balancer = self.value(self._properties(properties["LoadBalancerArn"])["Name"])
                return f"{elb}:listener/app/{balancer}/1/{name}"
            if kind == "AWS::ElasticLoadBalancingV2::TargetGroup":
                return f"{elb}:targetgroup/{self.value(properties['Name'])}/1"
            if kind == "AWS::ECS::Service":
                cluster, service = self.value([properties["Cluster"], properties["ServiceName"]])
                return f"{ecs}:service/{cluster.rpartition('/')[2]}/{service}"
            if kind == "AWS::ECS::TaskDefinition":
                return f"{ecs}:task-definition/{self.value(properties['Family'])}:1"
            if kind == "AWS::ECS::Cluster":
                return str(self.value(properties["ClusterName"]))
            return str(self.value(properties["RepositoryName"]))
        except KeyError as error:
            raise UnknownValueError(name) from error

    def _attribute(self, path: Sequence[Any]) -> str:
        name, attribute = self.value(path[0]), path[1]
        if attribute == "DNSName":
            return f"{name.lower()}.{ACCOUNT.region}.elb.amazonaws.com"
        if attribute == "RepositoryUri":
            repository = self._reference(name)
            return f"{ACCOUNT.number}.dkr.ecr.{ACCOUNT.region}.amazonaws.com/{repository}"
        if attribute in ("Arn", "ServiceArn", "TaskDefinitionArn", "TargetGroupArn", "ListenerArn"):
            return str(self._reference(name))
        raise UnknownValueError(attribute)

    def _substituted(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        result, rest = "", text
        while "${" in rest:
            before, _, rest = rest.partition("${")
            name, _, rest = rest.partition("}")
            if name in own:
                value = self.value(own[name])
            elif "." in name:
                value = self._attribute(name.split(".", 1))
            else:
                value = self._reference(name)
            result += f"{before}{value}"
        return f"{result}{rest}"

    def _holds(self, condition: Any) -> bool:
        """Return whether a condition holds, given by its name or as an expression."""
        if isinstance(condition, str):
            return self._holds(self._conditions.get(condition, {}))
        function, argument = _single(condition)
        if function == "Condition":
            return self._holds(argument)
        if function == "Fn::Equals":
            first, second = self.value(argument)
            return bool(first == second)
        if function == "Fn::Not":
            return not self._holds(argument[0])
        if function in ("Fn::And", "Fn::Or"):
            results = [self._holds(each) for each in argument]
            return all(results) if function == "Fn::And" else any(results)
        raise UnknownValueError(function)


def _single(node: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the function of an expression and its argument; "" if it is not a function."""
    return next(iter(node.items())) if len(node) == 1 else ("", None)


def _all_faults(path: Path) -> list[str]:
    """Return the violations of a template; only those of cfn-lint if it is malformed."""
    linted = cfn_lint([path.resolve()])
    found = [] if linted.status is Status.PASSED else list(linted.lines)
    try:
        own = faults(path)
    except (ValueError, TypeError, LookupError, AttributeError, YAMLError):
        if not found:
            raise
        own = []
    return list(dict.fromkeys([*own, *found]))


def main(arguments: Sequence[str]) -> int:
    """Print the violations of a template; return 1 if there are any."""
    if len(arguments) != 1:
        print("usage: make template-check FILE=path")
        return 2
    path = Path(arguments[0])
    if not path.is_file():
        print(f"{path}: the file does not exist")
        return 2
    found = _all_faults(path)
    for fault in found:
        print(f"- {fault}")
    print(f"{path}: {len(found)} faults" if found else f"{path}: the contract is fulfilled")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
