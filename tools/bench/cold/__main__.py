"""`python -m tools.bench.cold [--rounds N]`: print the costs of cold starts; fail above a limit."""

from __future__ import annotations

import argparse
import json
import sys

from tools.bench.cold import measure
from tools.bench.cold.cost_table import table


def main() -> int:
    """Measure, print a table or JSON, and return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.cold", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="new processes per cell")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    result = measure(options.rounds)
    lines = [json.dumps(result, indent=2)] if options.json else table(result)
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if result["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
