"""`make acceptance`: runs the acceptance test of an installation; `--help` lists the options."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from devops_cli import signing
from devops_cli.clock import SystemClock
from devops_cli.exits import Exit
from devops_cli.failures import CliError
from tools.acceptance import options as arguments_of
from tools.acceptance import run
from tools.acceptance.account import Account
from tools.acceptance.pages import Pages
from tools.acceptance.state import locked


def main(arguments: Sequence[str]) -> int:
    """Run the test, or only complete an earlier removal; return the exit code."""
    options = arguments_of.parse(arguments)
    environment = dict(os.environ)
    if "DEVOPS_API" not in environment and environment.get("API_URL"):
        environment["DEVOPS_API"] = environment["API_URL"]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # raises KeyboardInterrupt
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup sets it
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    runtime = run.Runtime(
        environment, SystemClock(), _out, signing.credential_source, Pages, Account.of_caller
    )
    try:
        with locked(options.directory) as state:
            if options.remove:
                return run.remove(runtime, options.limits, state)
            return run.test(runtime, options, state)
    except CliError as error:
        print(f"error: {error}", *error.hints, sep="\n", file=sys.stderr)
        return Exit.USAGE if error.code is Exit.USAGE else Exit.FAILED
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return Exit.INTERRUPTED


def _out(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
