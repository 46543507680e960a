"""`python -m tools.bench.swaps [--swaps N] [--write]`: swap under load; fail if requests fail."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.bench import machine, page
from tools.bench.swaps.levels import measure
from tools.bench.swaps.production import Production
from tools.bench.swaps.scenarios import SCENARIOS, Scenario, run
from tools.bench.swaps.tables import render, violations
from tools.laptop.client import Client
from tools.laptop.cloud import started
from tools.laptop.deploy import deploy

CONCURRENCIES = (1, 20, 100)


def main() -> int:
    """Measure, print and optionally store the results; return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.swaps", description=__doc__)
    parser.add_argument("--swaps", type=int, default=102, help="total number of swaps")
    parser.add_argument("--write", action="store_true", help="store the results in docs/")
    options = parser.parse_args()
    results = benchmark(max(1, -(-options.swaps // len(CONCURRENCIES))))
    _print("\n".join(["", *render(results), ""]))
    if options.write:
        page.save(page.SWAPS, results)
    problems = violations(results)
    _print("\n".join([f"✗ {each}" for each in problems] or ["✓ no request of a customer failed"]))
    return 1 if problems else 0


def benchmark(swaps: int) -> dict[str, Any]:
    """Return the results of `swaps` swaps at each concurrency, and of every scenario."""
    with TemporaryDirectory() as directory, started(Path(directory)) as cloud:
        _print("starting a laptop cloud with the service ...")
        deploy(cloud)
        production = Production(Client(cloud), "Swaps")
        production.create()
        levels = []
        for concurrency in CONCURRENCIES:
            _print(f"\n{concurrency} clients on each port, {swaps} swaps")
            levels.append(measure(production, concurrency, swaps, _print))
        return {
            "machine": machine.describe(),
            "levels": levels,
            "scenarios": [_scenario(production, scenario) for scenario in SCENARIOS],
        }


def _scenario(production: Production, scenario: Scenario) -> dict[str, Any]:
    outcome = run(production, scenario)
    verdict = "passed" if outcome.passed else "MISSED"
    _print(f"\n{outcome.name}: {verdict}\n  {outcome.result}")
    _print(f"  {outcome.failed} of {outcome.requests} requests of customers failed")
    return {**asdict(outcome), "passed": outcome.passed}


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
