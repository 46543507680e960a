"""Fuzz the service on a separate laptop cloud: `python -m tests.proofs.fuzz`.

Authentication is on, and each call is signed. The exit code is 1 if a response violates
docs/openapi.yml, if a route has too few calls, or if a promise is violated after the end of all
operations.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.lab.laptop import estate
from tests.lab.laptop.api import Api, create_body, until
from tests.lab.laptop.estate import hold_after_recovery
from tests.lab.sizes import Sizes
from tests.proofs.fuzz import reports
from tests.proofs.fuzz.adapted_calls import (
    ALL_ENVIRONMENTS,
    PERMANENT,
    TEMPORARY,
    VERSIONS,
    WAITING,
)
from tools.contract.document import FILE
from tools.laptop.callers import ADMIN
from tools.laptop.cloud import ROOT, Options, started
from tools.laptop.deploy import deploy
from tools.laptop.logs import lines

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


class Size(NamedTuple):
    """The minimum numbers of generated calls and of rounds with sequences of calls.

    A sequence ends early, because Hypothesis stops if a repeated call gets another response.
    Therefore each run has several rounds of sequences, each with its own seed.
    """

    calls: int
    rounds: int

    def __str__(self) -> str:
        return f"{self.calls:,} calls in {self.rounds} rounds of sequences"


CI = Size(calls=2000, rounds=4)
FULL = Size(calls=4000, rounds=20)
SIZES = Sizes(f"{CI}", f"{FULL} (`--full`)")
# The limit of rounds before a run fails because of too few calls, per round of the size.
ROUNDS_LIMIT = 3
RUN_LIMIT = 1200.0  # seconds of one run of schemathesis, which takes 100 s on an idle machine
# The log lines of errors of the service.
_ERROR_LINES = ("broken", "check failed", "given up", "reconcile failed")


def main() -> int:
    """Fuzz the service and print the problems."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.fuzz", description=__doc__, epilog=str(SIZES)
    )
    parser.add_argument("--full", action="store_true", help="run the full size")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the calls (default: 1)")
    options = parser.parse_args()
    started_at = time.monotonic()
    # SIGTERM stops the laptop cloud before the end of this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with (
        TemporaryDirectory() as report_directory,
        TemporaryDirectory() as directory,
        started(Path(directory), Options(auth=True)) as cloud,
    ):
        api = Api(cloud, deploy(cloud)[ADMIN])
        prepare(api)
        with reconcile_invocations(api):
            size = FULL if options.full else CI
            problems = fuzz(api, size, options.seed, Path(report_directory))
        problems += final_problems(api)
    for problem in problems:
        _say(f"✗ {problem}")
    _say(f"seed {options.seed}: {time.monotonic() - started_at:.0f} s, with the laptop cloud")
    return 1 if problems else 0


def prepare(api: Api) -> None:
    """Create the permanent applications with a version in dev and blue, and a temporary one."""
    created = [
        api.post("/stacks", create_body(name, environments=ALL_ENVIRONMENTS)) for name in PERMANENT
    ]
    for response in (*created, api.post("/stacks", create_body(TEMPORARY[1]))):
        api.succeed(response)
    for name in PERMANENT:
        for version in VERSIONS:
            api.push(name, version)
        body = {"applicationName": name, "environment": ["dev"], "version": VERSIONS[0]}
        api.succeed(api.post("/stacks/deploy", body))
        api.succeed(api.post("/stacks/deploytoprodBlue", {"applicationName": name}))


