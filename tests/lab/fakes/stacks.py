"""The stacks of CloudFormation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from devops_core.errors import RefusedError
from devops_core.model.observed import Stack
from devops_core.model.stack_change import ChangeSet, ResourceChange
from devops_core.naming import OPERATION_TAG, SLOTS
from tests.lab.fakes.change_sets import FakeChangeSet, changed_parameters, changes
from tests.lab.fakes.containers import FakeContainers
from tests.lab.fakes.images import FakeTemplates
from tests.lab.fakes.load_balancer import FakeLoadBalancer
from tests.lab.fakes.resources import Estate
from tests.lab.fakes.shapes import check_request
from tests.lab.fakes.wire import Port, Wire, outgoing
from tests.lab.templates import APPLICATION, load

# Bytes (CloudFormation API, CreateStack).
_LARGEST_BODY = 51_200
_CREATE_MESSAGE = "is in {} state and can not be updated."


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
    undeleted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left: int | None = None
    unseen: int = 0
    protected: bool = False
    template: str = ""
    change_sets: dict[str, FakeChangeSet] = field(default_factory=dict)
    # The parameters of the stack after the update in progress.
    target: dict[str, str] = field(default_factory=dict)

    @property
    def in_progress(self) -> bool:
        """Whether CloudFormation changes it."""
        return self.status.endswith("_IN_PROGRESS")

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
    """`ports.aws.Stacks`.

    `pace` is the number of describes that return a stack in progress before its next status. With
    None it waits for `finish`. `lag` is the number of describes that do not return a new stack yet.
    `create_failures`, `update_failures` and `delete_failures` have the reasons of failing
    resources, `rollback_failures` those of the rollback of an update, `cleanup_failures` those of
    resources that an update or its rollback does not need any more, `validation_failures` those of
    the validation of a change set. With `repaired` a rollback fails only once.
    `unexpected` has the further changes of change sets, because another tool has changed the stack,
    `template_changes` the changes by another template.
    `without_outputs` has the outputs that the template lacks, `other_outputs` those with other
    values. A template with "Resources:" is valid; its parameters are `declared`, with True for a
    default.
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
        self.update_failures: tuple[str, ...] = ()
        self.rollback_failures: tuple[str, ...] = ()
        self.cleanup_failures: tuple[str, ...] = ()
        self.validation_failures: tuple[str, ...] = ()
        self.repaired = False
        self.unexpected: tuple[ResourceChange, ...] = ()
        self.template_changes: tuple[ResourceChange, ...] = ()
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
            template=self.template_of(request),
        )
        self.stacks[stack.id] = stack
        return stack.id

    @outgoing
    def parameters(self, template: Mapping[str, str]) -> Mapping[str, bool]:
        """Return the parameters of a template: whether each has a default."""
        check_request("cloudformation", "ValidateTemplate", template)
        return self._parameters(self.template_of(template))

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
        if stack.in_progress and stack.left is not None:
            stack.left -= 1
            if stack.left < 0:
                self._finish(stack)
        return Stack(
            id=stack.id,
            status=stack.status,
            operation=stack.operation,
            reason=stack.reason,
            outputs=dict(stack.outputs),
            parameters=dict(stack.parameters),
            tags=dict(stack.tags),
        )

    @outgoing
    def template(self, stack_id: str) -> str:
        """Return the template of a stack."""
        return self.stacks[stack_id].template

    @outgoing
    def create_change_set(self, request: Mapping[str, Any]) -> None:
        """Create a change set; CloudFormation refuses it for a stack that cannot be updated."""
        check_request("cloudformation", "CreateChangeSet", request)
        stack, name = self.stacks[request["StackName"]], request["ChangeSetName"]
        if name in stack.change_sets:
            return
        if stack.in_progress or stack.status in ("UPDATE_ROLLBACK_FAILED", "DELETE_COMPLETE"):
            raise RefusedError(f"Stack:{stack.name} {_CREATE_MESSAGE.format(stack.status)}")
        template = self.template_of(request)
        assert {each["Key"]: each["Value"] for each in request["Tags"]} == stack.tags
        parameters = changed_parameters(stack.parameters, request)
        found = changes(stack.parameters, parameters)
        if template != stack.template:
            found += self.template_changes
        if found:
            found += self.unexpected
        stack.change_sets[name] = FakeChangeSet(
            name,
            parameters,
            found,
            left=self.pace,
            failures=self.validation_failures,
            id=f"{self._prefix.removesuffix('stack')}changeSet/{name}/{len(stack.change_sets):032x}",
            template=template,
            description=request.get("Description", ""),
        )

    @outgoing
    def change_set(self, stack_id: str, name: str) -> ChangeSet | None:
        """Return a change set."""
        change_set = self.stacks[stack_id].change_sets.get(name)
        if change_set is None:
            return None
        if change_set.status == "CREATE_IN_PROGRESS" and change_set.left is not None:
            change_set.left -= 1
            if change_set.left < 0:
                change_set.complete()
        return change_set.described()

    @outgoing
    def change_set_failures(self, stack_id: str, change_set_id: str) -> tuple[str, ...]:
        """Return the failures of the validation of a change set."""
        (found,) = (
            each for each in self.stacks[stack_id].change_sets.values() if each.id == change_set_id
        )
        return found.failures

    @outgoing
    def execute_change_set(self, stack_id: str, name: str, token: str) -> None:
        """Start an update; a repetition with its token has no effect."""
        stack = self.stacks[stack_id]
        change_set = stack.change_sets.get(name)
        if stack.token == token:
            return
        if change_set is None:
            raise RefusedError(f"ChangeSet [{name}] does not exist")
        if change_set.execution != "AVAILABLE" or stack.in_progress:
            raise RefusedError(
                f"ChangeSet [{name}] cannot be executed in its current execution status of"
                f" [{change_set.execution}]"
            )
        stack.change_sets = {name: change_set}
        change_set.execution = "EXECUTE_IN_PROGRESS"
        stack.status, stack.token, stack.left = "UPDATE_IN_PROGRESS", token, self.pace
        stack.target = change_set.parameters

    @outgoing
    def delete_change_set(self, stack_id: str, name: str) -> None:
        """Delete a change set."""
        self.stacks[stack_id].change_sets.pop(name, None)

    @outgoing
    def continue_rollback(self, stack_id: str, token: str) -> None:
        """Continue a failed rollback."""
        stack = self.stacks[stack_id]
        if stack.token == token:
            return
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise RefusedError(
                f"Stack:{stack.name} is in {stack.status} state and can not be rolled back"
            )
        stack.status, stack.token, stack.left = "UPDATE_ROLLBACK_IN_PROGRESS", token, self.pace

    @outgoing
    def failures(self, stack_id: str, token: str) -> tuple[str, ...]:
        """Return the reasons of resources that failed in calls with a token."""
        return self.stacks[stack_id].failures.get(token, ())

    @outgoing
    def undeleted(self, stack_id: str, token: str) -> tuple[str, ...]:
        """Return the reasons of resources that calls with a token could not delete."""
        return self.stacks[stack_id].undeleted.get(token, ())

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
        """Complete the creation, the update, the rollback or the deletion of a stack."""
        stack = self.named(name)
        assert stack is not None, f"stack {name} does not exist"
        self._finish(stack)

    def _deletable(self, stack_id: str) -> FakeStack | None:
        stack = self.stacks.get(stack_id)
        deleting = stack is not None and stack.status in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS")
        return None if deleting else stack

    def _new_id(self, name: str) -> str:
        return f"{self._prefix}/{name}/00000000-0000-0000-0000-{len(self.stacks):012x}"

    def template_of(self, request: Mapping[str, Any]) -> str:
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
        declared = self._parameters(self.template_of(request))
        given = [each["ParameterKey"] for each in request["Parameters"]]
        unknown = [name for name in given if name not in declared]
        if unknown:
            raise RefusedError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
        missing = [name for name, default in declared.items() if not default and name not in given]
        if missing:
            raise RefusedError(f"Parameters: [{', '.join(missing)}] must have values")

    def _finish(self, stack: FakeStack) -> None:
        assert stack.in_progress, f"{stack.name} is {stack.status}"
        if stack.status.startswith("UPDATE_"):
            self._finish_update(stack)
        elif stack.status == "DELETE_IN_PROGRESS" and self.delete_failures:
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

    def _finish_update(self, stack: FakeStack) -> None:
        """Move an update to its next status, as CloudFormation does."""
        ended = "EXECUTE_COMPLETE"
        if stack.status.endswith("_CLEANUP_IN_PROGRESS"):
            rolled_back = stack.status.startswith("UPDATE_ROLLBACK")
            stack.status = stack.status.removesuffix("_CLEANUP_IN_PROGRESS")
            ended = "EXECUTE_FAILED" if rolled_back else ended
            stack.undeleted[stack.token] = self.cleanup_failures
            known = stack.failures.get(stack.token, ())
            stack.failures[stack.token] = (*known, *self.cleanup_failures)
        elif stack.status == "UPDATE_ROLLBACK_IN_PROGRESS":
            failed, ended = bool(self.rollback_failures), "EXECUTE_FAILED"
            cleanup = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
            stack.status = "UPDATE_ROLLBACK_FAILED" if failed else cleanup
            stack.left = self.pace
            if failed:
                known = stack.failures.get(stack.token, ())
                stack.failures[stack.token] = (*known, *self.rollback_failures)
            if self.repaired:
                self.rollback_failures = ()
        elif self.update_failures:
            stack.status, stack.failures[stack.token] = (
                "UPDATE_ROLLBACK_IN_PROGRESS",
                self.update_failures,
            )
            stack.left = self.pace
        else:
            before, stack.parameters = stack.parameters, stack.target
            stack.outputs = self.estate.rebuild(
                stack.name, before, stack.parameters, stack.tags, stack.outputs
            )
            (executed,) = stack.change_sets.values()
            self.estate.reset(stack.name, _reset_services(executed.effects), stack.outputs)
            stack.template = executed.template
            stack.status, stack.left = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", self.pace
        for change_set in stack.change_sets.values():
            if change_set.execution == "EXECUTE_IN_PROGRESS" and not stack.in_progress:
                change_set.execution = ended


def _reset_services(changes: Iterable[ResourceChange]) -> list[str]:
    """Return the slots of production whose ECS services are among unexpected changes."""
    changed = {each.logical_id for each in changes if each.type == "AWS::ECS::Service"}
    return [slot for slot in SLOTS if f"{slot.replace('-', '')}Service" in changed]
