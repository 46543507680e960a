"""The contract as a document: valid, linted, and of the same parts as the code."""

from __future__ import annotations

import subprocess
import tomllib
from typing import Any

import openapi_spec_validator
import pytest

from devops_core.http.request import MAX_BODY_BYTES, MAX_SPECIFICATION_BYTES, MAX_WAIT_SECONDS
from devops_core.model.inventory import RowStatus
from devops_core.model.operation import Status
from devops_core.naming import DEPLOYABLE, NON_PRODUCTION, SLOTS, Environment
from tests.contract.test_examples import OURS
from tests.lab.kinds import KINDS, RULES
from tests.lab.surface import routes
from tests.lab.templates import ROOT
from tools.contract.document import FILE, JSON, Operation, document, examples, operation, operations
from tools.laptop.packages import NODE_MODULES

# The calls about one operation, which can take long.
ABOUT_ONE = {"readOperation", "abortOperation", "advanceOperation"}
WRITES = [each for each in operations().values() if each.body and each.id not in ABOUT_ONE]
WAITS = {each.id for each in WRITES} | ABOUT_ONE
SCHEMAS = document()["components"]["schemas"]


def test_it_is_a_valid_document_of_openapi_3_1() -> None:
    assert document()["openapi"] == "3.1.0"
    openapi_spec_validator.validate(document())


def test_the_linter_finds_nothing() -> None:
    """As redocly.yaml says; node_modules is what `make setup` installs."""
    done = subprocess.run(  # noqa: S603 - the linter of package.json, no shell
        [NODE_MODULES / ".bin" / "redocly", "lint", FILE, "--format=stylish"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_routes_are_those_of_the_deployment() -> None:
    assert sorted(each.route for each in operations().values()) == sorted(routes())


def test_its_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert document()["info"]["version"] == project["version"]


def test_every_error_of_the_code_is_in_it() -> None:
    told = {
        (status, code)
        for each in operations().values()
        for status, response in each.responses.items()
        if status >= 400
        for code in examples(response)
    }
    assert told >= OURS


@pytest.mark.parametrize("each", list(operations().values()), ids=lambda each: each.id)
def test_every_answer_is_json_that_is_kept_nowhere_and_can_be_found_in_the_log(
    each: Operation,
) -> None:
    for response in each.responses.values():
        assert {"Cache-Control", "X-Content-Type-Options", "X-Request-Id"} <= set(
            response["headers"]
        )
        assert set(response["content"]) == {JSON}


def test_every_call_that_may_take_long_can_be_waited_for_and_every_write_repeated() -> None:
    for each in operations().values():
        headers = {one["name"] for one in each.parameters if one["in"] == "header"}
        waits, writes = each.id in WAITS, each in WRITES
        assert ("Prefer" in headers, "Idempotency-Key" in headers) == (waits, writes), each.id
    assert len(WRITES) == 8


def test_every_write_can_be_tried_and_answers_the_plan() -> None:
    for each in operations().values():
        tried = "dryRun" in {one["name"] for one in each.parameters if one["in"] == "query"}
        assert tried == (each.method != "GET"), each.id
        if tried:
            assert examples(each.responses[200])["dryRun"]["value"]["dryRun"] is True


def test_its_words_and_numbers_are_those_of_the_code() -> None:
    for name, words in (
        ("Kind", KINDS), ("Status", Status), ("Environment", Environment), ("RowStatus", RowStatus),
    ):  # fmt: skip
        assert set(SCHEMAS[name]["enum"]) == set(words)
    assert set(SCHEMAS["Slot"]["enum"]) == set(SLOTS)
    assert set(SCHEMAS["Plan"]["properties"]["kind"]["enum"]) == set(RULES)
    deployable = [name.lower() for name in DEPLOYABLE]
    assert SCHEMAS["DeployableEnvironment"]["enum"] == deployable
    non_prod = [name.lower() for name in NON_PRODUCTION]
    assert SCHEMAS["NonProductionEnvironment"]["enum"] == non_prod
    text = document()["info"]["description"]
    assert f"at most {MAX_BODY_BYTES // 1024} KiB, that of a create" in text
    assert f"a create or an update {MAX_SPECIFICATION_BYTES // 1024} KiB" in text
    assert f"up to {MAX_WAIT_SECONDS} seconds" in text


@pytest.mark.parametrize("each", list(operations().values()), ids=lambda each: each.id)
def test_links_lead_somewhere(each: Operation) -> None:
    for response in each.responses.values():
        for link in response.get("links", {}).values():
            target = operation(link["operationId"])
            known = {parameter["name"] for parameter in target.parameters}
            assert set(link.get("parameters", {})) <= known
            for example in examples(response).values():
                if example["value"].get("operation") is not None:
                    for expression in _expressions(link):
                        assert isinstance(_looked_up(expression, example["value"]), str)


def _expressions(link: dict[str, Any]) -> list[str]:
    return [*link.get("parameters", {}).values(), *link.get("requestBody", {}).values()]


def _looked_up(expression: str, body: Any) -> Any:
    source, _, pointer = expression.partition("#/")
    assert source == "$response.body"
    for step in pointer.split("/"):
        body = body[step]
    return body


def test_every_202_leads_to_the_calls_about_its_operation() -> None:
    for each in operations().values():
        if 202 in each.responses:
            links = each.responses[202]["links"].values()
            assert {link["operationId"] for link in links} == ABOUT_ONE
