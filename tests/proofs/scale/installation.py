"""An installation with one application or with ten thousand, and its consumed capacity.

All applications are copies of one original, which was created, deployed and promoted. Their names
have the same length, and so their items have the same size. The other ports are the fakes of the
functional tests; a call for a copy gets the response of the original, with the name of the copy.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, cast

import botocore.session

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.listing import DynamoListing
from devops_core.adapters.dynamodb.outbox import DynamoOutbox
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.details import details_type
from devops_core.ports.notifications import Outbox
from devops_core.ports.tables import Listing, Tables
from tests.lab.client import Client, Reply, handled
from tests.lab.fakes import REGION, FakeCloud
from tests.lab.fakes.listing import FakeListing
from tests.lab.fakes.outbox import FakeOutbox
from tests.lab.fakes.tables import FakeTables
from tests.proofs.scale.capacity import Capacity, Item
from tests.proofs.scale.dynamodb import DynamoDB, Partition, Table

LINES = 100  # of log, of each application
ORIGINAL = "App00000"
TEST_ENVIRONMENTS = ["dev", "qa", "stage"]
_ULID = re.compile(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b")
_COPY = re.compile(rb"App[0-9]{5}")


class CopyingPort:
    """A port that responds for each copy as for the original."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return partial(self._call, method)

    def _call(self, method: str, *args: Any, **named: Any) -> Any:
        pickled = pickle.dumps((args, named))
        name = next(iter(_COPY.findall(pickled)), b"")
        if name in (b"", ORIGINAL.encode()):
            return getattr(self._port, method)(*args, **named)
        # The names have the same length; therefore they can be exchanged in a pickle.
        original = pickled.replace(name, ORIGINAL.encode())
        args, named = pickle.loads(original)  # noqa: S301 - written above
        response = pickle.dumps(getattr(self._port, method)(*args, **named))
        return pickle.loads(response.replace(ORIGINAL.encode(), name))  # noqa: S301 - written above


class Caller(Client):
    """A caller whose calls must be accepted; `last` is the id of its last operation."""

    last: str

    def raw(self, event: Mapping[str, Any]) -> Reply:
        """Send an event unchanged."""
        reply = handled(event, self.cloud)
        assert reply.status in (200, 202), reply
        if "operation" in reply.body:
            self.last = reply.id
        return reply

    def settle(self, limit: int = 50) -> None:
        """Fire the schedule until all operations have ended."""
        for _ in range(limit):
            if not self.tick():
                return
        raise AssertionError("operations do not end")


class Installation:
    """The service with its tables, and its caller; call `copy` before the first measurement."""

    def __init__(self) -> None:
        self.cloud = FakeCloud()
        self.api = Caller(self.cloud)
        names = self.cloud.settings.tables
        inventory = (names.non_production, names.production, names.training_da)
        self.database = DynamoDB(
            {name: Table("environment") for name in inventory} | {names.log: Table("entry")}
        )
        self.client = botocore.session.get_session().create_client(
            "dynamodb",
            REGION,
            aws_access_key_id="-",
            aws_secret_access_key="-",  # noqa: S106
        )
        self.database.attach(self.client)
        cloud = self.cloud
        tables: Tables = DynamoTables(self.client, names, cloud.clock.now, details_type)
        self.cloud.tables = cast(FakeTables, tables)
        listing: Listing = DynamoListing(self.client, names, cloud.gather, details_type)
        self.cloud.listing = cast(FakeListing, listing)
        outbox: Outbox = DynamoOutbox(self.client, names.log)
        self.cloud.outbox = cast(FakeOutbox, outbox)
        self._prepare_original()
        self.cloud.clock.pass_(hours=1)

    def copy(self, applications: int) -> None:
        """Copy the original to a number of applications, each with 100 lines of log."""
        names = tuple(f"App{number:05}" for number in range(applications))
        for name, table in self.database.tables.items():
            rows = dict(table.partition(ORIGINAL))
            if name == self.cloud.settings.tables.log:
                rows = _lines(rows)
                table.partition(ORIGINAL).update(rows)
                for partition, entries in _listed(table, names):
                    table.partition(partition).update(entries)
            table.seeds = partial(_seeds, json.dumps(rows))
            table.seeded = names if rows else ()
        for port in ("stacks", "containers", "load_balancer"):
            setattr(self.cloud, port, CopyingPort(getattr(self.cloud, port)))

    def measure(self, execute: Callable[[], Any]) -> Capacity:
        """Return the capacity that a function consumes."""
        consumed = self.database.consumed = Capacity()
        execute()
        self.database.consumed = Capacity()
        return consumed

    def create(self, name: str) -> Reply:
        """Start to create an application with dev, qa and stage."""
        return self.api.create(
            name,
            email="web@example.com",
            tags={"technicalTeam": "web"},
            environments={"nonProd": TEST_ENVIRONMENTS},
        )

    def _prepare_original(self) -> None:
        self.create(ORIGINAL)
        self.api.settle()
        for version in ("1.0", "1.1", "1.2", "1.3"):
            self.cloud.push(version, application=ORIGINAL)
        self.api.deploy("1.0", *TEST_ENVIRONMENTS, application=ORIGINAL)
        self.api.settle()
        self.api.promote(application=ORIGINAL)
        self.api.settle()


def _lines(log: Mapping[str, Item]) -> Partition:
    """Return the log of one application: its specification, and its events with other keys."""
    events = [item for entry, item in log.items() if entry.startswith("EVENT#")]
    specification = (items.RECORD, items.REVISION)
    found = {entry: item for entry, item in log.items() if entry.startswith(specification)}
    for number in range(LINES):
        event = events[number % len(events)]
        entry = f"EVENT#{number:026}#{event['entry']['S'].rpartition('#')[2]}"
        found[entry] = {**event, "entry": {"S": entry}}
    return found


def _listed(log: Table, names: Iterable[str]) -> Iterator[tuple[str, Partition]]:
    """Yield the partitions with the names of all applications and with an event of each."""
    for partition in (items.NAMES, items.EVENTS):
        first = dict([next(iter(log.partition(partition).items()))])
        copies = [_renamed(first, name) for name in names if name != ORIGINAL]
        yield partition, {key: item for copy in copies for key, item in copy.items()}


def _renamed(entries: Partition, name: str) -> Partition:
    """Return the items of the original for a copy, with its name and another id in their keys."""
    text = json.dumps(entries).replace(ORIGINAL, name).replace(ORIGINAL.lower(), name.lower())
    own = f"{int(name.removeprefix('App')):026}"
    found: Partition = {
        item["entry"]["S"]: item for item in json.loads(_ULID.sub(own, text)).values()
    }
    return found


def _seeds(rows: str, name: str) -> Partition:
    found: Partition = json.loads(rows.replace(ORIGINAL, name))
    return found
