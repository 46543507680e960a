"""EventBridge: PutEvents refuses incomplete, malformed and large entries.

Gap: the emulator accepts an entry without a source, and with any text as its detail.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import eventbridge

from tools.laptop.event_entries import refused_call, refused_entry
from tools.laptop.scaling.service_model import faults

_put_events = eventbridge._put_events


def apply() -> None:
    """Apply the correction."""
    eventbridge._put_events = put_events


def put_events(data: Mapping[str, Any], allow_aws_source: bool = False) -> Any:
    """Put the valid entries; return the results of all entries in their order."""
    if allow_aws_source:
        # The emulator's own events.
        return _put_events(data, allow_aws_source)
    entries = data.get("Entries") or []
    found = "; ".join(faults("PutEvents", data, "events")) or refused_call(entries)
    if found:
        return error_response_json("ValidationException", found, 400)
    problems = [refused_entry(entry) for entry in entries]
    valid = [entry for entry, problem in zip(entries, problems, strict=True) if not problem]
    _, _, body = _put_events({**data, "Entries": valid})
    accepted = iter(json.loads(body)["Entries"])
    results = [
        {"ErrorCode": problem[0], "ErrorMessage": problem[1]} if problem else next(accepted)
        for problem in problems
    ]
    failed = sum("ErrorCode" in result for result in results)
    return json_response({"FailedEntryCount": failed, "Entries": results})
