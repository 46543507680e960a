"""Start many operations at the same moment in full size: `python -m tests.proofs.rates`.

AWS refuses each request above its published rates (tests/lab/rates.py). The exit code is 1 if an
operation does not succeed. The table has the requests that AWS accepted and refused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.lab.sizes import Sizes
from tests.proofs.rates import swaps
from tests.proofs.rates.scenarios import SCENARIOS
from tests.proofs.rates.simulation import Simulation

# The numbers of operations that start at the same moment.
CI = {name: 10 if name.startswith("creates") else 50 for name in SCENARIOS}
FULL = {name: 50 if name.startswith("creates") else 100 for name in SCENARIOS}
SWAPS, FULL_SWAPS = 40, 80
SEEDS = 3
SIZES = Sizes(
    f"50 deploys of one and of three environments, 10 creates, {SWAPS} swaps in steps",
    f"100 deploys of one and of three environments, 50 creates, {FULL_SWAPS} swaps in steps, each"
    f" with {SEEDS} seeds",
)


def table(name: str, count: int, simulation: Simulation) -> list[str]:
    """Return the lines about one run."""
    limiter, result = simulation.limiter, simulation.result
    failed = {name: end for name, end in result.ended.items() if end != "SUCCEEDED"}
    return [
        f"{count} {name}: {count - len(failed)} succeeded, the last after {result.seconds:.0f} s",
        f"  requests with 503: {result.repeated}, invocations over their limit: {result.crashes}",
        *(
            f"  {operation:25}{limiter.taken[operation]:7} accepted"
            f"{limiter.refused[operation]:7} refused"
            for operation in sorted(limiter.taken | limiter.refused)
        ),
        *(f"  {application}: {end}" for application, end in failed.items()),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios and print the results."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.rates", description=__doc__, epilog=str(SIZES)
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"runs of each (default: {SEEDS})")
    seeds = parser.parse_args(arguments).seeds
    complete = True
    for name, count in FULL.items():
        for seed in range(seeds):
            simulation = SCENARIOS[name].run(count, seed)
            print("\n".join(table(name, count, simulation)), flush=True)
            complete &= {*simulation.result.ended.values()} == {"SUCCEEDED"}
    for seed in range(seeds):
        simulation, checks = swaps.run(FULL_SWAPS, seed)
        print("\n".join(table("swaps in steps", FULL_SWAPS, simulation)))
        print(f"  the longest time between two checks: {checks.longest.seconds} s", flush=True)
        complete &= {*simulation.result.ended.values()} == {"SUCCEEDED"}
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
