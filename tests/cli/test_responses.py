from __future__ import annotations

import pytest

from devops_cli import responses
from devops_cli.failures import NotTheServiceError
from devops_cli.responses import Response

HTML = b"<html><body>Bad gateway</body></html>"


@pytest.mark.parametrize("content", [HTML, b"", b"[1]", b'"ok"', b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_not_the_service(content: bytes) -> None:
    with pytest.raises(NotTheServiceError, match=r"https://api answered 502 .*text/html") as told:
        Response.parse(502, content, {"content-type": "text/html"}, "https://api")
    assert "NO_PROXY" in " ".join(told.value.hints)


def test_a_redirection_is_not_the_service() -> None:
    with pytest.raises(NotTheServiceError):
        Response.parse(302, b"{}", {}, "https://api")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"errorMessage": "no such application"}', "no such application"),
        (b'{"message": "Forbidden"}', "Forbidden"),
        (b'{"Message": "User is not authorized"}', "User is not authorized"),
        (b'{"message": null}', "the service answered 403 without a message"),
    ],
)
def test_an_error_has_words(body: bytes, said: str) -> None:
    assert Response.parse(403, body, {}, "https://api").error_message == said


@pytest.mark.parametrize(
    "body", [b"{}", b'{"operation": "x"}', b'{"operation": {"id": "1"}}', b'{"operation": [1]}']
)
def test_an_answer_without_what_it_must_have_is_not_the_service(body: bytes) -> None:
    with pytest.raises(NotTheServiceError, match="contains no operation"):
        _ = Response.parse(200, body, {}, "https://api").operation


def test_there_may_be_no_operation() -> None:
    assert Response.parse(200, b'{"operation": null}', {}, "https://api").operation is None


def test_members_of_another_form_are_not_there() -> None:
    odd = {"part": [1], "parts": [{"a": 1}, 2], "words": "x", "word": 7, "time": "2026-01-31"}
    assert responses.get_object(odd, "part") == {}
    assert responses.get_objects(odd, "parts") == [{"a": 1}]
    assert responses.get_objects(odd, "part2") == []
    assert responses.get_texts(odd, "words") == []
    assert responses.get_texts({"words": [1, "b"]}, "words") == ["1", "b"]
    assert responses.get_text(odd, "word") == "7"
    assert responses.get_text(None, "word") == ""
    assert responses.get_time(odd, "time") is None
    assert responses.get_time({"time": "soon"}, "time") is None


@pytest.mark.parametrize(("asked", "seconds"), [("7", 7.0), ("", None), ("-1", None), ("²", None)])
def test_retry_after_is_seconds(asked: str, seconds: float | None) -> None:
    assert responses.retry_after({"retry-after": asked}) == seconds
