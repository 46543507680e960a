"""Attack the service on a separate laptop cloud: `python -m tests.proofs.attack`.

The exit code is 1 after a finding: a forbidden change, a response with values of another team, or a
call that a log lacks. The output has the seed, the number of the call and its command line.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from tests.lab.sizes import Sizes
from tests.proofs.attack.installation import installation
from tests.proofs.attack.run import Report, attack

CALLS = 2000
SIZES = Sizes(f"{CALLS:,} calls", "the same; other sequences: `--seed 2`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the attack and print the findings."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.attack", description=__doc__, epilog=str(SIZES)
    )
    add = parser.add_argument
    add("--seed", type=int, default=1, help="the seed of the calls (default: 1)")
    add("--calls", type=int, default=CALLS, help=f"the number of calls (default: {CALLS})")
    add("--keep-going", action="store_true", help="continue after a finding")
    options = parser.parse_args(arguments)
    # SIGTERM stops the laptop cloud before the end of this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with installation() as made:
        report = attack(made, options.seed, options.calls, keep_going=options.keep_going)
    print(_table(report))
    for finding in report.findings:
        print(f"✗ seed {options.seed}, {finding}")
    print(f"seed {options.seed}: {report.calls} calls, {report.seconds:.0f} s")
    return 1 if report.findings else 0


def _table(report: Report) -> str:
    """Return the number of responses by attack and status."""
    attacks = sorted({attack for attack, _ in report.statuses})
    lines = []
    for each in attacks:
        counts = {status: n for (name, status), n in report.statuses.items() if name == each}
        lines.append(f"  {each:8} " + ", ".join(f"{s}: {counts[s]}" for s in sorted(counts)))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
