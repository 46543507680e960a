"""The parsing and counting of calls."""

from __future__ import annotations

import pytest

from tools.bench.calls.call import Call, depth, parse_call

SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260131/eu-west-1/elasticloadbalancing/aws4_request, x"


@pytest.mark.parametrize(
    ("headers", "body", "operation"),
    [
        ({"x-amz-target": "DynamoDB_20120810.PutItem"}, b'{"Action": 1}', "PutItem"),
        ({}, b"Action=ModifyListener&Version=1", "ModifyListener"),
        ({}, b"", "GET /bucket/key"),
    ],
)
def test_a_call_has_its_operation_from_header_form_or_path(
    headers: dict[str, str], body: bytes, operation: str
) -> None:
    assert parse_call("GET", "/bucket/key", headers, body).operation == operation


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/bucket/key", "GetObject"),
        ("HEAD", "/bucket/folder/key", "HeadObject"),
        ("HEAD", "/bucket", "HeadBucket"),
        ("GET", "/bucket?list-type=2", "GET /bucket?list-type=2"),
    ],
)
def test_an_operation_of_s3_follows_from_method_and_path(
    method: str, path: str, operation: str
) -> None:
    signed = {"authorization": SIGNED.replace("elasticloadbalancing", "s3")}
    assert parse_call(method, path, signed, b"").operation == operation


def test_a_call_has_its_service_caller_and_attempt() -> None:
    headers = {
        "Authorization": SIGNED,
        "User-Agent": "Botocore/1.43 md/x#app/no ua/2.1 app/swap",
        "amz-sdk-invocation-id": "one",
        "amz-sdk-request": "attempt=2; max=3",
    }
    call = parse_call("POST", "/", headers, b"Action=ModifyListener")
    told = call.service, call.caller, call.invocation, call.attempt
    assert told == ("elasticloadbalancing", "swap", "one", 2)


def test_a_call_without_headers_is_a_first_attempt() -> None:
    assert parse_call("POST", "/", {}, b"") == Call("POST /", attempt=1)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], 0),
        ([(0, 1)], 1),
        ([(0, 1), (1, 2), (3, 4)], 3),  # one after the other
        ([(0, 9), (1, 9), (2, 9)], 1),  # all at once
        ([(0, 2), (1, 3), (3, 4)], 2),  # two at once, then one
        ([(0, 5), (1, 2), (3, 4)], 2),  # two in turn beside a long one
        ([(0, 5), (1, 2), (3, 4), (5, 6)], 3),
        ([(4, 5), (0, 1), (2, 3)], 3),  # in any order
        ([(0, 2), (1, 4), (3, 6), (5, 7)], 2),  # each overlaps the next: the first and the third
    ],
)
def test_the_depth_is_the_longest_chain(times: list[tuple[float, float]], expected: int) -> None:
    assert depth(Call("Any", began=began, ended=ended) for began, ended in times) == expected
