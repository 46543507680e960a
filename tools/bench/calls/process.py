"""A process that is measured: `python process.py MODULE FUNCTION`.

It imports the module and calls the function for each line of its input, a JSON list of arguments.
It prints each result as a line of JSON. The output of the function itself goes to standard error.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module


def main(module: str, function: str) -> None:
    """Call the function for each line until the input ends."""
    results, sys.stdout = sys.stdout, sys.stderr
    measured = getattr(import_module(module), function)
    for line in sys.stdin:
        result = measured(*json.loads(line))
        results.write(json.dumps(result, default=str) + "\n")
        results.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
