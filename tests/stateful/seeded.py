"""Bugs that a programmer could make, which the bounded form of the machine must find."""

from __future__ import annotations

from tests.crash.seeded import Bug

BUGS = (
    Bug(
        name="a repeat of a request is only looked for by its key",
        why="a key that was used with another request answers with that one's operation",
        file="devops_core/operations/accept.py",
        old="if record.fingerprint != origin.fingerprint:",
        new="if record.key != origin.key:",
        stories=(),
    ),
    Bug(
        name="the record of an Idempotency-Key is not written",
        why="a retry of a pipeline deploys twice",
        file="devops_core/operations/accept.py",
        old="idempotency=_idempotency_record(cloud, origin, operation),",
        new="idempotency=None,",
        stories=(),
    ),
    Bug(
        name="a lease never runs out",
        why="a worker that dies holds an application for days",
        file="devops_core/operations/reconcile.py",
        old="lease_until=cloud.clock.now() + LEASE,",
        new="lease_until=cloud.clock.now() + 1000 * LEASE,",
        stories=(),
    ),
    Bug(
        name="it is not noted that the first slot was live",
        why="the first swap cannot be taken back",
        file="devops_core/operations/close.py",
        old="was_live=part.environment is Environment.PROD_GREEN,",
        new="was_live=False,",
        stories=(),
    ),
    Bug(
        name="rows that follow the listener keep their services",
        why="inventory calls live what is not",
        file="devops_core/decide/drift.py",
        old="Environment.PROD_BLUE: replace(blue, service=green.service),",
        new="Environment.PROD_BLUE: blue,",
        stories=(),
    ),
)
