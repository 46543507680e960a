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
# serverless/notifications.yml; only installations with a rule for notifications have them.
OPTIONAL_PROCEDURES = {
    "lost-for-topic": "a-notification-is-lost",
    "lost-for-slack": "a-notification-is-lost",
}
_ALL = {**PROCEDURES, **OPTIONAL_PROCEDURES}


def problems(stack: str, alarms: Sequence[Alarm]) -> Iterator[Problem]:
    """Yield the problems of the alarms; `stack` is the beginning of their names."""
    found = {each.name: each for each in alarms}
    for kind, procedure in _ALL.items():
        name = f"{stack}-{kind}"
        if name not in found and kind in PROCEDURES:
            yield Problem(
                "An alarm of the service does not exist",
                name,
                "A fault of the service is not reported.",
                "Run npx serverless deploy",
            )
        elif name in found and found[name].state == "ALARM":
            yield Problem(
                "An alarm is in the state ALARM",
                name,
                "The service has a fault that a person must correct.",
                f"docs/troubleshooting.md#{procedure}",
            )
    known = (found[name] for kind in _ALL if (name := f"{stack}-{kind}") in found)
    silent = [each.name for each in known if not each.notifies]
    if silent:
        yield Problem(
            "Alarms have no enabled action",
            ", ".join(silent),
            "They appear only in the CloudWatch console; no person gets a message.",
            "Set alarmtopic in parameters.yml and run npx serverless deploy"
            " (docs/monitoring.md#send-the-alarms)",
        )
