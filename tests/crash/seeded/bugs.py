"""Bugs in decisions and operations: the in-memory half must find them."""

from __future__ import annotations

from tests.crash.seeded import Bug

BUGS = (
    Bug(
        name="a terminal event has a key of its own",
        why="an operation that two workers end has two ends on record",
        file="devops_core/operations/audit.py",
        old='_event(operation, "END", ',
        new='_event(operation, f"END-{now.isoformat()}", ',
        stories=("create",),
    ),
    Bug(
        name="an event's number is not kept",
        why="the next event overwrites it",
        file="devops_core/operations/audit.py",
        old="return replace(after, events=after.events + len(events)), events",
        new="return after, events",
        stories=("deploy-crashes",),
    ),
    Bug(
        name="acts without a lease",
        why="two workers do the same step at once",
        file="devops_core/operations/reconcile.py",
        old="""\
        if not held:
            written = _lease(cloud, written, state.operation)
            state = state._replace(operation=written)
""",
        new="",
        stories=("reconcile-by-schedule",),
    ),
    Bug(
        name="the intent is not recorded with the lease",
        why="whoever comes after a crash does not know what was decided",
        file="devops_core/operations/reconcile.py",
        old="    leased = replace(operation, lease_until",
        new="    leased = replace(written, lease_until",
        stories=("deploy-hangs",),
    ),
    Bug(
        name="a lease is released after a timeout",
        why="the next worker repeats a call that may still land",
        file="devops_core/operations/reconcile.py",
        old="""\
    if any(isinstance(error, UnreachableError) for error in troubles):
        return _save(cloud, written, stopped)
""",
        new="",
        stories=("deploy-one",),
        kind="LATE_LEASE",
    ),
    Bug(
        name="waits for ever for AWS to be seen",
        why="a permission that is gone blocks an application for good",
        file="devops_core/operations/reconcile.py",
        old="""\
    if operation.overdue(cloud.clock.now() - GRACE):
        state = State(operation, inventory, Observed())
        return _give_up(cloud, operation, state, error.message)
""",
        new="",
        stories=("promote",),
        kind="ACCESS_DENIED",
    ),
    Bug(
        name="rows go when a create is given up",
        why="its stack is left and nobody knows it",
        file="devops_core/operations/reconcile.py",
        old="Fail(failed, keep_rows=True)",
        new="Fail(failed)",
        stories=("create",),
        kind="ACCESS_DENIED",
    ),
    Bug(
        name="a lost reply is taken for a failure",
        why="an operation fails whose step was done",
        file="devops_core/operations/act.py",
        old="return _left(cloud, state, step, error) or error",
        new="return _refused(state, step, error) or error",
        stories=("deploy-one",),
        kind="LOST_REPLY",
    ),
    Bug(
        name="a repeated request is not recognised",
        why="a retry of a pipeline deploys twice",
        file="devops_core/operations/accept.py",
        old="idempotency=_idempotency_record(cloud, origin, operation),",
        new="idempotency=None,",
        stories=("deploy-same", "deploy-one"),
        kind="CRASH_BEFORE",
    ),
    Bug(
        name="does not look before it registers again",
        why="every crash leaves a task definition",
        file="devops_core/operations/observe.py",
        old="registered = {name: arn for name, arn in zip(lost, found, strict=True) if arn}",
        new="registered: dict[str, str] = {}",
        stories=("deploy-one",),
        kind="CRASH_AFTER",
    ),
    Bug(
        name="the listeners are taken for each other",
        why="a promote goes to the slot that is live",
        file="devops_core/operations/observe.py",
        old="live, test = (",
        new="test, live = (",
        stories=("swap",),
    ),
    Bug(
        name="the idle slot is taken for granted",
        why="after a swap a promote goes to the slot that is live",
        file="devops_core/operations/start.py",
        old="idle = other_slot(live)",
        new="idle = SLOTS[1]",
        stories=("promote",),
    ),
    Bug(
        name="rows are exchanged though production was not switched",
        why="inventory calls live what is not",
        file="devops_core/operations/close.py",
        old="""\
    if (state.observed.production or moved) != operation.live:
        return list(held)
""",
        new="",
        stories=("swap",),
        kind="ACCESS_DENIED",
    ),
    Bug(
        name="a failed rollout is written into the row",
        why="inventory names a version that does not run",
        file="devops_core/operations/close.py",
        old="if (part := parts[row.environment]).status is Status.SUCCEEDED",
        new="if (part := parts[row.environment]).wanted",
        stories=("deploy-crashes",),
    ),
    Bug(
        name="each attempt to create has a token of its own",
        why="a repeated CreateStack is refused, and the stack of the first one is left",
        file="devops_core/render.py",
        old='"ClientRequestToken": operation.id,',
        new='"ClientRequestToken": f"{operation.id}-{operation.revision}",',
        stories=("create-unseen",),
        kind="LOST_REPLY",
    ),
    Bug(
        name="a stack that was rolled back is taken for gone",
        why="a failed create leaves its stack",
        file="devops_core/decide/create.py",
        old='if stack is None or stack.status == "DELETE_COMPLETE" or stack.operation',
        new='if stack is None or stack.status.endswith("_COMPLETE") or stack.operation',
        stories=("create-fails",),
    ),
    Bug(
        name="a delete ends when it has begun",
        why="rows are gone before the stack, and nobody sees that it stays",
        file="devops_core/decide/delete.py",
        old='if stack is None or stack.status == "DELETE_COMPLETE":',
        new='if stack is None or stack.status.startswith("DELETE_"):',
        stories=("delete-fails",),
    ),
    Bug(
        name="what runs is deregistered",
        why="no task of the version that runs can be started any more",
        file="devops_core/decide/rollout.py",
        old="left_over = part.obsolete if part.obsolete != part.wanted else None",
        new="left_over = part.obsolete",
        stories=("deploy-same",),
    ),
    Bug(
        name="a rollout that is late is left as it is",
        why="inventory says the version before, the new one runs",
        file="devops_core/decide/rollout.py",
        old="return Advance(part, UpdateService(part.service, part.previous))",
        new="return _failed(part, reason)",
        stories=("abort-deploy",),
    ),
    Bug(
        name="switches before blue is ready",
        why="customers meet fewer tasks than before, or none",
        file="devops_core/decide/swap.py",
        old="missing = (*unready(observed, live), *_smaller(observed, live, idle))",
        new="missing: tuple[str, ...] = ()",
        stories=("swap-raised",),
    ),
    Bug(
        name="the test listener does not follow",
        why="a tester looks at what is live and takes it for what comes next",
        file="devops_core/decide/swap.py",
        old="if observed.test != idle:",
        new="if observed.test is None:",
        stories=("swap-back",),
    ),
)
