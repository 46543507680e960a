"""Bugs in the adapters, which only the half on moto can find."""

from __future__ import annotations

from tests.crash.seeded import Bug

_TABLES = "devops_core/adapters/dynamodb/tables.py"
_TRANSACTIONS = "devops_core/adapters/dynamodb/transactions.py"
_ECS = "devops_core/adapters/ecs.py"

BUGS = (
    Bug(
        name="an end is written in two steps",
        why="a crash between the steps leaves an ended operation that still holds its rows",
        file=_TABLES,
        old="_check_written(commit(self._client, actions), operation, write)",
        new="""\
_check_written(commit(self._client, actions[:1]), operation, write)
        commit(self._client, actions[1:])""",
        stories=("deploy-one",),
        half="adapters",
    ),
    Bug(
        name="a claim does not check that the rows are unchanged since they were read",
        why="an operation starts from outdated rows",
        file=_TRANSACTIONS,
        old='_FREE_AS_SEEN = f"attribute_not_exists(#claim) AND {_AS_SEEN}"',
        new='_FREE_AS_SEEN = "attribute_exists(#revision) OR #revision = :seen"',
        stories=("deploy-one",),
        kind="SECOND_CALLER",
        half="adapters",
    ),
    Bug(
        name="an operation ends although another one holds its rows",
        why="a delayed end releases the rows of another operation",
        file=_TRANSACTIONS,
        old="""\
_HELD = f"{_ABSENT} OR #claim = :operation"
_IN_PROGRESS_AS_SEEN = f"{_AS_SEEN} AND #status = :open\"""",
        new="""\
_HELD = "attribute_not_exists(#claim) OR #claim <> :operation OR #claim = :operation"
_IN_PROGRESS_AS_SEEN = "attribute_exists(#revision) OR #revision = :seen OR #status = :open\"""",
        stories=("deploy-one",),
        kind="LATE_OPERATION",
        half="adapters",
    ),
    Bug(
        name="a save overwrites any stored record",
        why="two workers save the same revision, and the first write is lost",
        file=_TRANSACTIONS,
        old='_IN_PROGRESS_AS_SEEN = f"{_AS_SEEN} AND #status = :open"',
        new='_IN_PROGRESS_AS_SEEN = "#revision <> :seen OR #status = :open"',
        stories=("deploy-one",),
        kind="SECOND_WORKER",
        half="adapters",
    ),
    Bug(
        name="a task definition is searched without its tags",
        why="one that was registered before a crash is not found, so it is registered again",
        file=_ECS,
        old='taskDefinition=task_definition, include=["TAGS"]',
        new="taskDefinition=task_definition",
        stories=("deploy-one",),
        kind="CRASH_AFTER",
        half="adapters",
    ),
)
