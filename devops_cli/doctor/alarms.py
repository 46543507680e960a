"""Checks of the alarms of the service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from devops_cli.doctor.facts import Alarm, Problem

# serverless/alarms.yml; the procedures in docs/troubleshooting.md.
PROCEDURES = {
    "overdue-operations": "an-operation-is-past-its-deadline",
    "reconcile-errors": "an-operation-cannot-be-continued",
    "reconcile-function": "the-reconcile-function-fails",
    "refusals": "many-calls-are-refused",
}


def problems(stack: str, alarms: Sequence[Alarm]) -> Iterator[Problem]:
    """Yield the problems of the alarms; `stack` is the beginning of their names."""
    names = {f"{stack}-{kind}": procedure for kind, procedure in PROCEDURES.items()}
    known = {each.name: each for each in alarms if each.name in names}
    for name, procedure in names.items():
        if name not in known:
            yield Problem(
                "An alarm of the service does not exist",
                name,
                "A fault of the service is not reported.",
                "Run npx serverless deploy",
            )
        elif known[name].state == "ALARM":
            yield Problem(
                "An alarm is in the state ALARM",
                name,
                "The service has a fault that a person must correct.",
                f"docs/troubleshooting.md#{procedure}",
            )
    silent = [each.name for each in known.values() if not each.notifies]
    if silent:
        yield Problem(
            "Alarms have no enabled action",
            ", ".join(silent),
            "They appear only in the CloudWatch console; no person gets a message.",
            "Set alarmtopic in parameters.yml and run npx serverless deploy"
            " (docs/monitoring.md#send-the-alarms)",
        )
