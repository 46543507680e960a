"""What a fresh process runs: one call of a handler, as Lambda makes it. Stands alone.

`process.py MODULE FUNCTION` reads an event from standard input and writes a line of JSON to
standard error: what the handler answered, the CPU in ms until then, and the peak of resident
memory in KiB (0 where the system does not tell). With `--modules` also the modules that were
loaded, and from where.
"""

from __future__ import annotations

import importlib
import json
import sys
import time


def _peak() -> int:
    # Not from getrusage, which counts what the process was forked from, too.
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib would be measured, too
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except OSError:
        return 0


def _loaded() -> dict[str, str]:
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return {name: file or "" for name, file in files.items()}


if __name__ == "__main__":
    module, function, *options = sys.argv[1:]
    event = json.loads(sys.stdin.read())
    answer = getattr(importlib.import_module(module), function)(event, None)
    told = {"answer": answer, "cpu": time.process_time() * 1000, "peak": _peak()}
    if "--modules" in options:
        told["modules"] = _loaded()
    sys.stderr.write(json.dumps(told) + "\n")
