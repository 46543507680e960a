"""`python -m tests.proofs.fuzz [--seed N]`: fuzz a laptop cloud of its own, and hold the promises.

Every call is signed, and authentication is on. The exit code is 1 when an answer was not as the
contract says, when less was tried than should be, or when a promise does not hold once everything
has ended.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.lab.laptop import estate
from tests.lab.laptop.api import Api, create_body, until
from tests.lab.laptop.estate import hold_after_recovery
from tests.proofs.fuzz import result
from tests.proofs.fuzz.bearable import COME_AND_GO, THERE, VERSIONS
from tools.contract.document import FILE
from tools.laptop.callers import ADMIN
from tools.laptop.cloud import ROOT, Options, started
from tools.laptop.deploy import deploy
from tools.laptop.logs import lines

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
LEAST_CASES = 2000
# Courses of calls end early: what comes next depends on answers, and hypothesis gives up when the
# same beginning is answered otherwise. So there are several rounds of them, each with a seed.
LEAST_ROUNDS, MOST_ROUNDS = 4, 12
LIMIT = 600.0  # seconds for one run of schemathesis; it takes about a hundred
# What the service logs when it has met with something that should not be.
_FAULTS = ("broken", "check failed", "given up", "reconcile failed")
_ALL = {"nonProd": ["dev", "qa", "stage"], "training": True, "da": True}


def main() -> int:
    """Run everything and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="make other calls than always")
    options = parser.parse_args()
    begun = time.monotonic()
    # Who is told to end stops the laptop cloud first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with (
        TemporaryDirectory() as reports,
        TemporaryDirectory() as directory,
        started(Path(directory), Options(auth=True)) as cloud,
    ):
        api = Api(cloud, deploy(cloud)[ADMIN])
        prepare(api)
        with told_by_events(api):
            problems = fuzz(api, options.seed, Path(reports))
        problems += left_over(api)
    for problem in problems:
        _say(f"✗ {problem}")
    _say(f"seed {options.seed}: {time.monotonic() - begun:.0f} s, with the laptop cloud")
    return 1 if problems else 0


def prepare(api: Api) -> None:
    """Create applications with a version in dev and in blue, and one that can be deleted."""
    made = [api.post("/stacks", create_body(name, environments=_ALL)) for name in THERE]
    for answer in (*made, api.post("/stacks", create_body(COME_AND_GO[1]))):
        api.succeed(answer)
    for name in THERE:
        for version in VERSIONS:
            api.push(name, version)
        body = {"applicationName": name, "environment": ["dev"], "version": VERSIONS[0]}
        api.succeed(api.post("/stacks/deploy", body))
        api.succeed(api.post("/stacks/deploytoprodBlue", {"applicationName": name}))


@contextmanager
def told_by_events(api: Api) -> Iterator[None]:
    """Wake reconcile every second, as AWS does with an event when a stack or a service has changed.

    The laptop has no events, and the schedule alone would leave most applications busy.
    """
    client, over = api.client("lambda"), threading.Event()
    names = [each["FunctionName"] for each in client.list_functions()["Functions"]]
    (reconcile,) = (name for name in names if name.endswith("-reconcile"))

    def wake() -> None:
        while not over.wait(1):
            client.invoke(FunctionName=reconcile, Payload=b"{}")

    thread = threading.Thread(target=wake, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def fuzz(api: Api, seed: int, reports: Path) -> list[str]:
    """Make at least so many cases; return what was not as it should be."""
    failed: list[str] = []
    made, seen = 0, Counter[tuple[str, int]]()
    for number in range(MOST_ROUNDS + 1):
        phases = "stateful" if number else "examples,coverage,fuzzing"
        directory = reports / str(number)
        directory.mkdir()
        code = run(api, phases, seed + number, directory)
        if code not in (0, 1):
            return [*failed, f"schemathesis has ended with {code}, see above"]
        if code == 1:
            failed.append(f"{phases} with seed {seed + number} has found something, see above")
        made += result.cases(directory)
        seen += result.answers(directory)
        if number >= LEAST_ROUNDS and made >= LEAST_CASES:
            break
    _say("\n".join([f"{made} cases, {seen.total()} answers:", *result.table(seen)]))
    few = [f"only {made} cases, not {LEAST_CASES}"] if made < LEAST_CASES else []
    never = [f"{route} has never answered with success" for route in result.never_met(seen)]
    return failed + few + never


def run(api: Api, phases: str, seed: int, directory: Path) -> int:
    """Run schemathesis; return its exit code. Its reports are in the directory."""
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
        *("--report", "json,ndjson", "--report-json-path", result.SUMMARY),
        *("--report-ndjson-path", result.EVENTS),
    ]
    done = subprocess.run(  # noqa: S603 - a tool of requirements-dev.txt, no shell
        command, cwd=directory, env=environment, check=False, timeout=LIMIT
    )
    return done.returncode


def left_over(api: Api) -> list[str]:
    """Let everything come to its end; return faults in the log and promises that do not hold."""
    if not until(lambda: not _moved_on(api)):
        return [f"{each['entry']} does not end" for each in _moved_on(api)]
    printed = lines(api.client("logs"))
    found = [line.text for line in printed if line.members.get("message") in _FAULTS]
    try:
        hold_after_recovery(api)
    except AssertionError as broken:
        found.append(str(broken))
    return found


def _moved_on(api: Api) -> list[dict[str, Any]]:
    """Return the operations that were in progress; each is asked for, which moves it on."""
    running = [each for each in estate.operations(api) if each["status"] == "IN_PROGRESS"]
    for each in running:
        identifier = each["entry"].partition("#")[2]
        api.call("GET", f"/stacks/{each['applicationName']}/operations/{identifier}")
    return running


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
