"""The interrupted operations, each at one of its writing calls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.lab.laptop.api import create_body
from tests.lab.laptop.proxy import Fault, Moment

BEFORE, AFTER = Moment.BEFORE, Moment.AFTER


class Way(Enum):
    """The interruption of a worker: its connection is cut in every attempt, or it is killed."""

    CUT = "connection cut"
    KILL = "kill -9"


CUT, KILL = Way.CUT, Way.KILL

# The calls: the operation of the API, its number, and words that only its body has.
_CALLS = {
    "claim": ("TransactWriteItems", 1, ('"{application}"', '"ACCEPTED"', '"{row}"')),
    "register": ("RegisterTaskDefinition", 1, ('"{application}-{service}"',)),
    "update": ("UpdateService", 1, ('"{application}"', '"{service}"')),
    "move customers": ("ModifyListener", 1, ("%2F{application}-prod%2F",)),
    "move testers": ("ModifyListener", 2, ("%2F{application}-prod%2F",)),
    "create stack": ("CreateStack", 1, ("StackName={application}&",)),
    "delete stack": ("DeleteStack", 1, ("%2F{application}%2F",)),
    "close": ("TransactWriteItems", 1, ('"{application}"', '#END"', '"{row}"')),
}
_PATHS = {
    "create": ("POST", "/stacks"),
    "deploy": ("POST", "/stacks/deploy"),
    "deploy-blue": ("POST", "/stacks/deploytoprodBlue"),
    "swap": ("POST", "/stacks/swapProdBlueAndGreen"),
    "delete": ("DELETE", "/stacks"),
}


@dataclass(frozen=True)
class Case:
    """One operation and its interruption; `environment` is that of a deploy."""

    kind: str
    application: str
    call: str
    moment: Moment
    way: Way
    environment: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.way.value} {self.moment.value} {self.call}"

    @property
    def row(self) -> str:
        """An inventory row that only this operation claims."""
        return self.environment.upper() or "PROD-BLUE"

    @property
    def request(self) -> tuple[str, str, dict[str, Any]]:
        """Method, path and body."""
        bodies = {
            "create": create_body(self.application),
            "deploy": {"environment": [self.environment], "version": "2.0"},
            "delete": {"stack": self.application},
        }
        body = bodies.get(self.kind, {})
        named = {} if self.kind == "delete" else {"applicationName": self.application}
        return (*_PATHS[self.kind], named | body)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the caller: a waiting caller advances the operation to its end."""
        waits = self.call == "close" and self.kind != "swap"
        return {"Prefer": "wait=20"} if waits else {}

    @property
    def accepted(self) -> bool:
        """Whether the operation is recorded."""
        return (self.call, self.moment) != ("claim", BEFORE)

    @property
    def statuses(self) -> range:
        """The status codes that the caller may get."""
        if self.way is KILL:
            return range(500, 600)
        return range(503, 504) if self.call == "claim" else range(202, 203)

    def fault(self) -> Fault:
        """Return its fault, without the function that interrupts."""
        operation, number, words = _CALLS[self.call]
        service = self.environment or "prod-2"  # the idle slot of a new application
        told = {"application": self.application, "row": self.row, "service": service}
        known = tuple(word.format(**told) for word in words)
        return Fault(operation, known, self.moment, number)


# Each environment of one application has a separate deploy.
WIDE = "Wide"
# The responses of RegisterTaskDefinition are lost in every attempt.
RESENT = "PromoteB"
CASES = (
    Case("deploy", WIDE, "register", BEFORE, CUT, "dev"),
    Case("deploy", WIDE, "register", AFTER, KILL, "qa"),
    Case("deploy", WIDE, "update", BEFORE, KILL, "stage"),
    Case("deploy", WIDE, "update", AFTER, CUT, "training"),
    Case("deploy", WIDE, "close", BEFORE, KILL, "da"),
    Case("deploy", "SwapA", "claim", AFTER, CUT, "dev"),
    Case("deploy", "SwapB", "claim", AFTER, KILL, "dev"),
    Case("deploy", "SwapC", "claim", BEFORE, CUT, "dev"),
    Case("deploy", "SwapD", "close", AFTER, KILL, "dev"),
    Case("swap", WIDE, "move customers", BEFORE, CUT),
    Case("swap", "SwapA", "move customers", AFTER, KILL),
    Case("swap", "SwapB", "move testers", BEFORE, KILL),
    Case("swap", "SwapC", "move testers", AFTER, CUT),
    Case("swap", "SwapD", "close", BEFORE, CUT),
    Case("deploy-blue", "PromoteA", "register", BEFORE, KILL),
    Case("deploy-blue", RESENT, "register", AFTER, CUT),
    Case("deploy-blue", "PromoteC", "update", BEFORE, CUT),
    Case("deploy-blue", "PromoteD", "update", AFTER, KILL),
    Case("deploy-blue", "PromoteE", "close", BEFORE, KILL),
    Case("create", "CreateA", "claim", AFTER, CUT),
    Case("create", "CreateB", "create stack", BEFORE, KILL),
    Case("create", "CreateC", "create stack", AFTER, CUT),
    Case("create", "CreateD", "close", BEFORE, KILL),
    Case("delete", "DeleteA", "delete stack", BEFORE, CUT),
    Case("delete", "DeleteB", "delete stack", AFTER, KILL),
    Case("delete", "DeleteC", "close", BEFORE, KILL),
)
