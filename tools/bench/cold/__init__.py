"""Cold starts: the cost of the first call in a new process, with the deployed package.

Each row is compared with an idiomatic boto3 script that makes the same AWS calls. Handler and
script run alternately, so that other load on the machine affects both.
"""

from __future__ import annotations

from tools.bench.cold.measurement import measure

__all__ = ["measure"]
