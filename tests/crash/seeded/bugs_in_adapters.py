"""Bugs in the adapters: only the half on moto can find them."""

from __future__ import annotations

from tests.crash.seeded import Bug

_TABLES = "devops_core/adapters/dynamodb/tables.py"
_TRANSACTIONS = "devops_core/adapters/dynamodb/transactions.py"
_ECS = "devops_core/adapters/ecs.py"

BUGS = (
    Bug(
        name="an end is written in two steps",
        why="a crash between them leaves an operation that is over and still holds its rows",
        file=_TABLES,
        old="_check_written(commit(self._client, actions), operation, write)",
        new="""\
_check_written(commit(self._client, actions[:1]), operation, write)
        commit(self._client, actions[1:])""",
        stories=("deploy-one",),
        half="adapters",
    ),
    Bug(
        name="a claim does not ask whether the rows are as they were seen",
        why="an operation starts from what is no longer so",
        file=_TRANSACTIONS,
        old='_FREE_AS_SEEN = f"attribute_not_exists(#claim) AND {_AS_SEEN}"',
        new='_FREE_AS_SEEN = "attribute_exists(#revision) OR #revision = :seen"',
        stories=("deploy-one",),
        kind="SECOND_CALLER",
        half="adapters",
    ),
    Bug(
        name="an operation ends whoever holds its rows",
        why="an end that lands late frees what another operation is at work on",
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
        name="a save overwrites whatever is there",
        why="of two workers both win, and what one has written is lost",
        file=_TRANSACTIONS,
        old='_IN_PROGRESS_AS_SEEN = f"{_AS_SEEN} AND #status = :open"',
        new='_IN_PROGRESS_AS_SEEN = "#revision <> :seen OR #status = :open"',
        stories=("deploy-one",),
        kind="SECOND_WORKER",
        half="adapters",
    ),
    Bug(
        name="a task definition is looked for without its tags",
        why="one that was registered before a crash is not found, and registered again",
        file=_ECS,
        old='taskDefinition=task_definition, include=["TAGS"]',
        new="taskDefinition=task_definition",
        stories=("deploy-one",),
        kind="CRASH_AFTER",
        half="adapters",
    ),
)
