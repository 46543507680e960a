"""The three checks: no forbidden change, no leak, and a complete log."""

from __future__ import annotations

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.proofs.attack.installation import Installation
from tests.proofs.attack.rights import (
    APPLICATIONS,
    KINDS,
    PRINCIPALS,
    Principal,
    of_production,
)
from tests.proofs.attack.sender import Exchange
from tests.proofs.attack.state import Key, Reader, State, kinds_that_change
from tools.laptop.callers import ADMIN
from tools.laptop.cloud import ACCOUNT, REGION

ACCESS_LOG = "/aws/apigateway/devops-ecs-dev/access"
FUNCTION_LOGS = "/aws/lambda/"
_BY_ARN = {each.arn: each for each in PRINCIPALS}
_ADMIN = f"arn:aws:iam::{ACCOUNT}:user/{ADMIN}"
_OWN_REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/"
_TOKEN = re.compile(rb'"nextToken": "([\w=+/.-]+)"')
# "not allowed to swap Shop", "not allowed to abort the swap 01J... of Shop", "not allowed to end
# the swap 01J... of Shop by force", "not allowed to change the specification of Shop", "not allowed
# to change production of Shop", "not allowed to roll out Shop"
_REFUSAL = re.compile(
    r"not allowed to (?:(?:abort|continue|finish|end) the (\S+) \S+ of|"
    r"(change [a-z ]+ of|roll out)|(\S+)) ([\w-]+)"
)
# The refusals of API Gateway that do not know the caller: the signature is missing or not valid.
_UNKNOWN_CALLER = {"MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "DEFAULT_4XX"}


def json_of(content: bytes) -> Mapping[str, Any]:
    """Return the JSON object in a body; an empty one for other bodies."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def signer(exchange: Exchange) -> Principal | None:
    """Return the principal that the service knows for a call; None without a valid signature."""
    if exchange.header("x-request-id"):
        return exchange.call.principal if exchange.call.signature == "signed" else None
    refused = json_of(exchange.content).get("code") in _UNKNOWN_CALLER or exchange.status == 403
    return None if refused or exchange.call.signature != "signed" else exchange.call.principal


class Changes:
    """The first check: each difference of the state belongs to an allowed operation.

    An operation is allowed if the service accepted a call of its principal, and the principal has
    the right for it. `drift` operations are the service's own.
    """

    def __init__(self, made: Installation) -> None:
        self._made = made
        self._reader = Reader(made.api)
        self._accepted: dict[str, set[str]] = {}
        self._teams = dict(APPLICATIONS)
        self.state = self._reader.read()
        self._earlier = set(self.state.operations)
        self._intervened = set(self._interventions())

    def accept(self, exchange: Exchange) -> bool:
        """Note the operation that a write has started or repeated; return whether there is one."""
        body = json_of(exchange.content)
        operation = body.get("operation")
        if exchange.call.method == "GET" or exchange.status not in (200, 202, 424):
            return False
        if not isinstance(operation, dict) or "id" not in operation:
            return False
        record = self.state.operations.get(operation["id"])
        if record and record["status"] != "IN_PROGRESS" and exchange.call.attack[:5] == "abort":
            return False  # a repeated abort of an ended operation changes nothing
        path = f"/stacks/{operation.get('applicationName')}/operations/{operation['id']}"
        if path not in self._made.known.operations:
            self._made.known.operations.append(path)
            if operation.get("phase") == "AWAITING_APPROVAL":
                self._made.known.swaps.append(path)
        self._accepted.setdefault(operation["id"], set()).add(exchange.call.principal.arn)
        return True

    def problems(self) -> list[str]:
        """Compare the state with the one before, and return the forbidden differences."""
        before, self.state = self.state, self._reader.read()
        for name, team in self.state.teams.items():
            self._teams.setdefault(name, team)
        found = [*self._operations(), *self._bytes()]
        found += [*self._new_interventions(), *self._revisions(before)]
        for key in sorted(before.parts.keys() | self.state.parts.keys()):
            old, new = before.parts.get(key), self.state.parts.get(key)
            if old != new and not self._is_explained(key, before):
                found.append(f"{'/'.join(key)} changed from {old} to {new} without an operation")
        return found

    def log_items(self) -> list[dict[str, Any]]:
        """Return all items of the log table."""
        return self._reader.log_items()

    def _is_explained(self, key: Key, before: State) -> bool:
        """Return whether an operation that can change this part ran since the last check."""
        application = key[1]
        running = {*before.open, *(self.state.operations.keys() - before.operations.keys())}
        records = [self.state.operations.get(each) or before.operations[each] for each in running]
        return any(
            record["applicationName"] == application and record["kind"] in kinds_that_change(key)
            for record in records
        )

    def _operations(self) -> Iterator[str]:
        for identifier, record in self.state.operations.items():
            if identifier in self._earlier:
                continue
            self._earlier.add(identifier)
            kind, application, caller = (
                record[each] for each in ("kind", "applicationName", "caller")
            )
            what = f"the {kind} {identifier} of {application} by {caller}"
            if kind not in KINDS:
                continue  # a correction of drift
            if not self._may(caller, record):
                yield f"{what} is forbidden (team {self._teams.get(application)})"
            elif caller not in self._accepted.get(identifier, ()):
                yield f"{what} has no accepted call of this caller"
        for identifier, arns in self._accepted.items():
            given = self.state.operations.get(identifier)
            others = arns - {given["caller"]} if given else set()
            # A caller with the right to abort receives the operation too.
            if given and not all(self._may(each, given) for each in others):
                yield f"the operation {identifier} was returned to {sorted(others)}"

    def _may(self, arn: str, record: Mapping[str, Any]) -> bool:
        """Return whether a caller has the right for the kind of an operation."""
        team = self._teams.get(record["applicationName"], "")
        principal = _BY_ARN.get(arn)
        return principal is not None and principal.may(record["kind"], team)

    def _new_interventions(self) -> list[str]:
        """Return the forbidden interventions since the last call, or since an earlier attack."""
        known, found = self._intervened, set(self._interventions())
        self._intervened = found
        return sorted(found - known)

    def _interventions(self) -> Iterator[str]:
        """Check the callers that aborted, approved or finished operations, and forced ends."""
        for identifier, record in self.state.operations.items():
            details = record.get("details", {})
            callers = {
                "abort": record.get("abortedBy"),
                "approval": details.get("approvedBy"),
                "finish": details.get("finishedBy"),
            }
            for name, caller in callers.items():
                if caller and not self._may(caller, record):
                    yield f"the {name} of {identifier} by {caller} is forbidden"
            # No principal is an admin.
            if any(reason.startswith("ended by force") for reason in record.get("reasons", ())):
                yield f"the forced end of {identifier} is forbidden"

    def _revisions(self, before: State) -> Iterator[str]:
        """Check that each new revision keeps production, or that its caller is an approver."""
        for application, number in self.state.revisions.keys() - before.revisions.keys():
            revision = self.state.revisions[application, number]
            previous = self.state.revisions.get((application, number - 1))
            caller = _BY_ARN.get(revision["caller"])
            if previous is None or (caller and caller.approver):
                continue
            old, new = (
                of_production(json.loads(each["document"])) for each in (previous, revision)
            )
            if old != new:
                yield (
                    f"revision {number} of {application} by {revision['caller']} changes production"
                    f" from {old} to {new}"
                )

    def _bytes(self) -> Iterator[str]:
        """Check that each version in the own ECR is the image that was pushed with this tag."""
        for row in self.state.rows:
            image, digest = str(row.get("image") or ""), row.get("digest")
            repository = image.removeprefix(_OWN_REGISTRY).partition("@")[0].partition(":")[0]
            pushed = self._made.digests.get((repository, str(row.get("version"))))
            if image.startswith(_OWN_REGISTRY) and digest and digest != pushed:
                where = f"{row['applicationName']} {row['environment']}"
                yield f"{where}: the version {row.get('version')} has the bytes {digest} of {image}"


class Leaks:
    """The second check: no response contains a unique value of another team.

    Only the calls of specifications, and the plans of dry runs, return the ARNs of secrets, also to
    their own team.
    """

    def __init__(self, made: Installation) -> None:
        self._canaries = made.canaries
        self._secrets = [arn.encode() for arn in made.known.secrets.values()]
        self._applications = made.digests

    def problems(self, exchange: Exchange, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the values of other teams in a response.

        A value that the caller has sent itself is no leak, nor is the digest of an image that the
        caller's team runs.
        """
        sender = signer(exchange)
        own = sender.team if sender else ""
        shows_secrets = "/spec" in exchange.path or "dryRun=true" in exchange.path
        received = exchange.raw + b"".join(map(_decoded, _TOKEN.findall(exchange.content)))
        sent = exchange.path.encode() + (exchange.body or b"")
        running = " ".join(str(row) for row in rows if row.get("technicalTeam") == own).encode()
        return [
            f"the response contains {value.decode()} of the team {team}:"
            f" {_excerpt(received, value)}"
            for team, values in self._canaries.items()
            for value in sorted(values)
            if team != own and value in received and value not in sent and value not in running
        ] + [
            f"the response contains {value.decode()}, and neither a specification nor a plan"
            for value in self._secrets
            if not shows_secrets and value in received and value not in sent
        ]


def _excerpt(received: bytes, value: bytes) -> str:
    """Return the text around a value."""
    place = received.index(value)
    text = received[max(0, place - 100) : place + len(value) + 20]
    return f"…{text.decode('utf-8', 'backslashreplace')}…"


def _decoded(token: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(token + b"=" * (-len(token) % 4))
    except ValueError:
        return b""


class Logs:
    """The third check: the access log, the function logs and the event log have each call."""

    def __init__(self, made: Installation, items: Iterable[Mapping[str, Any]]) -> None:
        self._logs = made.api.client("logs")
        self._waiting: list[Exchange] = []
        self._refused = _refusals(items)
        self._since = _milliseconds()

    def add(self, exchange: Exchange, applications: Iterable[str]) -> None:
        """Note a call whose log lines the next check must find."""
        self._waiting.append(exchange)
        body = json_of(exchange.content)
        if body.get("code") != "FORBIDDEN" or "dryRun=true" in exchange.path:
            return
        found = _REFUSAL.match(str(body["errorMessage"]))
        if found is None:
            return
        verb, application, aborts = found[1] or found[3], found[4], bool(found[1])
        if found[2]:
            verb = "deploy" if exchange.call.attack.startswith("deploy") else "update"
        kind = {"promote": "deploy-blue"}.get(verb, verb)
        if application in set(applications) and (aborts or kind != "create"):
            self._refused[application, kind, exchange.call.principal.arn] += 1

    def problems(self, items: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the calls since the last check that a log lacks, and wrong counts of refusals."""
        access = {line["requestId"]: line for line in self._lines([ACCESS_LOG])}
        groups = self._logs.describe_log_groups(logGroupNamePrefix=FUNCTION_LOGS)["logGroups"]
        names = [each["logGroupName"] for each in groups]
        functions = {(line["message"], line["requestId"]): line for line in self._lines(names)}
        self._since = _milliseconds()
        found: list[str] = []
        for exchange in self._waiting:
            found += self._missing(exchange, access, functions)
        self._waiting.clear()
        return found + self._wrong_counts(items)

    def _missing(
        self,
        exchange: Exchange,
        access: Mapping[str, Any],
        functions: Mapping[tuple[str, str], Any],
    ) -> Iterator[str]:
        principal = signer(exchange)
        identifier = exchange.header("x-request-id")
        key = identifier or exchange.header("x-amzn-requestid")
        line = access.get(key)
        if line is None:
            yield f"the access log lacks {exchange}"
        elif line["status"] != str(exchange.status):
            yield f"the access log has another status ({line}) for {exchange}"
        elif principal and line["caller"] != principal.arn:
            yield f"the access log has another caller ({line}) for {exchange}"
        if not identifier:
            return
        refused = json_of(exchange.content).get("code") == "FORBIDDEN"
        if refused and ("refused", identifier) not in functions:
            yield f"the log of the function lacks the refusal of {exchange}"
        answered = functions.get(("answered", identifier))
        if answered is None:
            yield f"the log of the function lacks {exchange}"
        elif principal and (answered["status"], answered["caller"]) != (
            exchange.status, principal.arn,
        ):  # fmt: skip
            yield f"the log of the function is wrong ({answered}) for {exchange}"

    def _wrong_counts(self, items: Iterable[Mapping[str, Any]]) -> list[str]:
        logged = _refusals(items)
        return [
            f"the event log has {logged[key]} refusals of {' '.join(key)}, not {count}"
            for key, count in self._refused.items()
            if logged[key] != count
        ]

    def _lines(self, groups: Iterable[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of JSON of some log groups since the last check."""
        for name in groups:
            pages = self._logs.get_paginator("filter_log_events").paginate(
                logGroupName=name, startTime=self._since
            )
            for page in pages:
                for event in page["events"]:
                    line = json_of(event["message"].encode())
                    if "requestId" in line:
                        yield {"message": "", **line}


def _milliseconds() -> int:
    """Return the present time for a log; a margin covers lines that are written late."""
    return int(1000 * (time.time() - 5))


def _refusals(items: Iterable[Mapping[str, Any]]) -> Counter[tuple[str, str, str]]:
    """Return the number of refusals in the event log by application, kind and caller."""
    found: Counter[tuple[str, str, str]] = Counter()
    for item in items:
        if item["entry"].startswith("EVENT#") and item.get("outcome") == "DENIED":
            key = item["applicationName"], item["kind"], item["caller"]
            found[key] += int(item.get("count", 1))
    return found
