"""Requests of web pages: refused if callers are not authenticated."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.lab.client import Client, http_event
from tests.lab.fakes import FakeCloud
from tests.lab.reads import READS

PAGES: list[Mapping[str, str]] = [
    {"Origin": "https://intranet.example.com"},
    # A sandboxed frame, or a form after a redirect.
    {"origin": "null"},
    # Another host of the same registrable domain, and a page of the host itself.
    {"Sec-Fetch-Site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Origin": "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"},
]
# curl -d without a content type, and an address that a person types in a browser.
PROGRAMS: list[Mapping[str, str]] = [
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    {"User-Agent": "curl/8.5.0", "Host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"},
]


@pytest.fixture
def unauthenticated(shop: FakeCloud) -> FakeCloud:
    shop.settings = shop.settings._replace(authentication="none")
    return shop


@pytest.mark.parametrize("headers", PAGES)
def test_a_web_page_cannot_start_a_write(
    unauthenticated: FakeCloud, headers: Mapping[str, str]
) -> None:
    api, start = Client(unauthenticated), len(unauthenticated.wire.journal)
    before = dict(unauthenticated.tables.operations)
    for reply in (
        api.create("Other", headers=headers),
        api.deploy("1.0", "dev", headers=headers),
        api.promote(headers=headers),
        api.swap(headers=headers),
        api.delete(headers=headers),
        api.abort("01JN8F1ST00000000000000ZZZ", headers=headers),
    ):
        assert (reply.status, reply.body["code"]) == (403, "CROSS_SITE")
        assert "call it from a program" in reply.body["errorMessage"]
        assert "Access-Control-Allow-Origin" not in reply.headers
    assert unauthenticated.tables.operations == before
    assert len(unauthenticated.wire.journal) == start


@pytest.mark.parametrize("headers", PAGES)
def test_a_web_page_cannot_read(unauthenticated: FakeCloud, headers: Mapping[str, str]) -> None:
    for resource in (*READS, "/health"):
        event = http_event("GET", resource, headers=headers, parameters={"applicationName": "Shop"})
        assert Client(unauthenticated).raw(event).body["code"] == "CROSS_SITE"


@pytest.mark.parametrize("headers", PROGRAMS)
def test_a_program_can_call(unauthenticated: FakeCloud, headers: Mapping[str, str]) -> None:
    api = Client(unauthenticated)
    assert api.deploy("1.0", "dev", headers=headers).status == 202
    assert api.send("GET", "/stacks", headers=headers).status == 200


@pytest.mark.parametrize("authentication", ["iam", "apikey"])
def test_a_web_page_with_credentials_can_call(shop: FakeCloud, authentication: str) -> None:
    shop.settings = shop.settings._replace(authentication=authentication)
    assert Client(shop).deploy("1.0", "dev", headers=PAGES[0]).status == 202


def test_a_refused_web_page_is_logged_and_counted(unauthenticated: FakeCloud) -> None:
    unauthenticated.measured.clear()
    Client(unauthenticated).deploy("1.0", "dev", headers=PAGES[0])
    assert [line["Refusals"] for line in unauthenticated.measured] == [1]
