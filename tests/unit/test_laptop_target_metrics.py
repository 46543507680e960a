"""The metrics of target groups have the times and the gaps of an Application Load Balancer."""

from __future__ import annotations

from tools.laptop.target_metrics import (
    CONNECTION_ERRORS,
    ERRORS,
    HEALTHY,
    REQUESTS,
    UNHEALTHY,
    DataPoint,
    Statistics,
    TargetMetrics,
)

ONE, TWO = Statistics(1, 1, 1, 1), Statistics(2, 2, 1, 1)


def test_a_minute_is_published_two_minutes_after_its_end() -> None:
    metrics = TargetMetrics()
    metrics.add_request("blue", 600.0, 200)
    metrics.add_request("blue", 659.9, 404)
    metrics.add_request("blue", 660.0, 200)
    metrics.add_request("green", 601.0, 302)
    assert metrics.take(779.9) == []
    assert metrics.take(780.0) == [
        DataPoint(600.0, "blue", REQUESTS, TWO),
        DataPoint(600.0, "green", REQUESTS, ONE),
    ]
    assert metrics.take(780.0) == []
    assert metrics.take(840.0) == [DataPoint(660.0, "blue", REQUESTS, ONE)]


def test_only_failures_of_the_target_are_errors() -> None:
    metrics = TargetMetrics()
    for status in (200, 499, 500, 599, None):
        metrics.add_request("blue", 0.0, status)
    metrics.add_request("blue", 0.0, None, connected=False)
    assert metrics.take(180.0) == [
        DataPoint(0.0, "blue", ERRORS, TWO),
        DataPoint(0.0, "blue", REQUESTS, Statistics(6, 6, 1, 1)),
        DataPoint(0.0, "blue", CONNECTION_ERRORS, ONE),
    ]


def test_hosts_have_the_least_and_the_largest_count() -> None:
    metrics = TargetMetrics()
    for healthy, unhealthy in ((2, 0), (1, 1), (3, 0)):
        metrics.add_hosts("blue", 0.0, healthy, unhealthy)
    assert metrics.take(180.0) == [
        DataPoint(0.0, "blue", HEALTHY, Statistics(3, 6, 1, 3)),
        DataPoint(0.0, "blue", UNHEALTHY, Statistics(3, 1, 0, 1)),
    ]
