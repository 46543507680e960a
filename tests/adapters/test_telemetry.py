"""Metrics in the log of a function."""

from __future__ import annotations

import json

import pytest

from devops_core.bootstrap import AwsCloud
from devops_core.engine.telemetry import OPERATION_DURATION, OPERATIONS, THROTTLES, measure
from tests.lab import emf


def test_a_log_line_with_metrics_is_in_the_embedded_metric_format(
    cloud: AwsCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    before = cloud.clock.now()
    values = {OPERATIONS: 1, OPERATION_DURATION: 1.5}
    measure(cloud, "ended", values, kind="swap", outcome="FAILED")

    line = json.loads(capsys.readouterr().out)
    assert emf.problems(line) == []
    stage = cloud.settings.api_stage
    assert emf.points(line) == {
        ("Operations", stage, "swap", "FAILED"): 1,
        ("OperationDuration", stage, "swap"): 1.5,
    }
    assert line["message"] == "ended"
    assert 0 <= line["_aws"]["Timestamp"] - before.timestamp() * 1000 < 60_000


def test_without_metrics_it_is_an_ordinary_log_line(
    cloud: AwsCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    measure(cloud, "interrupted", {}, operation="1")

    assert json.loads(capsys.readouterr().out) == {"message": "interrupted", "operation": "1"}


def test_a_line_that_cannot_be_written_raises_no_error(
    cloud: AwsCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    class Unwritable:
        def __str__(self) -> str:
            raise ValueError("cannot be written")

    measure(cloud, "ended", {THROTTLES: 1}, about=Unwritable())

    assert capsys.readouterr().out == ""


def test_a_metric_without_the_value_of_a_dimension_raises_no_error(
    cloud: AwsCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operation continues, and its log line remains."""
    measure(cloud, "ended", {OPERATIONS: 1}, kind="swap")

    assert json.loads(capsys.readouterr().out) == {"message": "ended", "kind": "swap"}
