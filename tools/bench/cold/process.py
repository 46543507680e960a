"""The program of a new process: one call of a handler, as in Lambda. It has no dependencies.

`process.py MODULE FUNCTION` reads an event from standard input and writes a line of JSON to
standard error: the response of the handler, the CPU until then in ms, and the peak of resident
memory in KiB (0 if the system does not provide it). With `--modules` it adds the loaded modules and
their files.
"""

from __future__ import annotations

import importlib
import json
import sys
import time


def _peak() -> int:
    # Not from getrusage, which includes the memory of the parent before exec.
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123 - importing pathlib has a cost
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except OSError:
        return 0


def _loaded() -> dict[str, str]:
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return {name: file or "" for name, file in files.items()}


if __name__ == "__main__":
    module, function, *options = sys.argv[1:]
    event = json.loads(sys.stdin.read())
    response = getattr(importlib.import_module(module), function)(event, None)
    result = {"response": response, "cpu": time.process_time() * 1000, "peak": _peak()}
    if "--modules" in options:
        result["modules"] = _loaded()
    sys.stderr.write(json.dumps(result) + "\n")
