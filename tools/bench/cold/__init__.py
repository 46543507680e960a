"""Cold starts: what the first call of a fresh process costs, with the package as it is deployed.

Each row is measured against an idiomatic boto3 script that makes the same AWS calls, in turns and
within one run, so that what else the machine does meets both alike.
"""

from __future__ import annotations

from tools.bench.cold.measurement import measure

__all__ = ["measure"]
