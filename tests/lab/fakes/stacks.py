"""CloudFormation: the stacks of the applications and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from devops_core.errors import RefusedError
from devops_core.model.observed import Stack
from devops_core.naming import OPERATION_TAG
from tests.lab.fakes import shapes
from tests.lab.fakes.containers import FakeContainers
from tests.lab.fakes.load_balancer import FakeLoadBalancer
from tests.lab.fakes.resources import Estate
from tests.lab.fakes.wire import Wire
from tests.lab.templates import APPLICATION, load

_GOING = ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS")


@dataclass(slots=True)
class FakeStack:
    """A stack. `left` counts the describes until it comes further, None waits to be told.

    `unseen` counts those that do not show it yet.
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

    @property
    def operation(self) -> str | None:
        """The operation that made it."""
        return self.tags.get(OPERATION_TAG)


@cache
def _declared() -> dict[str, bool]:
    """Return the parameters of the project's own template and whether each has a default."""
    parameters = load(APPLICATION)["Parameters"]
    return {name: "Default" in told for name, told in parameters.items()}


class FakeStacks:
    """`ports.Stacks`.

    With a `pace`, a stack comes further after as many describes that still find it at work; None
    means when the test calls `finish`. `create_failures` and `delete_failures` are the reasons of
    the resources that will fail; `without_outputs` are outputs that the template does not have.
    `lag` is how many describes do not show a new stack. A template is accepted if it says
    "Resources:"; it has the parameters that are `declared`, those of a True have a default.
    """

    def __init__(
        self, wire: Wire, containers: FakeContainers, balancer: FakeLoadBalancer, account: str
    ) -> None:
        self._wire = wire
        self._prefix = f"arn:aws:cloudformation:eu-west-1:{account}:stack"
        self.estate = Estate(containers, balancer, account)
        self.stacks: dict[str, FakeStack] = {}
        self.pace: int | None = 1
        self.lag = 0
        self.create_failures: tuple[str, ...] = ()
        self.delete_failures: tuple[str, ...] = ()
        self.without_outputs: set[str] = set()
        self.declared = _declared().copy()

    # --- the port ---

    def create(self, request: Mapping[str, Any]) -> str:
        """Create a stack and return its id; with the token of an earlier call the same one."""
        return self._wire.call("stacks.create", (request,), lambda: self._create(request))

    def parameters(self, template: str) -> Mapping[str, bool]:
        """Return the parameters of a template and whether each has a default."""
        return self._wire.call("stacks.parameters", (template,), lambda: self._parameters(template))

    def delete(self, stack_id: str, token: str) -> None:
        """Start to delete a stack."""
        self._wire.call("stacks.delete", (stack_id, token), lambda: self._delete(stack_id, token))

    def describe(self, name_or_id: str) -> Stack | None:
        """Return a stack; by id also when it is deleted."""
        return self._wire.call("stacks.describe", (name_or_id,), lambda: self._describe(name_or_id))

    def failures(self, stack_id: str, token: str) -> tuple[str, ...]:
        """Return why resources failed in calls that carried `token`."""
        return self._wire.call(
            "stacks.failures",
            (stack_id, token),
            lambda: self.stacks[stack_id].failures.get(token, ()),
        )

    # --- what tests use; none of it is an outgoing call ---

    def named(self, name: str) -> FakeStack | None:
        """Return the stack of a name that is not deleted."""
        there = (each for each in self.stacks.values() if each.status != "DELETE_COMPLETE")
        return next((each for each in there if each.name == name), None)

    def add_foreign(self, name: str) -> FakeStack:
        """Make a stack that this service knows nothing of."""
        stack = FakeStack(self._new_id(name), name, status="CREATE_COMPLETE")
        self.stacks[stack.id] = stack
        return stack

    def finish(self, name: str) -> None:
        """Bring what a stack is at to its end."""
        stack = self.named(name)
        assert stack is not None, f"there is no stack {name}"
        self._finish(stack)

    # --- effects ---

    def _new_id(self, name: str) -> str:
        return f"{self._prefix}/{name}/00000000-0000-0000-0000-{len(self.stacks):012x}"

    def _create(self, request: Mapping[str, Any]) -> str:
        shapes.check("cloudformation", "CreateStack", request)
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
        )
        self.stacks[stack.id] = stack
        return stack.id

    def _parameters(self, template: str) -> Mapping[str, bool]:
        if "Resources:" not in template:
            raise RefusedError(
                "Template format error: At least one Resources member must be defined."
            )
        return dict(self.declared)

    def _check(self, request: Mapping[str, Any]) -> None:
        """Refuse what CloudFormation refuses, in its words."""
        declared = self._parameters(request["TemplateBody"])
        given = [each["ParameterKey"] for each in request["Parameters"]]
        unknown = [name for name in given if name not in declared]
        if unknown:
            raise RefusedError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
        missing = [name for name, has in declared.items() if not has and name not in given]
        if missing:
            raise RefusedError(f"Parameters: [{', '.join(missing)}] must have values")

    def _delete(self, stack_id: str, token: str) -> None:
        stack = self.stacks.get(stack_id)
        if stack and stack.status not in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
            stack.status, stack.token, stack.left = "DELETE_IN_PROGRESS", token, self.pace

    def _describe(self, name_or_id: str) -> Stack | None:
        stack = self.stacks.get(name_or_id) or self.named(name_or_id)
        if stack is None:
            return None
        if stack.unseen:
            stack.unseen -= 1
            return None
        if stack.status in _GOING and stack.left is not None:
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

    def _finish(self, stack: FakeStack) -> None:
        assert stack.status in _GOING, f"{stack.name} is {stack.status}"
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
            stack.outputs = {key: made[key] for key in made if key not in self.without_outputs}
