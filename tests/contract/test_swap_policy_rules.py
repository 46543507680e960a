"""The rules of the policy of a swap, in the body of a swap and in the specification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devops_core.errors import InvalidRequestError
from devops_core.requests import swap_policy
from devops_core.requests.advance import ADVANCE, AdvanceRequest
from devops_core.requests.swap import SWAP, SwapRequest
from tests.contract.test_request_agreement import agreed
from tests.contract.test_request_rules import FULL, MINIMAL, faults

STRATEGY = {"type": "canary"}
APPROVAL = {"before": "full"}
COMPLETE: dict[str, Any] = FULL["production"]
_TYPES = "allAtOnce, canary, linear"
_SIX = "must be at least 6 with a judge, not {}"


def placed(place: str, policy: Any) -> tuple[str, dict[str, Any], str]:
    """Return a call and its body with a policy, and the beginning of the paths of its faults."""
    if place == "swap":
        return "swap", MINIMAL["swap"] | policy, ""
    return "create", MINIMAL["create"] | {"production": policy}, "production."


def found(place: str, policy: Any) -> dict[str, str]:
    call, body, prefix = placed(place, policy)
    return {
        field.removeprefix(prefix): message
        for field, message in faults(call, body)
        if field.startswith(prefix)
    }


_WRONG_RATES: tuple[Any, ...] = (
    0, 0.009, -1, 100.1, 101, "1", None, True, [], float("inf"), float("nan"), 10**400,
)  # fmt: skip
VALID: Mapping[str, dict[str, Any]] = {
    "none": {},
    "complete": COMPLETE,
    "all at once": {"strategy": {"type": "allAtOnce"}, "bakeMinutes": 0, "judge": "off"},
    "a canary": {"strategy": STRATEGY | {"percent": 99, "stepMinutes": 1440}, "bakeMinutes": 1440},
    "the shortest steps": {"strategy": STRATEGY | {"percent": 1, "stepMinutes": 1}},
    "most steps": {"strategy": {"type": "linear", "percent": 1, "stepMinutes": 101}},
    "a judge with its defaults": {"judge": {}},
    "the shortest judged waits": {
        "strategy": STRATEGY | {"stepMinutes": 6}, "judge": {}, "bakeMinutes": 6,
    },
    "the highest accepted rate": {"judge": {"errorRatePercent": 100, "minRequests": 1_000_000}},
    "the lowest accepted rate": {"judge": {"errorRatePercent": 0.01, "minRequests": 1}},
    "an approval": {"approval": {"before": "shift"}},
    "the longest approval": {"approval": APPROVAL | {"timeoutMinutes": 10_080}},
    "no alarms": {"alarms": []},
    "most alarms": {"alarms": [f"alarm {n}" for n in range(10)]},
    "the longest name": {"alarms": ["~" * 255]},
}  # fmt: skip
INVALID: Mapping[str, tuple[dict[str, Any], Mapping[str, str]]] = {
    "an unknown strategy": (
        {"strategy": {"type": "Canary"}},
        {"strategy.type": f'"Canary" is not one of {_TYPES}: did you mean canary?'},
    ),
    "a strategy without a type": ({"strategy": {}}, {"strategy.type": "is required"}),
    "a strategy as text": ({"strategy": "canary"}, {"strategy": "must be an object"}),
    "an unknown member": (
        {"strategy": STRATEGY | {"steps": 3}}, {"strategy.steps": "is not a known field"},
    ),
    "steps without a strategy that has them": (
        {"strategy": {"type": "allAtOnce", "percent": 10, "stepMinutes": 6}},
        {
            "strategy.percent": "must be absent with allAtOnce",
            "strategy.stepMinutes": "must be absent with allAtOnce",
        },
    ),
    **{
        f"{percent!r} percent": (
            {"strategy": STRATEGY | {"percent": percent}},
            {"strategy.percent": "must be a whole number from 1 to 99"},
        )
        for percent in (0, 100, -1, 12.5, "10", True, None)
    },
    **{
        f"steps of {minutes!r} minutes": (
            {"strategy": STRATEGY | {"stepMinutes": minutes}},
            {"strategy.stepMinutes": "must be a whole number from 1 to 1440"},
        )
        for minutes in (0, 1441, 1.5, "6")
    },
    "steps that last too long": (
        {"strategy": {"type": "linear", "percent": 1, "stepMinutes": 102}},
        {
            "strategy.stepMinutes": "must be smaller: all steps together last at most 10080"
            " minutes, not 10098"
        },
    ),
    **{
        f"a bake of {minutes!r} minutes": (
            {"bakeMinutes": minutes},
            {"bakeMinutes": "must be a whole number from 0 to 1440"},
        )
        for minutes in (-1, 1441, 0.5, "5", None)
    },
    **{
        f"the alarms {alarms!r}": (
            {"alarms": alarms},
            {"alarms": "must be a list of at most 10 names of CloudWatch alarms"},
        )
        for alarms in (None, "a", [5], [["a"]], [f"{n}" for n in range(11)])
    },
    **{
        f"the alarm {alarm[:9]!r}": (
            {"alarms": ["a", alarm]},
            {
                "alarms": "must be the name of a CloudWatch alarm: 1 to 255 printable ASCII"
                " characters"
            },
        )
        for alarm in ("", "a\nb", "\x00", "\x7f", "é", "x" * 256)
    },
    "the same alarm twice": (
        {"alarms": ["a", "b", "a"]}, {"alarms": "must not contain a more than once"},
    ),
    **{
        f"the judge {judge!r}": ({"judge": judge}, {"judge": 'must be an object or "off"'})
        for judge in (None, False, True, "on", "OFF", "", ["off"], 1)
    },
    **{
        f"a rate of {rate!r} percent": (
            {"judge": {"errorRatePercent": rate}},
            {"judge.errorRatePercent": "must be a number from 0.01 to 100"},
        )
        for rate in _WRONG_RATES
    },
    **{
        f"at least {requests!r} requests": (
            {"judge": {"minRequests": requests}},
            {"judge.minRequests": "must be a whole number from 1 to 1000000"},
        )
        for requests in (0, 1_000_001, 1.5)
    },
    "an approval without its place": ({"approval": {}}, {"approval.before": "is required"}),
    "an approval at another place": (
        {"approval": {"before": "swap"}},
        {"approval.before": '"swap" is not one of shift, full'},
    ),
    **{
        f"an approval within {minutes!r} minutes": (
            {"approval": APPROVAL | {"timeoutMinutes": minutes}},
            {"approval.timeoutMinutes": "must be a whole number from 1 to 10080"},
        )
        for minutes in (0, 10_081)
    },
    "waits that are too short for a judge": (
        {"judge": {}, "strategy": STRATEGY | {"stepMinutes": 5}, "bakeMinutes": 0},
        {"strategy.stepMinutes": _SIX.format(5), "bakeMinutes": _SIX.format(0)},
    ),
    "a faulty wait beside a judge": (
        {"judge": {}, "strategy": STRATEGY | {"stepMinutes": 0}, "bakeMinutes": "0"},
        {
            "strategy.stepMinutes": "must be a whole number from 1 to 1440",
            "bakeMinutes": "must be a whole number from 0 to 1440",
        },
    ),
    "several faults": (
        {"strategy": {"percent": 0}, "alarms": [""], "judge": {"minRequests": 0},
         "approval": {}, "bakeMinutes": 1},
        {
            "strategy.type": "is required",
            "strategy.percent": "must be a whole number from 1 to 99",
            "alarms": "must be the name of a CloudWatch alarm: 1 to 255 printable ASCII"
            " characters",
            "judge.minRequests": "must be a whole number from 1 to 1000000",
            "approval.before": "is required",
        },
    ),
}  # fmt: skip


_PERCENTS = st.integers(0, 100) | st.sampled_from([None, "10", 2.5])
_MINUTES = st.integers(0, 12) | st.sampled_from([1440, 1441, 10_080, 10_081, -1, 6.5, True])
_JUDGED: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "errorRatePercent": st.floats(-1, 101) | st.integers(-1, 101),
        "minRequests": st.sampled_from([0, 1, 50, 1_000_000, 1_000_001]),
    },
)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "strategy": st.fixed_dictionaries(
            {"type": st.sampled_from(["allAtOnce", "canary", "linear", "Linear"])},
            optional={"percent": _PERCENTS, "stepMinutes": _MINUTES},
        ),
        "bakeMinutes": _MINUTES,
        "alarms": st.lists(st.sampled_from(["a", "~" * 255, "b c", ""]), max_size=3),
        "judge": _JUDGED | st.sampled_from(["off", "on", False]),
        "approval": st.fixed_dictionaries(
            {"before": st.sampled_from(["shift", "full", "swap"])},
            optional={"timeoutMinutes": _MINUTES},
        ),
    },
)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(["swap", "create"]), POLICIES)
def test_generated_policies_are_judged_as_the_contract_does(place: str, policy: Any) -> None:
    call, body, _ = placed(place, policy)
    agreed(call, body)


@pytest.mark.parametrize("place", ["swap", "create"])
@pytest.mark.parametrize("policy", [*VALID.values(), *(policy for policy, _ in INVALID.values())])
def test_the_contract_judges_a_policy_alike(policy: Any, place: str) -> None:
    call, body, _ = placed(place, policy)
    agreed(call, body)


@pytest.mark.parametrize("place", ["swap", "create"])
@pytest.mark.parametrize("name", VALID)
def test_a_valid_policy_is_accepted(name: str, place: str) -> None:
    assert found(place, VALID[name]) == {}


@pytest.mark.parametrize("place", ["swap", "create"])
@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_policy_has_exactly_these_faults(name: str, place: str) -> None:
    policy, expected = INVALID[name]
    assert found(place, policy) == expected


def test_only_a_swap_can_ignore_alarms() -> None:
    assert found("create", {"ignoreAlarms": True}) == {"ignoreAlarms": "is not a known field"}
    assert found("swap", {"ignoreAlarms": 1}) == {"ignoreAlarms": "must be true or false"}


def test_the_request_of_a_swap_has_the_named_members_as_json() -> None:
    body = {"applicationName": "MyApp", **COMPLETE, "ignoreAlarms": True}
    request = SwapRequest("MyApp", None, None, policy=COMPLETE, ignore_alarms=True)
    assert SWAP.parse(body) == request
    assert SWAP.parse(MINIMAL["swap"]).policy == {}
    assert SWAP.parse(MINIMAL["swap"] | {"judge": "off"}).policy == {"judge": "off"}


def test_cloudwatch_accepts_the_same_lengths_of_names() -> None:
    model = botocore.session.get_session().get_service_model("cloudwatch")
    named = model.operation_model("PutMetricAlarm").input_shape.members["AlarmName"].metadata
    asked = model.operation_model("DescribeAlarms").input_shape.members["AlarmNames"]
    assert (named["min"], named["max"]) == (1, 255)
    assert asked.member.metadata == {"min": 1, "max": 255}
    assert asked.metadata["max"] >= swap_policy.MAX_ALARMS


@pytest.mark.parametrize("action", ["continue", "finish"])
def test_an_operation_can_be_advanced(action: str) -> None:
    assert ADVANCE.parse({"action": action}) == AdvanceRequest(action)


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "action", "is required"),
        ({"action": "abort"}, "action", '"abort" is not one of continue, finish'),
        (
            {"action": "Finish"}, "action",
            '"Finish" is not one of continue, finish: did you mean finish?',
        ),
        ({"action": ["finish"]}, "action", "must be one of continue, finish"),
        ({"action": "finish", "force": True}, "force", "is not a known field"),
        ([], "body", "must be a JSON object"),
    ],
)  # fmt: skip
def test_another_action_is_refused(body: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        ADVANCE.parse(body)
    assert error.value.details["errors"] == [{"field": field, "message": message}]
