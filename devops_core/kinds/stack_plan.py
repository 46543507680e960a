"""The plan of an update that changes the stack: the change, and the environments of the change.

Environments and the secrets that tasks can read are parameters of the stack. The stack keeps its
template, its tags and all other parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from devops_core import container_definitions
from devops_core.errors import InvalidRequestError
from devops_core.kinds import stacks
from devops_core.model.inventory import Inventory, Row
from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Progress
from devops_core.model.specification import (
    ApplicationRecord,
    Specification,
    merged_settings,
    secret_arns,
)
from devops_core.model.stack_change import StackChange, items
from devops_core.naming import PRODUCTION, Environment, environment_name, service_name
from devops_core.render import KEYS_PARAMETER, SECRETS_PARAMETER, secrets_by_environment
from devops_core.requests import container_rules
from devops_core.requests.specification_rules import DEFAULT_SIZE, owner, size_faults
from devops_core.requests.task_settings import MAX_SECRET_BYTES

# The parameter of the template with the environments except production.
_ENVIRONMENTS = "Environments"


def is_needed(record: ApplicationRecord, wanted: Specification) -> bool:
    """Return whether a specification requires a change of the stack."""
    granted: Mapping[str, Sequence[str]] = record.stack.granted if record.stack else {}
    return wanted.environments != record.specification.environments or any(
        not {*arns} <= {*granted.get(name, ())}
        for name, arns in secrets_by_environment(wanted).items()
    )


def planned(
    inventory: Inventory, observed: Observed, present: Specification, wanted: Specification
) -> StackChange:
    """Return the change that a stack needs for a specification.

    Raises NotDeployableError as `stacks.updatable_stack`, and InvalidRequestError if the
    secrets of an environment do not fit into their parameter, or for a size of a new environment.
    """
    name = inventory.application.name if inventory.application else ""
    stack = stacks.updatable_stack(name, observed.stack)
    added = [each for each in wanted.environments if each not in inventory.rows]
    _require_sizes(stack, wanted, added)
    removed = [
        each
        for each in inventory.rows
        if each not in PRODUCTION and each not in wanted.environments
    ]
    environments = ",".join(service_name(each) for each in wanted.environments)
    parameters = {_ENVIRONMENTS: environments}
    secrets = _readable_secrets(inventory, observed, present, wanted)
    parameters |= {f"{each}{SECRETS_PARAMETER}": ",".join(secrets[each]) for each in secrets}
    parameters |= {f"{environment_name(each)}{SECRETS_PARAMETER}": "" for each in removed}
    changed = {
        key: value
        for key, value in parameters.items()
        if items(stack.parameters.get(key, "")) != items(value)
    }
    permitted = [name for name in secrets if f"{name}{SECRETS_PARAMETER}" in changed]
    if permitted and _has_other_keys(stack, observed):
        # The policy of each environment with secrets has the keys.
        changed[KEYS_PARAMETER] = ",".join(observed.secret_keys)
        permitted = [name for name in secrets if secrets[name] or name in permitted]
    new = {*map(environment_name, added)}
    permitted = [name for name in permitted if name not in new]
    return StackChange(changed, tuple(added), tuple(removed), tuple(permitted))


def _has_other_keys(stack: Stack, observed: Observed) -> bool:
    """Return whether a stack lacks the present keys of secrets; a custom template can have none."""
    keys = stack.parameters.get(KEYS_PARAMETER)
    return keys is not None and {*items(keys)} != {*observed.secret_keys}


def _require_sizes(stack: Stack, wanted: Specification, added: Sequence[Environment]) -> None:
    """Raise InvalidRequestError for a size of new tasks that Fargate does not support.

    The stack keeps the size of the create, which a later specification need not name.
    """
    cpu, memory = (
        int(stack.parameters.get(name, usual))
        for name, usual in zip(("Cpu", "Memory"), DEFAULT_SIZE, strict=True)
    )
    faults = []
    for name in map(environment_name, added):
        merged = merged_settings(wanted.document, name)
        origins = {
            member: " (of the stack)" for member in ("cpu", "memory") if member not in merged
        }
        override = wanted.document.get("overrides", {}).get(name, {})
        size = (cpu, memory)
        found = (*size_faults(merged, size, origins), *container_rules.size_faults(merged, size))
        for field, message in found:
            faults.append((owner(name, field, override), message))
    if faults:
        raise InvalidRequestError(faults)


def _readable_secrets(
    inventory: Inventory, observed: Observed, present: Specification, wanted: Specification
) -> dict[str, list[str]]:
    """Return the secrets that each environment must read, by its name in a document.

    These are the wanted ones, those of the present specification and those of the running task
    definitions, so that restarts, promotes and swaps back still work.
    """
    readable = {name: set(arns) for name, arns in secrets_by_environment(wanted).items()}
    before = secrets_by_environment(present)
    for environment, row in inventory.rows.items():
        name = environment_name(environment)
        if name in readable:
            readable[name] |= {*before.get(name, ()), *_running_secrets(row, observed)}
    faults = []
    for name, arns in readable.items():
        size = len(",".join(arns))
        if size > MAX_SECRET_BYTES:
            message = (
                f"have {size} bytes together with those of the running tasks: at most"
                f" {MAX_SECRET_BYTES}; remove secrets first, then add the others"
            )
            faults.append((f"overrides.{name}.secrets", message))
    if faults:
        raise InvalidRequestError(faults)
    return {name: sorted(arns) for name, arns in readable.items()}


def _running_secrets(row: Row, observed: Observed) -> list[str]:
    """Return the ARNs of the secrets in the task definition of a service."""
    if row.service is None:
        return []
    blueprint = observed.blueprints.get(row.service.name, row.service.blueprint)
    values = [
        value
        for container in blueprint["containerDefinitions"]
        for value in container_definitions.secret_values(container)
    ]
    # Another tool can name a parameter without its ARN.
    return secret_arns(value for value in values if value.startswith("arn:"))


def removal(row: Row) -> Progress:
    """Return the progress of an environment that the change removes."""
    service = row.service
    scalable = service is not None and service.scaling is not None
    return Progress(
        environment=row.environment,
        service=service.name if service else service_name(row.environment),
        url=row.url,
        previous_version=service.version if service else None,
        target=service.task_definition if service else None,
        scalable=scalable,
        scaled=not scalable,
    )
