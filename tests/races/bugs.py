"""Bugs that show only when two are at work at once; planted as those of the crash matrix."""

from __future__ import annotations

from dataclasses import dataclass

from tests.crash import seeded


@dataclass(frozen=True, slots=True)
class Bug(seeded.Bug):
    """A bug that the races named as its `stories` find."""

    @property
    def arguments(self) -> list[str]:
        """What to run the races with."""
        return ["--stop", *(word for race in self.stories for word in ("--race", race))]


_ACCEPT = "devops_core/operations/accept.py"
_RECONCILE = "devops_core/operations/reconcile.py"

BUGS = (
    Bug(
        name="acts under the lease of another worker",
        why="two workers do the same step at once",
        file=_RECONCILE,
        old="if operation.ended or operation.leased(cloud.clock.now()):",
        new="if operation.ended:",
        stories=("schedule-event-deploy@1",),
    ),
    Bug(
        name="takes the lease though somebody was faster",
        why="a worker acts on what it has seen before another one acted",
        file=_RECONCILE,
        old="    return _save(cloud, written, leased)",
        new="""\
    now = cloud.tables.operation(operation.application, operation.id) or written
    return _save(cloud, now, replace(leased, revision=now.revision))""",
        stories=("schedule-event-deploy@1",),
    ),
    Bug(
        name="who has lost an operation tells what it wanted to write",
        why="a caller is told of an end that the operation does not come to",
        file=_RECONCILE,
        old="    cloud.tables.close(last)\n",
        new="""\
    try:
        cloud.tables.close(last)
    except LostClaimError:
        return last.operation
""",
        stories=("abort-read-deploy@6",),
    ),
    Bug(
        name="a caller whose operation was moved on by others is told of a fault",
        why="an answer is 500 because somebody else was faster",
        file=_ACCEPT,
        old="""\
    except LostClaimError:
        return cloud.tables.operation(operation.application, operation.id) or operation
""",
        new="",
        stories=("deploy-abort",),
    ),
    Bug(
        name="an old plan is claimed with rows as they are now",
        why="an operation does what was right before the one that came between",
        file=_ACCEPT,
        old="taken=planned.taken,",
        new="""\
taken=[
                    cloud.tables.inventory(row.application.name)[0].rows[row.environment]
                    for row in planned.taken
                ],""",
        stories=("swap-swap",),
    ),
    Bug(
        name="what AWS shows of another operation is a reason to refuse",
        why="the loser of a race is not told who was faster",
        file=_ACCEPT,
        old="if cloud.tables.inventory(application)[0] != inventory:",
        new="if not inventory.rows:",
        stories=("promote-swap",),
    ),
    Bug(
        name="a swap that looks again does not look at the listener again",
        why="it goes to the slot that another swap has just left, or stays where it is",
        file="devops_core/operations/start.py",
        old="observed = production(cloud, request.application, inventory)",
        new="""\
seen = cloud.__dict__.setdefault("seen", {})
    observed = seen.get(id(origin)) or production(cloud, request.application, inventory)
    seen[id(origin)] = observed""",
        stories=("swap-swap",),
    ),
    Bug(
        name="a key that is taken at the same moment fits every body",
        why="a caller is told of an operation that does something else",
        file=_ACCEPT,
        old="        return _repeat(cloud, repeated.record, origin)\n    held",
        new="""\
        found = reconcile(cloud, repeated.record.application, repeated.record.operation)
        return found or operation
    held""",
        stories=("deploy-deploy-other-body",),
    ),
    Bug(
        name="the drift check corrects rows whatever has become of them",
        why="it writes back what an operation has just replaced",
        file="devops_core/operations/repair.py",
        old="        kept=rows,\n",
        new="""\
        kept=[
            replace(row, revision=now.revision)
            for row in rows
            for now in cloud.tables.inventory(row.application.name)[0].rows.values()
            if now.environment == row.environment
        ],
""",
        stories=("drift-deploy-changed",),
    ),
    Bug(
        name="an abort overwrites what a worker has just written",
        why="steps that were done are forgotten",
        file="devops_core/operations/abort.py",
        old="aborted = replace(operation, aborted_by=caller)",
        new="""\
now = recorded(cloud, application, operation_id)
        aborted = replace(operation, aborted_by=caller, revision=now.revision)""",
        stories=("abort-schedule-deploy@1",),
    ),
    Bug(
        name="an abort does not look whether it has come too late",
        why="an operation that has ended is called aborted",
        file="devops_core/operations/abort.py",
        old="""\
        except LostClaimError:
            operation = recorded(cloud, application, operation_id)
            continue
""",
        new="""\
        except LostClaimError:
            return aborted
""",
        stories=("abort-schedule-deploy@6",),
    ),
)
