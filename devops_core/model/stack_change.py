"""Changes of the stack of an application, and the change sets of CloudFormation that make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from devops_core.naming import Environment


class StackChange(NamedTuple):
    """A change of a stack.

    `parameters` has the new values of the parameters that change. `added` and `removed` are
    environments. `permitted` has the names of the environments whose tasks can read other secrets
    or decrypt them with other keys, as in the document: `prod` for both slots.
    """

    parameters: Mapping[str, str] = {}
    added: tuple[Environment, ...] = ()
    removed: tuple[Environment, ...] = ()
    permitted: tuple[str, ...] = ()

    def view(self) -> dict[str, list[str]]:
        """Return the environments that the change adds, removes and gives other secrets."""
        members = {"added": self.added, "removed": self.removed, "secrets": self.permitted}
        return {name: list(values) for name, values in members.items() if values}

    def applied(self, parameters: Mapping[str, str]) -> bool:
        """Return whether a stack with these parameters has the change."""
        return all(
            items(parameters.get(name, "")) == items(value)
            for name, value in self.parameters.items()
        )


class ResourceChange(NamedTuple):
    """The change of one resource in a change set (CloudFormation API, ResourceChange).

    `action` is Add, Modify, Remove, Import or Dynamic, `replacement` True, False or Conditional for
    Modify.
    """

    action: str
    logical_id: str
    type: str
    replacement: str = ""


class ChangeSet(NamedTuple):
    """A change set of DescribeChangeSet. `execution` is its ExecutionStatus.

    `failures` has the failures of a failed one if they were read, and `reason` often only their
    kind.
    """

    status: str
    execution: str = "UNAVAILABLE"
    reason: str = ""
    changes: tuple[ResourceChange, ...] = ()
    id: str = ""
    failures: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether CloudFormation did not create it, because it would change nothing.

        CloudFormation has no other sign of this than the text of the reason.
        """
        texts = ("didn't contain changes", "No updates are to be performed")
        return self.status == "FAILED" and any(text in self.reason for text in texts)


def change_set_name(operation_id: str) -> str:
    """Return the name of an operation's change set."""
    return f"op-{operation_id}"


def rollback_token(operation_id: str) -> str:
    """Return the client request token of the call that continues a rollback."""
    return f"{operation_id}-rollback"


def items(value: str) -> tuple[str, ...]:
    """Return the sorted values of a list parameter of a template."""
    return tuple(sorted(filter(None, value.split(","))))
