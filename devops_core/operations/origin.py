"""Where a request comes from: light, because every handler of the API loads it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asks and when, and how to tell a repeat: the Idempotency-Key and the body's SHA-256.

    With `dry_run` only the plan is wanted; it is no request that could be repeated, so `key` is
    None.
    """

    caller: str
    asked_at: datetime
    key: str | None
    fingerprint: str
    dry_run: bool = False


def fingerprint(kind: str, body: Any) -> str:
    """Return the SHA-256 of a request, to tell a repeat from another use of the same key."""
    canonical = json.dumps([kind, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
