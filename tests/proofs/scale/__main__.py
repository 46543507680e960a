"""Print the reads and writes of each operation: `python -m tests.proofs.scale`.

`make proofs` compares them with the table in docs/performance.md.
"""

from __future__ import annotations

import argparse

from tests.lab.sizes import Sizes
from tests.proofs.scale.measurements import MANY, Measurements, table

SIZES = Sizes(f"{MANY:,} applications, 1,000,000 lines of log", "the same")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.scale", description=__doc__, epilog=str(SIZES)
    )
    parser.parse_args()
    print("\n".join(table(Measurements(1), Measurements(MANY))))
