"""An installation with one application or with ten thousand, and what its operations consume.

The applications are copies of one that has lived: created, deployed to, promoted. Their names are
equally long, and so are their items. Beside the tables, AWS is the fakes of the functional tests,
which are asked about the one when a copy is meant.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, cast

import botocore.session

import handlers.reconcile
from devops_core import ports
from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.listing import DynamoListing
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.details import details_type
from tests.lab.client import SCHEDULE, Reply, handled, http_event
from tests.lab.fakes import REGION, FakeCloud
from tests.lab.fakes.capacity import Capacity, Item
from tests.lab.fakes.dynamodb import DynamoDB, Partition, Table
from tests.lab.fakes.listing import FakeListing
from tests.lab.fakes.tables import FakeTables

LINES = 100  # of log, of each application
ONE = "App00000"
_ULID = re.compile(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b")
_COPY = re.compile(rb"App[0-9]{5}")
FRESH = "New00000"
_OPERATION = "/stacks/{applicationName}/operations/{id}"
THREE = ["dev", "qa", "stage"]


class Copies:
    """A port that is asked about the one application whenever a copy of it is meant."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return partial(self._call, method)

    def _call(self, method: str, *args: Any) -> Any:
        asked = pickle.dumps(args)
        name = next(iter(_COPY.findall(asked)), b"")
        if name in (b"", ONE.encode()):
            return getattr(self._port, method)(*args)
        # Names are equally long, so that one can stand for the other in a pickle as well.
        args = pickle.loads(asked.replace(name, ONE.encode()))  # noqa: S301 - our own
        answer = pickle.dumps(getattr(self._port, method)(*args))
        return pickle.loads(answer.replace(ONE.encode(), name))  # noqa: S301 - our own


class World:
    """The installation; `copy` comes before what is measured."""

    _last: Reply

    def __init__(self) -> None:
        self.cloud = FakeCloud()
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
        tables: ports.Tables = DynamoTables(self.client, names, cloud.clock.now, details_type)
        self.cloud.tables = cast(FakeTables, tables)
        listing: ports.Listing = DynamoListing(self.client, names, cloud.gather, details_type)
        self.cloud.listing = cast(FakeListing, listing)
        self._live(ONE)
        self.cloud.clock.pass_(hours=1)

    def copy(self, applications: int) -> None:
        """Let there be so many applications, each with 100 lines of log."""
        names = tuple(f"App{number:05}" for number in range(applications))
        for name, table in self.database.tables.items():
            rows = dict(table.partition(ONE))
            if name == self.cloud.settings.tables.log:
                rows = _lines(rows)
                table.partition(ONE).update(rows)
                for partition, items in _listed(table, names):
                    table.partition(partition).update(items)
            table.seeds = partial(_seeds, json.dumps(rows))
            table.seeded = names if rows else ()
        for port in ("stacks", "containers", "load_balancer"):
            setattr(self.cloud, port, Copies(getattr(self.cloud, port)))

    def measure(self, do: Callable[[], Any]) -> Capacity:
        """Return what something consumes."""
        consumed = self.database.consumed = Capacity()
        do()
        self.database.consumed = Capacity()
        return consumed

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        **parameters: str,
    ) -> Reply:
        """Make a call of the API, which must be accepted."""
        text = json.dumps(body) if body else None
        event = http_event(method, path, text, parameters=parameters or None, query=query)
        reply = handled(event, self.cloud)
        assert reply.status in (200, 202), reply
        if "operation" in reply.body:
            self._last = reply
        return reply

    def create(self, name: str) -> Reply:
        """Begin to create an application with dev, qa and stage."""
        body = {
            "applicationName": name,
            "email": "web@example.com",
            "tags": {"technicalTeam": "web"},
            "environments": {"nonProd": THREE},
        }
        return self.ask("POST", "/stacks", body)

    def deploy(self, version: str, *environments: str) -> Reply:
        """Begin to deploy to the one application."""
        body = {"applicationName": ONE, "environment": environments, "version": version}
        return self.ask("POST", "/stacks/deploy", body)

    def promote(self) -> Reply:
        """Begin to promote what stage runs."""
        return self.ask("POST", "/stacks/deploytoprodBlue", {"applicationName": ONE})

    def swap(self) -> Reply:
        """Swap blue and green."""
        return self.ask("POST", "/stacks/swapProdBlueAndGreen", {"applicationName": ONE})

    def delete(self, name: str) -> Reply:
        """Begin to delete an application."""
        return self.ask("DELETE", "/stacks", {"stack": name})

    @property
    def last(self) -> str:
        """The id of the last operation."""
        return self._last.id

    def status(self) -> Reply:
        """Ask how the last operation stands."""
        return self.ask("GET", _OPERATION, applicationName=ONE, id=self._last.id)

    def abort(self) -> Reply:
        """Abort the last operation."""
        return self.ask("DELETE", _OPERATION, applicationName=ONE, id=self._last.id)

    def wake(self, event: Mapping[str, Any]) -> int:
        """Wake the reconcile function; return how many operations it looked after."""
        return int(handlers.reconcile.handle(event, None, self.cloud)["operations"])

    def settle(self) -> None:
        """Let the schedule fire until nothing is open."""
        for _ in range(50):
            self.cloud.clock.wait(60)
            if not self.wake(SCHEDULE):
                return
        raise AssertionError("operations do not end")

    def _live(self, name: str) -> None:
        self.create(name)
        self.settle()
        for version in ("1.0", "1.1", "1.2", "1.3"):
            self.cloud.push(version, application=name)
        self.deploy("1.0", *THREE)
        self.settle()
        self.promote()
        self.settle()


def _lines(log: Mapping[str, Item]) -> Partition:
    """Return as many lines of log as each application has: events, repeated under other keys."""
    events = [item for entry, item in log.items() if entry.startswith("EVENT#")]
    found: Partition = {}
    for number in range(LINES):
        event = events[number % len(events)]
        entry = f"EVENT#{number:026}#{event['entry']['S'].rpartition('#')[2]}"
        found[entry] = {**event, "entry": {"S": entry}}
    return found


def _listed(log: Table, names: Iterable[str]) -> Iterator[tuple[str, Partition]]:
    """Yield the partitions that list all applications, and an event of each."""
    for partition in (items.NAMES, items.EVENTS):
        first = dict([next(iter(log.partition(partition).items()))])
        copies = [_renamed(first, name) for name in names if name != ONE]
        yield partition, {key: item for copy in copies for key, item in copy.items()}


def _renamed(items: Partition, name: str) -> Partition:
    """Return the items of the one as those of a copy; keys that have no name get another id."""
    text = json.dumps(items).replace(ONE, name).replace(ONE.lower(), name.lower())
    own = f"{int(name.removeprefix('App')):026}"
    found: Partition = {
        item["entry"]["S"]: item for item in json.loads(_ULID.sub(own, text)).values()
    }
    return found


def _seeds(rows: str, name: str) -> Partition:
    found: Partition = json.loads(rows.replace(ONE, name))
    return found
