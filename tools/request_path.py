"""Trace the path of a swap through the product's files: `python -m tools.request_path [--calls]`.

It runs a successful swap over the in-memory fakes, from the handler to the closing write, and
prints the number of files with a called function and the number of switches between files. A
switch is a call into another file than the previous call. Calls from the fakes do not count.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import handlers.swap
from tests.lab.client import Client, http_event
from tests.lab.fakes import FakeCloud

ROOT = Path(__file__).parents[1]
_PRODUCT = tuple(f"{ROOT / package}/" for package in ("devops_core", "handlers"))


class Call(NamedTuple):
    """One call of a function of the product; `file` is relative to the root."""

    file: str
    function: str


def main() -> None:
    """Print the figures, and with `--calls` every call."""
    parser = argparse.ArgumentParser(prog="python -m tools.request_path", description=__doc__)
    parser.add_argument("--calls", action="store_true", help="print the functions in their order")
    options = parser.parse_args()
    calls = swap_calls()
    files = list(dict.fromkeys(call.file for call in calls))
    print(f"{len(files)} files, {switches(calls)} switches, {len(calls)} calls")
    if not options.calls:
        print("\n".join(files))
        return
    previous = None
    for call in calls:
        if call.file != previous:
            print(call.file)
        print(f"    {call.function}")
        previous = call.file


def switches(calls: list[Call]) -> int:
    """Return the number of calls into another file than the previous call."""
    return sum(first.file != second.file for first, second in pairwise(calls))


def swap_calls() -> list[Call]:
    """Return the calls of a successful swap of an application with one environment."""
    _swap(_promoted())  # the first swap also imports modules
    cloud = _promoted()
    return traced(lambda: _swap(cloud))


def traced(work: Callable[[], Any]) -> list[Call]:
    """Return the calls of product functions by product functions, and the first one."""
    calls: list[Call] = []

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        del argument
        file = frame.f_code.co_filename
        if event != "call" or not file.startswith(_PRODUCT):
            return
        caller = frame.f_back
        if not calls or (caller and not caller.f_code.co_filename.startswith(f"{ROOT}/tests/")):
            calls.append(Call(str(Path(file).relative_to(ROOT)), frame.f_code.co_name))

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def _promoted() -> FakeCloud:
    """Return an account with an application whose idle slot runs version 1.0."""
    cloud = FakeCloud()
    api = Client(cloud)
    api.finished(api.create(environments={"nonProd": ["dev"]}))
    cloud.push("1.0")
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    return cloud


def _swap(cloud: FakeCloud) -> None:
    body = json.dumps({"applicationName": "Shop", "version": "1.0"})
    event = http_event("POST", "/stacks/swapProdBlueAndGreen", body)
    response = handlers.swap.handle(event, None, cloud)
    if response["statusCode"] != 200:
        raise RuntimeError(f"the swap failed: {response['body']}")


if __name__ == "__main__":
    main()
