"""scale: the change of the specification, and the refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.prepared_service import PATH, Service, answer, operation, run

SPEC = "/stacks/Shop/spec"
SCALING = {"min": 2, "max": 5, "cpuPercent": 60}
PLAN = {"kind": "update", "changes": [{"field": "overrides.dev.scaling.max", "old": 5, "new": 9}]}


def patch_of(document: dict[str, Any], *words: str) -> Any:
    """Return the merge patch that a command sends, for a present document."""
    found = Service()
    headers = {"ETag": '"3"'}
    found.on("GET", SPEC, answer(headers=headers, revision=3, specification=document))
    done = answer(202, operation=operation(kind="update"))
    found.on("PATCH", SPEC, answer(dryRun=True, plan=PLAN), done)
    found.on("GET", PATH, answer(operation=operation("SUCCEEDED", "update", spec=4)))
    result = run(found, "scale", "Shop", *words)
    assert result.exit_code == 0, result.stderr
    dry, real = (json.loads(each.content) for each in found.requests if each.method == "PATCH")
    assert dry == real
    return real


@pytest.mark.parametrize(
    ("document", "words", "patch"),
    [
        (
            {},
            ("--env", "dev", "--min=2", "--max=5", "--cpu=60"),
            {"overrides": {"dev": {"scaling": SCALING}}},
        ),
        (
            {"overrides": {"dev": {"desiredCount": 3}}},
            ("--env", "dev", "--min=2", "--max=5", "--cpu=60"),
            {"overrides": {"dev": {"desiredCount": None, "scaling": SCALING}}},
        ),
        (
            {"overrides": {"dev": {"scaling": SCALING}}},
            ("--env", "dev", "--max", "9"),
            {"overrides": {"dev": {"scaling": {"max": 9}}}},
        ),
        (
            {"overrides": {"dev": {"scaling": SCALING}}},
            ("--env", "dev", "--requests", "100", "--memory", "70"),
            {
                "overrides": {
                    "dev": {
                        "scaling": {
                            "cpuPercent": None, "memoryPercent": 70, "requestsPerTarget": 100,
                        }
                    }
                }
            },
        ),
        (
            {"service": {"scaling": SCALING}},
            ("--env", "dev", "--max", "9"),
            {"overrides": {"dev": {"scaling": {**SCALING, "max": 9}}}},
        ),
        (
            {"service": {"scaling": SCALING}},
            ("--count", "2", "--yes"),
            {"service": {"desiredCount": 2, "scaling": None}},
        ),
    ],
    ids=["new", "instead of a count", "a limit", "other targets", "of the service", "a count"],
)  # fmt: skip
def test_the_scaling_becomes_part_of_the_specification(
    document: dict[str, Any], words: tuple[str, ...], patch: Any
) -> None:
    assert patch_of(document, *words) == patch


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give either --count, or options such as --min, --max and --cpu"),
        (("--count", "2", "--cpu", "60"), "give either --count, or options such as --min"),
        (("--max", "9"), "new scaling of dev also requires --min and one of --cpu, --memory"),
        (("--cpu", "60"), "new scaling of dev also requires --max and --min"),
    ],
)
def test_incomplete_scaling_is_refused(words: tuple[str, ...], message: str) -> None:
    found = Service()
    found.on("GET", SPEC, answer(headers={"ETag": '"3"'}, revision=3, specification={}))
    result = run(found, "scale", "Shop", "--env", "dev", *words)
    assert result.exit_code == 2
    assert message in result.stderr.replace("\n", " ")
    assert [each for each in found.requests if each.method == "PATCH"] == []


@pytest.mark.parametrize(("typed", "code", "sent"), [("y\n", 0, 2), ("n\n", 2, 1)])
def test_the_answer_decides_about_production(typed: str, code: int, sent: int) -> None:
    found = Service()
    document = {"overrides": {"prod": {"scaling": SCALING}}}
    found.on("GET", SPEC, answer(headers={"ETag": '"3"'}, revision=3, specification=document))
    done = answer(202, operation=operation(kind="update"))
    found.on("PATCH", SPEC, answer(dryRun=True, plan=PLAN), done)
    found.on("GET", PATH, answer(operation=operation("SUCCEEDED", "update", spec=4)))
    words = ("scale", "Shop", "--env", "prod", "--max", "9")
    result = run(found, *words, interactive=True, typed=typed)
    assert "Change Shop, including production?" in result.stderr
    patches = [each for each in found.requests if each.method == "PATCH"]
    assert (result.exit_code, len(patches)) == (code, sent)
    assert "dryRun" in patches[0].url.params
    if code:
        assert "nothing was changed" in result.stderr


def test_scaling_of_production_asks() -> None:
    found = Service()
    result = run(found, "scale", "Shop", "--env", "prod", "--max", "9")
    assert result.exit_code == 2
    assert "devops scale Shop --max 9 --env prod --yes" in result.stderr.replace("\n", " ")
