"""`python -m tools.bench.swaps [--swaps N] [--only SECTION] [--write]`: swap under load.

It fails if a request of a customer fails, or if a progressive swap does not end as expected.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools.bench import machine, page
from tools.bench.swaps import progressive, progressive_tables, tables
from tools.bench.swaps.levels import measure
from tools.bench.swaps.production import Production
from tools.bench.swaps.scenarios import SCENARIOS, Scenario, run
from tools.laptop.client import Client
from tools.laptop.cloud import Options, started
from tools.laptop.deploy import deploy

CONCURRENCIES = (1, 20, 100)
_SECTIONS = ("load", "progressive")


def main() -> int:
    """Measure, print and optionally store the results; return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.swaps", description=__doc__)
    parser.add_argument("--swaps", type=int, default=102, help="total number of swaps under load")
    parser.add_argument(
        "--only", choices=_SECTIONS, help="measure only this; keep the other stored results"
    )
    parser.add_argument("--write", action="store_true", help="store the results in docs/")
    options = parser.parse_args()
    results = (page.load(page.SWAPS) if options.only else None) or {}
    if options.only != "progressive":
        results |= benchmark(max(1, -(-options.swaps // len(CONCURRENCIES))))
    if options.only != "load":
        results["progressive"] = progressive_swaps()
    for name in ("swaps", "progressive swaps"):
        _print("\n".join(["", *page.sections({}, results)[name]]))
    if options.write:
        page.save(page.SWAPS, results)
    problems = [
        *(tables.violations(results) if options.only != "progressive" else []),
        *(progressive_tables.violations(results["progressive"]) if options.only != "load" else []),
    ]
    passed = "✓ no request of a customer failed, and each swap ended as expected"
    _print("\n".join(["", *([f"✗ {each}" for each in problems] or [passed])]))
    return 1 if problems else 0


def progressive_swaps() -> dict[str, Any]:
    """Return the results of progressive swaps, in a laptop cloud with short minutes."""
    options = Options(minute=progressive.MINUTE)
    with TemporaryDirectory() as directory, started(Path(directory), options) as cloud:
        _print("starting a laptop cloud with short minutes ...")
        deploy(cloud)
        production = Production(Client(cloud), "Steps")
        production.create()
        return {
            "machine": machine.describe(),
            "minute": progressive.MINUTE,
            "swaps": progressive.measure(production, _print),
        }


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