@contextmanager
def reconcile_invocations(api: Api) -> Iterator[None]:
    """Invoke the reconcile function each second, in place of the events of AWS.

    The laptop cloud sends no events. With the schedule alone, most applications would be busy.
    """
    client, ended = api.client("lambda"), threading.Event()
    names = [each["FunctionName"] for each in client.list_functions()["Functions"]]
    (reconcile,) = (name for name in names if name.endswith("-reconcile"))

    def invoke() -> None:
        while not ended.wait(1):
            client.invoke(FunctionName=reconcile, Payload=b"{}")

    thread = threading.Thread(target=invoke, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def fuzz(api: Api, size: Size, seed: int, directory: Path) -> list[str]:
    """Run schemathesis until the size is reached; return the problems."""
    failed: list[str] = []
    calls, responses = 0, Counter[tuple[str, int]]()
    for number in range(ROUNDS_LIMIT * size.rounds + 1):
        phases = "stateful" if number else "examples,coverage,fuzzing"
        round_directory = directory / str(number)
        round_directory.mkdir()
        code = run(api, phases, seed + number, round_directory)
        if code not in (0, 1):
            return [*failed, f"schemathesis ended with code {code}, see above"]
        if code == 1:
            failed.append(f"{phases} with seed {seed + number} has failures, see above")
        calls += reports.cases(round_directory)
        responses += reports.responses(round_directory)
        if number >= size.rounds and calls >= size.calls:
            break
    _say("\n".join([f"{calls} calls, {responses.total()} responses:", *reports.table(responses)]))
    too_few = [f"only {calls} calls, not {size.calls}"] if calls < size.calls else []
    routes = reports.without_success(responses)
    return failed + too_few + [f"{route} has no successful response" for route in routes]


def run(api: Api, phases: str, seed: int, directory: Path) -> int:
    """Run schemathesis with its reports in a directory; return its exit code."""
    assert api.credentials is not None
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ACCESS_KEY_ID": api.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": api.credentials.secret_key,
        "PYTHONPATH": str(ROOT),
    }
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"),
        *(str(FILE), "--url", api.cloud.api_url, "--phases", phases, "--seed", str(seed)),
        *("--report", "json,ndjson", "--report-json-path", reports.SUMMARY),
        *("--report-ndjson-path", reports.EVENTS),
    ]
    done = subprocess.run(  # noqa: S603 - a tool of requirements-dev.txt, no shell
        command, cwd=directory, env=environment, check=False, timeout=RUN_LIMIT
    )
    return done.returncode


def final_problems(api: Api) -> list[str]:
    """Wait for the end of all operations; return the errors in the log and a violated promise.

    A swap that waits for an approval is aborted.
    """
    for each in _open_operations(api):
        if each["applicationName"] == WAITING:
            api.call("DELETE", _path(each))
    if not until(lambda: not _open_operations(api)):
        return [f"{each['entry']} does not end" for each in _open_operations(api)]
    logged = lines(api.client("logs"))
    found = [line.text for line in logged if line.members.get("message") in _ERROR_LINES]
    try:
        hold_after_recovery(api)
    except AssertionError as violation:
        found.append(str(violation))
    return found + [each for name in PERMANENT for each in specification_problems(api, name)]


def specification_problems(api: Api, application: str) -> Iterator[str]:
    """Read the specification and all of its revisions, and write it back in a dry run."""
    path = f"/stacks/{application}/spec"
    present = api.call("GET", path)
    if present.status != 200:
        yield f"the specification of {application}: {present.status} {present.body}"
        return
    last, document = present.body["revision"], present.body["specification"]
    for number in range(1, last + 1):
        revision = api.call("GET", f"{path}?revision={number}")
        if revision.status != 200 or revision.body["revision"] != number:
            yield f"revision {number} of {application}: {revision.status} {revision.body}"
        elif number == last and revision.body["specification"] != document:
            yield f"revision {number} of {application} is not the present specification"
    written = api.call("PUT", f"{path}?dryRun=true", document, If_Match=present.headers["ETag"])
    changes = (written.body.get("plan") or {}).get("changes", [])
    if written.status != 200 or changes:
        yield f"the specification of {application} is not valid: {written.status} {written.body}"


def _open_operations(api: Api) -> list[dict[str, Any]]:
    """Return the operations in progress after a read of each, which advances it."""
    running = [each for each in estate.operations(api) if each["status"] == "IN_PROGRESS"]
    for each in running:
        api.call("GET", _path(each))
    return running


def _path(operation: Mapping[str, Any]) -> str:
    identifier = operation["entry"].partition("#")[2]
    return f"/stacks/{operation['applicationName']}/operations/{identifier}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
