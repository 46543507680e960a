"""A fresh process that is measured: `python process.py MODULE FUNCTION`.

It imports the module, calls the function for each line of its input, which is a JSON list of
arguments, and answers each with a line of JSON. What the function prints goes elsewhere.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module


def main(module: str, function: str) -> None:
    """Answer until the input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr
    measured = getattr(import_module(module), function)
    for line in sys.stdin:
        answer = measured(*json.loads(line))
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
