"""Changes of the stack of an application, and the change sets of CloudFormation that make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from devops_core.model.template import Template
from devops_core.naming import Environment


class StackChange(NamedTuple):
    """A change of a stack.

    `parameters` has the new values of the parameters that change. `added` and `removed` are
    environments. `permitted` has the names of the environments whose tasks can read other secrets
    or decrypt them with other keys, as in the document: `prod` for both slots. `template` is the
    new template of an upgrade, None for the template of the stack. `kept` has the parameters of a
    new template that keep their values; without a new template, all other parameters keep them.
    """

    parameters: Mapping[str, str] = {}
    added: tuple[Environment, ...] = ()
    removed: tuple[Environment, ...] = ()
    permitted: tuple[str, ...] = ()
    template: Template | None = None
    kept: tuple[str, ...] = ()

    def view(self) -> dict[str, list[str]]:
        """Return the environments that the change adds, removes and gives other secrets.

        For an upgrade, return the names of the changed parameters.
        """
        members = {
            "added": self.added,
            "removed": self.removed,
            "secrets": self.permitted,
            "parameters": sorted(self.parameters) if self.template else (),
        }
        return {name: list(values) for name, values in members.items() if values}

    def applied(self, parameters: Mapping[str, str], change_set: ChangeSet | None = None) -> bool:
        """Return whether a stack with these parameters has the change.

        DescribeStacks does not return the template, so a new one requires the executed change set.
        CloudFormation creates no change set if no resource uses the template's changes and the
        changed parameters: the stack then keeps its parameters, and has the effect of the change.
        """
        if self.template and change_set and change_set.empty:
            return True
        if self.template and not (change_set and change_set.ended):
            return False
        return all(
            items(parameters.get(name, "")) == items(value)
            for name, value in self.parameters.items()
        )


class PropertyChange(NamedTuple):
    """A reason for the change of a resource (CloudFormation API, ResourceChangeDetail).

    `name` is the property, or the attribute of the resource. `source` is the ChangeSource and
    `cause` the CausingEntity: a parameter, a resource, or an attribute of a resource. `dynamic`
    means that CloudFormation knows only during the update whether the value changes.
    """

    name: str
    source: str = ""
    cause: str = ""
    dynamic: bool = False


class ResourceChange(NamedTuple):
    """The change of one resource in a change set (CloudFormation API, ResourceChange).

    `action` is Add, Modify, Remove, Import or Dynamic, `replacement` True, False or Conditional for
    Modify. `details` are the changed properties with their reasons.
    """

    action: str
    logical_id: str
    type: str
    replacement: str = ""
    details: tuple[PropertyChange, ...] = ()

    def view(self) -> dict[str, Any]:
        """Return the resource with its changed properties."""
        names = dict.fromkeys(each.name for each in self.details)
        replacement = {"replacement": self.replacement} if self.replacement else {}
        return {
            "action": self.action,
            "resource": self.logical_id,
            "resourceType": self.type,
            **replacement,
            "properties": list(names),
        }


class ChangeSet(NamedTuple):
    """A change set of DescribeChangeSet. `execution` is its ExecutionStatus.

    `failures` has the failures of a failed one if they were read, and `reason` often only their
    kind. `description` is that of its request.
    """

    status: str
    execution: str = "UNAVAILABLE"
    reason: str = ""
    changes: tuple[ResourceChange, ...] = ()
    id: str = ""
    failures: tuple[str, ...] = ()
    description: str = ""

    @property
    def ended(self) -> bool:
        """Whether the stack has its changes."""
        return self.execution == "EXECUTE_COMPLETE" or self.empty

    @property
    def empty(self) -> bool:
        """Whether CloudFormation did not create it, because it would change nothing.

        CloudFormation has no other sign of this than the text of the reason.
        """
        texts = ("didn't contain changes", "No updates are to be performed")
        return self.status == "FAILED" and any(text in self.reason for text in texts)


# The change set of a dry run. All dry runs of an application use the same name, so a dry run that
# has crashed leaves at most one, and the next one deletes it. The description identifies the
# change.
DRY_RUN = "dry-run"


def change_set_name(operation_id: str) -> str:
    """Return the name of an operation's change set."""
    return f"op-{operation_id}"


def rollback_token(operation_id: str) -> str:
    """Return the client request token of the call that continues a rollback."""
    return f"{operation_id}-rollback"


def items(value: str) -> tuple[str, ...]:
    """Return the sorted values of a list parameter of a template."""
    return tuple(sorted(filter(None, value.split(","))))
