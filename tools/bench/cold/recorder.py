"""Runs a handler once and records its SDK calls.

`python -m tools.bench.cold.recorder MODULE` reads an event from standard input and writes the calls
to standard output as JSON: `[service, method, arguments]`, in the order of their start.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

from botocore import xform_name

from devops_core.adapters.aws.session import new_session
from devops_core.bootstrap import AwsCloud
from devops_core.settings import Settings


class QuietCloud(AwsCloud):
    """An AwsCloud without log lines, because standard output is for the calls."""

    def log(self, message: str, **facts: Any) -> None:
        """Print nothing."""


def main() -> None:
    """Run the handler of a module."""
    calls: list[tuple[str, str, Any]] = []

    def record(params: Any, model: Any, **_: Any) -> None:
        # A copy, because the SDK adds default arguments later.
        given = json.loads(json.dumps(params))
        calls.append((model.service_model.service_name, xform_name(model.name), given))

    session = new_session()
    session.register("provide-client-params", record)
    cloud = QuietCloud(Settings.from_environment(os.environ), session)
    handle = importlib.import_module(f"handlers.{sys.argv[1]}").handle
    handle(json.loads(sys.stdin.read()), None, cloud)
    json.dump({"calls": calls}, sys.stdout)


if __name__ == "__main__":
    main()
