"""The stacks of CloudFormation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from devops_core.errors import RefusedError
from devops_core.model.observed import Stack
from devops_core.naming import OPERATION_TAG
from tests.lab.fakes.containers import FakeContainers
from tests.lab.fakes.images import FakeTemplates
from tests.lab.fakes.load_balancer import FakeLoadBalancer
from tests.lab.fakes.resources import Estate
from tests.lab.fakes.shapes import check_request
from tests.lab.fakes.wire import Port, Wire, outgoing
from tests.lab.templates import APPLICATION, load

# Bytes (CloudFormation API, CreateStack).
_LARGEST_BODY = 51_200
_IN_PROGRESS = ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS")


@dataclass(slots=True)
class FakeStack:
    """A stack. `left` is the number of describes before its next status, None for no limit.

    `unseen` is the number of describes that do not return it yet.
    """

    id: str
    name: str
    status: str = "CREATE_IN_PROGRESS"
    reason: str | None = None
    token: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    failures: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left: int | None = None
    unseen: int = 0
    protected: bool = False

    @property
    def operation(self) -> str | None:
        """The operation that created it."""
        return self.tags.get(OPERATION_TAG)


@cache
def _declared() -> dict[str, bool]:
    """Return the parameters of the project's template: whether each has a default."""
    parameters = load(APPLICATION)["Parameters"]
    return {name: "Default" in parameter for name, parameter in parameters.items()}


