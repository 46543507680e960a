"""AWS Lambda: the reserved concurrency of functions, also in CloudFormation."""

from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

KIND = "AWS::Lambda::Function"
RESERVED = "ReservedConcurrentExecutions"
# Executions of the account that must remain unreserved, and the executions of the account: AWS
# Lambda Developer Guide, "Understanding Lambda function scaling" and "Lambda quotas".
MINIMUM = 100
ACCOUNT = 1000

_create = provisioners._lambda_create
_update = provisioners._lambda_update
_put = lambda_svc._put_function_concurrency


class ConcurrencyError(ValueError):
    """A reservation that Lambda refuses."""

    def __init__(self) -> None:
        super().__init__(
            f"Specified {RESERVED} for function decreases account's UnreservedConcurrentExecution"
            f" below its minimum value of [{MINIMUM}]."
        )


def apply() -> None:
    """Apply the corrections.

    Gap: the emulator ignores the property in CloudFormation, accepts any reservation, and derives
    the executions of the account from the memory of the machine.
    """
    lambda_svc._ACCOUNT_CONCURRENCY_CAP = ACCOUNT
    handlers = provisioners._RESOURCE_HANDLERS[KIND]
    handlers["create"], handlers["update"] = create, update
    lambda_svc._put_function_concurrency = put


def create(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
    """Create a function with its reservation; a refused reservation fails the resource."""
    check(props.get("FunctionName", ""), props.get(RESERVED))
    name, attributes = _create(logical_id, props, stack_name)
    lambda_svc._functions[name]["concurrency"] = _number(props.get(RESERVED))
    return name, attributes


def update(
    physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str
) -> Any:
    """Update a function and its reservation; a removed property removes the reservation."""
    check(physical_id, new.get(RESERVED))
    name, attributes = _update(physical_id, old, new, stack_name, logical_id)
    lambda_svc._functions[name]["concurrency"] = _number(new.get(RESERVED))
    return name, attributes


def put(name: str, data: dict[str, Any]) -> Any:
    """Reserve the concurrency of a function, as PutFunctionConcurrency."""
    try:
        check(name, data.get(RESERVED))
    except ConcurrencyError as error:
        return lambda_svc.error_response_json("InvalidParameterValueException", str(error), 400)
    return _put(name, data)


def check(name: str, value: Any) -> None:
    """Raise ConcurrencyError if a reservation leaves fewer than 100 unreserved executions."""
    others = sum(
        int(lambda_svc._functions[each].get("concurrency") or 0)
        for each in lambda_svc._functions.keys()  # noqa: SIM118 - a store of several accounts
        if each != name
    )
    if value and ACCOUNT - others - int(value) < MINIMUM:
        raise ConcurrencyError


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
