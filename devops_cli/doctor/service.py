"""Reads facts from the HTTP API: health, a dry run of a create, the routes of the caller.

No call changes anything: reads, and dry runs for an application that does not exist.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from devops_cli.doctor.facts import Access, Problem, Unchecked
from devops_cli.failures import ApiError, CliError
from devops_cli.responses import Object, get_object, get_text

if TYPE_CHECKING:
    from devops_cli.client import Api

_ATTEMPTS = 2
_THREADS = 4
_LISTS = "the lists of callers in parameters.yml (docs/teams.md)"
_IAM = "IAM"
_UNUSED_ID = "00000000000000000000000000"
_DRY = {"dryRun": "true"}


class ServiceFacts(NamedTuple):
    """The problems that the API reports, the checks that were not possible, the routes."""

    problems: Sequence[Problem]
    unchecked: Sequence[Unchecked]
    routes: Sequence[Access]


class _Call(NamedTuple):
    route: str
    method: str
    path: str
    query: Object
    body: Object | None = None


def unused_name() -> str:
    """Return a name that no application has."""
    return f"doctor-{secrets.token_hex(6)}"


def read(api: Api, name: str, team: str, required_tags: Sequence[str]) -> ServiceFacts:
    """Call each route of the API once.

    `name` is the name of an application that does not exist; `team` and `required_tags` are for
    the dry run of its create.
    """
    calls = list(_calls(name, team, required_tags))
    health, *others = calls
    # The first call alone: credentials can ask the person for a code.
    results = [_result(api, health)]
    if not isinstance(results[0], ApiError) and isinstance(results[0], CliError):
        return ServiceFacts(
            [_unreachable(api, results[0])], [Unchecked("routes", "no response")], []
        )
    with ThreadPoolExecutor(_THREADS) as pool:
        results += pool.map(lambda call: _result(api, call), others)
    accesses = [_access(call, found) for call, found in zip(calls, results, strict=True)]
    return ServiceFacts(
        [
            *_health(results[0], accesses[0]),
            *_template(results[1], accesses[1]),
            *_permitted(accesses),
        ],
        list(_unchecked(results, accesses)),
        accesses,
    )


def _calls(name: str, team: str, required_tags: Sequence[str]) -> Iterator[_Call]:
    """Yield a call for each route: health first, then the create."""
    yield _Call("GET /health", "GET", "/health", {})
    tags = dict.fromkeys(required_tags, "doctor") | {"technicalTeam": team}
    create = {"applicationName": name, "email": "doctor@example.com", "tags": tags}
    yield _Call("POST /stacks", "POST", "/stacks", _DRY, create)
    named = {"applicationName": name}
    deploy = named | {"environment": ["dev"], "version": "1"}
    yield _Call("POST /stacks/deploy", "POST", "/stacks/deploy", _DRY, deploy)
    for path in ("/stacks/deploytoprodBlue", "/stacks/swapProdBlueAndGreen"):
        yield _Call(f"POST {path}", "POST", path, _DRY, named)
    upgrade = f"/stacks/{name}/upgrade"
    yield _Call("POST /stacks/*/upgrade", "POST", upgrade, _DRY, {})
    yield _Call("DELETE /stacks", "DELETE", "/stacks", _DRY, {"stack": name})
    operation = f"/stacks/{name}/operations/{_UNUSED_ID}"
    for method, query in (("DELETE", _DRY), ("POST", _DRY), ("GET", {})):
        route = f"{method} /stacks/*/operations/*"
        action: Object | None = {"action": "continue"} if method == "POST" else None
        yield _Call(route, method, operation, query, action)
    yield _Call("GET /stacks", "GET", "/stacks", {"limit": "1"})
    yield _Call("GET /stacks/*", "GET", f"/stacks/{name}", {})
    for each in ("operations", "events"):
        yield _Call(f"GET /stacks/*/{each}", "GET", f"/stacks/{name}/{each}", {"limit": "1"})
    # The service refuses both changes: the application does not exist, and a PUT needs If-Match.
    for method, query in (("PUT", _DRY), ("PATCH", _DRY), ("GET", {})):
        body: Object | None = {} if query else None
        yield _Call(f"{method} /stacks/*/spec", method, f"/stacks/{name}/spec", query, body)
    yield _Call("GET /events", "GET", "/events", {"limit": "1"})


def _result(api: Api, call: _Call) -> Object | CliError:
    """Return the body of a response, or the error."""
    attempts = 1 if call.route == "GET /health" else _ATTEMPTS
    try:
        return api.send(call.method, call.path, call.query, call.body, attempts=attempts).body
    except CliError as error:
        return error


def _access(call: _Call, result: Object | CliError) -> Access:
    if not isinstance(result, ApiError) or result.response.status not in (401, 403):
        return Access(call.route)
    code = get_text(result.response.body, "code")
    return Access(call.route, _LISTS if code == "FORBIDDEN" else _IAM)


def _unreachable(api: Api, error: CliError) -> Problem:
    return Problem(
        "The API does not respond",
        api.address,
        f"No call is possible: {error}.",
        " ".join(error.hints) or "Check the address (npx serverless info) and the network",
    )


def _health(result: Object | CliError, access: Access) -> Iterator[Problem]:
    if not isinstance(result, ApiError) or access.refusal:
        return
    remedy = "Run npx serverless deploy (docs/troubleshooting.md#refused-calls)"
    failing = get_object(result.response.body, "failing")
    for name in failing:
        problem = get_text(failing, name)
        yield Problem("The service is not healthy", name, f"Calls fail: {problem}.", remedy)
    if not failing:
        yield Problem("The service is not healthy", "GET /health", f"Calls fail: {result}.", remedy)


def _template(result: Object | CliError, access: Access) -> Iterator[Problem]:
    """Yield the refusal of a create that should be possible.

    The dry run of a create reads the template and checks its contract. A body that is not valid,
    for example without a required tag, says nothing about the template.
    """
    if isinstance(result, ApiError) and not access.refusal and result.response.status != 400:
        yield Problem(
            "The service refuses the create of an application",
            "POST /stacks, application template",
            f"{result}.",
            "docs/custom-template.md has the contract of a template; make template-check FILE=path"
            " checks it. For another cause see docs/createstack.md#errors",
        )


def _permitted(accesses: Sequence[Access]) -> Iterator[Problem]:
    if all(each.refusal for each in accesses):
        yield Problem(
            "The caller cannot call any route",
            "execute-api:Invoke",
            "Each command of devops fails with exit code 4.",
            "docs/install.md#permissions-of-callers has the routes of each role",
        )


def _unchecked(
    results: Sequence[Object | CliError], accesses: Sequence[Access]
) -> Iterator[Unchecked]:
    checks = ("health", "application template and create")
    for check, result, access in zip(checks, results, accesses, strict=False):
        if access.refusal == _IAM:
            route = access.route.replace(" ", "")
            needed = "execute-api:Invoke"
            yield Unchecked(check, f"the permission {needed} on {route} is missing", needed)
        elif access.refusal:
            yield Unchecked(check, f"the call was refused by {access.refusal}; use --team TEAM")
        elif isinstance(result, ApiError) and result.response.status == 400:
            yield Unchecked(check, str(result))
    for result, access in zip(results, accesses, strict=True):
        if isinstance(result, CliError) and not isinstance(result, ApiError):
            yield Unchecked(f"route {access.route}", str(result))
