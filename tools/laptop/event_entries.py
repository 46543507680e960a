"""The rules of PutEvents that the emulator does not check; no I/O.

Sources: Amazon EventBridge API Reference, "PutEventsRequestEntry" and "PutEventsResultEntry";
EventBridge User Guide, "Calculating PutEvents event entry size".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

# Bytes of all entries of a call. Stricter than AWS, whose limit was this before it became 1 MB.
MOST_BYTES = 256 * 1024
_TIME_BYTES = 14
_LONGEST_TYPE = 128
_REQUIRED = ("Source", "DetailType", "Detail")


def refused_call(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the reason why EventBridge refuses all entries of a call, None if it does not."""
    if not any(all(entry.get(name) for name in _REQUIRED) for entry in entries):
        return f"No entry has all of {', '.join(_REQUIRED)}"
    if sum(map(_size, entries)) >= MOST_BYTES:
        return "Total size of the entries in the request is over the limit"
    return None


def refused_entry(entry: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the code and the message with which EventBridge refuses an entry, or None."""
    for name in _REQUIRED:
        if not entry.get(name):
            return (
                "InvalidArgument",
                f"Parameter {name} is not valid. Reason: {name} is a required argument.",
            )
    if len(entry["DetailType"]) > _LONGEST_TYPE:
        return "InvalidArgument", f"DetailType has more than {_LONGEST_TYPE} characters"
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    return None if isinstance(detail, dict) else ("MalformedDetail", "Detail is malformed.")


def _size(entry: Mapping[str, Any]) -> int:
    texts = [*(entry.get(name) or "" for name in _REQUIRED), *(entry.get("Resources") or ())]
    return sum(len(each.encode()) for each in texts) + (_TIME_BYTES if "Time" in entry else 0)
