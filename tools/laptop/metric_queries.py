"""The rules of GetMetricData that the model of the API does not contain; no I/O.

Source: Amazon CloudWatch API Reference, "GetMetricData", "MetricDataQuery" and "MetricStat".
Stricter than AWS: expressions and pages are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_SHORT_PERIODS = (1, 5, 10, 20, 30)  # seconds
_MOST_QUERIES = 500
_NOT_EMULATED = ("MaxDatapoints", "NextToken", "LabelOptions")


def query_faults(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each fault; the parameters are valid for the model."""
    for name in _NOT_EMULATED:
        if name in parameters:
            yield f"The laptop cloud does not emulate {name}"
    if parameters["StartTime"] >= parameters["EndTime"]:
        yield "The parameter StartTime must be less than the parameter EndTime"
    queries = parameters["MetricDataQueries"]
    if len(queries) > _MOST_QUERIES:
        yield f"The collection MetricDataQueries must not have a size greater than {_MOST_QUERIES}"
    ids = [query["Id"] for query in queries]
    for query in queries:
        name = query["Id"]
        if not _ID.fullmatch(name):
            yield f"The value {name} for parameter Id does not match {_ID.pattern}"
        if ids.count(name) > 1:
            yield f"The value {name} for parameter Id is not unique"
        statistic = query.get("MetricStat")
        if statistic is None or "Expression" in query:
            yield f"The laptop cloud does not emulate the expression of {name}"
        elif statistic["Period"] not in _SHORT_PERIODS and statistic["Period"] % 60:
            yield f"The period of {name} must be 1, 5, 10, 20, 30 or a multiple of 60"