class FakeStacks(Port, port="stacks"):
    """`ports.Stacks`.

    `pace` is the number of describes that return a stack in progress before its next status. With
    None it waits for `finish`. `lag` is the number of describes that do not return a new stack yet.
    `create_failures` and `delete_failures` have the reasons of failing resources, `without_outputs`
    the outputs that the template lacks, `other_outputs` those with other values. A template with
    "Resources:" is valid; its parameters are `declared`, with True for a default.
    """

    def __init__(
        self,
        wire: Wire,
        containers: FakeContainers,
        balancer: FakeLoadBalancer,
        templates: FakeTemplates,
        account: str,
    ) -> None:
        super().__init__(wire)
        self.templates = templates
        self._prefix = f"arn:aws:cloudformation:eu-west-1:{account}:stack"
        self.estate = Estate(containers, balancer, account)
        self.stacks: dict[str, FakeStack] = {}
        self.pace: int | None = 1
        self.lag = 0
        self.create_failures: tuple[str, ...] = ()
        self.delete_failures: tuple[str, ...] = ()
        self.without_outputs: set[str] = set()
        self.other_outputs: dict[str, str] = {}
        self.declared = _declared().copy()

    # --- the port ---

    @outgoing
    def create(self, request: Mapping[str, Any]) -> str:
        """Create a stack and return its id; a repetition with its token returns the same id."""
        check_request("cloudformation", "CreateStack", request)
        name, token = request["StackName"], request["ClientRequestToken"]
        there = self.named(name)
        if there and there.token == token:
            return there.id
        if there:
            raise RefusedError("a stack of this name exists: choose another name")
        self._check(request)
        stack = FakeStack(
            self._new_id(name),
            name,
            token=token,
            tags={tag["Key"]: tag["Value"] for tag in request["Tags"]},
            parameters={
                each["ParameterKey"]: each["ParameterValue"] for each in request["Parameters"]
            },
            left=self.pace,
            unseen=self.lag,
            protected=request["EnableTerminationProtection"],
        )
        self.stacks[stack.id] = stack
        return stack.id

    @outgoing
    def parameters(self, template: Mapping[str, str]) -> Mapping[str, bool]:
        """Return the parameters of a template: whether each has a default."""
        check_request("cloudformation", "ValidateTemplate", template)
        return self._parameters(self.template(template))

    @outgoing
    def unprotect(self, stack_id: str) -> None:
        """Disable the termination protection of a stack, unless it is being deleted."""
        if stack := self._deletable(stack_id):
            stack.protected = False

    @outgoing
    def delete(self, stack_id: str, token: str) -> None:
        """Start to delete a stack; CloudFormation refuses to delete a protected one."""
        stack = self._deletable(stack_id)
        if stack and stack.protected:
            raise RefusedError(
                f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        if stack:
            stack.status, stack.token, stack.left = "DELETE_IN_PROGRESS", token, self.pace

    @outgoing
    def describe(self, name_or_id: str) -> Stack | None:
        """Return a stack; a deleted one is found only by its id."""
        stack = self.stacks.get(name_or_id) or self.named(name_or_id)
        if stack is None:
            return None
        if stack.unseen:
            stack.unseen -= 1
            return None
        if stack.status in _IN_PROGRESS and stack.left is not None:
            stack.left -= 1
            if stack.left < 0:
                self._finish(stack)
        return Stack(
            id=stack.id,
            status=stack.status,
            operation=stack.operation,
            reason=stack.reason,
            outputs=dict(stack.outputs),
        )

    @outgoing
    def failures(self, stack_id: str, token: str) -> tuple[str, ...]:
        """Return the reasons of resources that failed in calls with a token."""
        return self.stacks[stack_id].failures.get(token, ())

    # --- for tests, without outgoing calls ---

    def named(self, name: str) -> FakeStack | None:
        """Return the stack with a name, unless it is deleted."""
        there = (each for each in self.stacks.values() if each.status != "DELETE_COMPLETE")
        return next((each for each in there if each.name == name), None)

    def add_foreign(self, name: str) -> FakeStack:
        """Create a stack outside this service."""
        stack = FakeStack(self._new_id(name), name, status="CREATE_COMPLETE")
        self.stacks[stack.id] = stack
        return stack

    def finish(self, name: str) -> None:
        """Complete the creation, the rollback or the deletion of a stack."""
        stack = self.named(name)
        assert stack is not None, f"stack {name} does not exist"
        self._finish(stack)

    def _deletable(self, stack_id: str) -> FakeStack | None:
        stack = self.stacks.get(stack_id)
        deleting = stack is not None and stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS")
        return None if deleting else stack

    def _new_id(self, name: str) -> str:
        return f"{self._prefix}/{name}/00000000-0000-0000-0000-{len(self.stacks):012x}"

    def template(self, request: Mapping[str, Any]) -> str:
        """Return the template of a request, also by its URL; the refusals are CloudFormation's."""
        if "TemplateURL" not in request:
            body: str = request["TemplateBody"]
            if len(body.encode()) > _LARGEST_BODY:
                raise RefusedError(
                    "Value at 'templateBody' failed to satisfy constraint: Member must have length"
                    f" less than or equal to {_LARGEST_BODY}"
                )
            return body
        version = parse_qs(urlsplit(request["TemplateURL"]).query)["versionId"][0]
        content = self.templates.versions.get(version)
        if content is None:
            raise RefusedError("S3 error: The specified key does not exist.")
        return content.decode()

    def _parameters(self, template: str) -> Mapping[str, bool]:
        if "Resources:" not in template:
            raise RefusedError(
                "Template format error: At least one Resources member must be defined."
            )
        return dict(self.declared)

    def _check(self, request: Mapping[str, Any]) -> None:
        """Check the parameters; the messages are those of CloudFormation."""
        declared = self._parameters(self.template(request))
        given = [each["ParameterKey"] for each in request["Parameters"]]
        unknown = [name for name in given if name not in declared]
        if unknown:
            raise RefusedError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
        missing = [name for name, default in declared.items() if not default and name not in given]
        if missing:
            raise RefusedError(f"Parameters: [{', '.join(missing)}] must have values")

    def _finish(self, stack: FakeStack) -> None:
        assert stack.status in _IN_PROGRESS, f"{stack.name} is {stack.status}"
        if stack.status == "DELETE_IN_PROGRESS" and self.delete_failures:
            stack.status, stack.failures[stack.token] = "DELETE_FAILED", self.delete_failures
        elif stack.status == "DELETE_IN_PROGRESS":
            self.estate.tear_down(stack.name)
            stack.status, stack.outputs = "DELETE_COMPLETE", {}
        elif stack.status == "ROLLBACK_IN_PROGRESS":
            stack.status = "ROLLBACK_COMPLETE"
        elif self.create_failures:
            stack.status, stack.failures[stack.token] = "ROLLBACK_IN_PROGRESS", self.create_failures
            stack.left = self.pace
        else:
            made = self.estate.build(stack.name, stack.parameters, stack.tags)
            stack.status = "CREATE_COMPLETE"
            made |= self.other_outputs
            stack.outputs = {key: made[key] for key in made if key not in self.without_outputs}
