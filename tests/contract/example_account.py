"""An account over the functional fakes, and a caller who sends the contract's examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from devops_core.naming import Environment
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import CRASH
from tools.contract.document import operation

WAIT = {"Prefer": "wait=25"}
REVISION_1 = {"If-Match": '"1"'}


@dataclass(frozen=True)
class Account:
    """The cloud and the client of a scenario; `sent` are the examples that it has sent."""

    cloud: FakeCloud
    api: Client
    sent: list[tuple[str, str]] = field(default_factory=list)

    @property
    def dry(self) -> DryClient:
        """A client that sends dry runs."""
        return DryClient(self.cloud)

    def send(
        self,
        operation_id: str,
        example: str,
        headers: Mapping[str, str] | None = None,
        about: str | None = None,
    ) -> Reply:
        """Send a request example: a body, or the value of a query parameter.

        `about` is the id of the operation in the path.
        """
        self.sent.append((operation_id, example))
        called, value = operation(operation_id), operation(operation_id).examples[example]["value"]
        of_shop = _parameters(called.path)
        of_shop = {**(of_shop or {}), "id": about} if about else of_shop
        if called.body and example in called.body["examples"]:
            return self.api.send(
                called.method, called.path, value, parameters=of_shop, headers=headers
            )
        (name,) = (
            each["name"] for each in called.parameters if example in each.get("examples", {})
        )
        query = {name: value}
        return self.api.send(
            called.method, called.path, parameters=of_shop, query=query, headers=headers
        )

    def get(self, operation_id: str, **query: str) -> Reply:
        """Send a read, about the application of the examples if the path has a name."""
        called = operation(operation_id)
        of_shop = _parameters(called.path)
        return self.api.send("GET", called.path, parameters=of_shop, query=query)

    def configured(self) -> Account:
        """Promote to blue, then give all environments a variable."""
        self.promoted().api.finished(self.send("replaceSpecification", "whole", REVISION_1))
        return self

    def with_shop(self) -> Account:
        """Create the application of the examples, with two versions in its repository."""
        self.api.finished(self.send("createApplication", "full"))
        self.cloud.push("1.0.0.0")
        self.cloud.push("1.0.0.1", CRASH)
        return self

    def deployed(self) -> Account:
        """Deploy to dev and stage."""
        self.with_shop().api.finished(self.send("deploy", "own"))
        return self

    def promoted(self) -> Account:
        """Promote to blue."""
        self.deployed().api.finished(self.send("promote", "highest"))
        return self

    def change(self, environment: Environment, **changes: Any) -> None:
        """Change a row of the inventory by hand."""
        rows = self.cloud.tables.rows
        rows["Shop", environment] = replace(rows["Shop", environment], **changes)


def _parameters(path: str) -> dict[str, str] | None:
    """Return the path parameters of the application of the examples, None without any."""
    return {"applicationName": "Shop"} if "{applicationName}" in path else None


# Prepares an account, makes one call and returns its answer.
Scenario = Callable[[Account], Reply]
# By operation, status and name of the example.
Scenarios = dict[tuple[str, int, str], Scenario]
