"""apply, set, spec and diff: the requests, the questions and the refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lab.prepared_service import PATH, Service, answer, operation, run

SPEC = "/stacks/Shop/spec"
CONTENT = "applicationName: Shop\nemail: a@b.example\nservice:\n  cpu: 512\n"
DOCUMENT = {"applicationName": "Shop", "email": "a@b.example", "service": {"cpu": 256}}
PLAN = {"kind": "update", "changes": [{"field": "service.cpu", "old": 256, "new": 512}]}


def present(**members: Any) -> httpx.Response:
    body: dict[str, Any] = {"applicationName": "Shop", "revision": 3, "specification": DOCUMENT}
    body |= members
    return answer(headers={"ETag": '"3"'}, **body)


def service(method: str = "PUT", path: str = SPEC, **plan: Any) -> Service:
    """Return a service with a specification that accepts a change of it."""
    found = Service()
    found.on("GET", SPEC, present())
    done = answer(202, operation=operation(kind="update"))
    found.on(method, path, answer(dryRun=True, plan=PLAN | plan), done)
    found.on("GET", PATH, answer(operation=operation("SUCCEEDED", "update", spec=4)))
    return found


@pytest.fixture
def file(tmp_path: Path) -> str:
    found = tmp_path / "app.yml"
    found.write_text(CONTENT)
    return str(found)


def bodies(found: Service, method: str) -> list[Any]:
    return [json.loads(each.content) for each in found.requests if each.method == method]


def test_a_file_replaces_the_revision_that_was_shown(file: str) -> None:
    found = service()
    result = run(found, "apply", "-f", file, "--remove=QA,stage", interactive=True, typed="y\n")
    assert result.exit_code == 0, result.stderr
    dry, real = [each for each in found.requests if each.method == "PUT"]
    assert (
        json.loads(dry.content) == json.loads(real.content) == DOCUMENT | {"service": {"cpu": 512}}
    )
    assert {each.headers["if-match"] for each in (dry, real)} == {'"3"'}
    assert dict(dry.url.params) == {"remove": "qa,stage", "dryRun": "true"}
    assert dict(real.url.params) == {"remove": "qa,stage"}
    assert "idempotency-key" not in dry.headers
    assert "idempotency-key" in real.headers
    assert "Apply this to Shop and delete qa, stage? [y/N]" in result.stderr
    assert result.stdout.startswith("Specification\n  service.cpu\n    - 256\n    + 512\n")
    assert "Specification: revision 4" in result.stdout


def test_stdin_is_a_file(file: str) -> None:
    found = service()
    result = run(found, "apply", "--file=-", "--yes", "--json", typed=Path(file).read_text())
    assert json.loads(result.stdout)["operation"]["spec"] == 4
    assert "service.cpu" in result.stderr
    refused = run(Service(), "apply", "-f-", "--yes", typed="a: 1\na: 2\n")
    assert "Error: stdin:2: a is also in line 1" in refused.stderr


def test_a_missing_application_is_created(file: str) -> None:
    found = service("POST", "/stacks", kind="create", changes=[], claims=["DEV"])
    found.on("GET", SPEC, answer(404, errorMessage="there is no application", code="NOT_FOUND"))
    assert run(found, "apply", "-f", file, "--yes").exit_code == 0
    assert bodies(found, "POST") == [DOCUMENT | {"service": {"cpu": 512}}] * 2
    refused = run(found, "apply", "-f", file, "--yes", "--remove=qa")
    assert "Shop does not exist yet: repeat without --remove" in refused.stderr


@pytest.mark.parametrize(
    ("status", "code"), [(404, "OTHER"), (403, "FORBIDDEN"), (409, "CONFLICT")]
)
def test_another_refusal_of_the_read_creates_nothing(file: str, status: int, code: str) -> None:
    found = service("POST", "/stacks")
    found.on("GET", SPEC, answer(status, errorMessage="no", code=code))
    assert run(found, "apply", "-f", file, "--yes").exit_code in (3, 4)
    assert bodies(found, "POST") == []


@pytest.mark.parametrize(
    ("content", "arguments", "problem"),
    [
        ("email: a", (), "has no applicationName: add it"),
        ("email: a\napplicationName: 5", (), ":2: applicationName: '' must be an application name"),
        ("applicationName: a/b", (), ":1: applicationName: 'a/b' must be an application name"),
        (CONTENT, ("Other",), ":1: the file is for 'Shop', not for 'Other'"),
        (CONTENT, ("--remove=prod",), "Every application has production"),
    ],
)
def test_a_file_for_no_application_or_another_one_is_refused(
    tmp_path: Path, content: str, arguments: tuple[str, ...], problem: str
) -> None:
    found, file = service(), tmp_path / "app.yml"
    file.write_text(content)
    result = run(found, "apply", "-f", str(file), "--yes", *arguments)
    assert (result.exit_code, found.requests) == (2, [])
    assert problem in " ".join(result.stderr.replace("│", " ").split())


def test_the_name_can_be_an_argument(tmp_path: Path) -> None:
    found, file = service(), tmp_path / "app.json"
    file.write_text('{"email": "a@b.example"}')
    assert run(found, "apply", "-f", str(file), "Shop", "--yes").exit_code == 0
    assert bodies(found, "PUT")[0] == {"email": "a@b.example"}


def test_a_response_without_an_etag_is_refused(file: str) -> None:
    found = service()
    found.on("GET", SPEC, answer(specification=DOCUMENT))
    result = run(found, "apply", "-f", file, "--yes")
    assert (result.exit_code, bodies(found, "PUT")) == (1, [])
    assert "no valid ETag" in result.stderr


@pytest.mark.parametrize(
    ("message", "hints"),
    [
        (
            "must be qa,stage: the environments",
            ["To delete these environments, repeat the command with --remove qa,stage"],
        ),
        ("must be absent: all environments", ["Repeat the command without --remove"]),
        ("must be other: text", []),
        ("other", []),
    ],
)
def test_a_removal_without_the_option_names_it(file: str, message: str, hints: list[str]) -> None:
    found = service()
    errors = [{"field": "remove", "message": message}]
    found.on("PUT", SPEC, answer(400, errorMessage="x", code="INVALID_REQUEST", errors=errors))
    result = run(found, "apply", "-f", file, "--yes")
    lines = result.stderr.splitlines()
    assert (result.exit_code, lines[1:]) == (2, [f"  remove: {message}", *hints])


def test_the_plan_shows_the_change_of_the_stack(file: str) -> None:
    stack = {"added": ["STAGE"], "removed": ["QA"], "secrets": ["PROD-GREEN"]}
    found = service(changes=[], stack=stack, environments=[{"environment": "QA"}])
    result = run(found, "apply", "-f", file, interactive=True, typed="n\n")
    assert "Added environments: STAGE\nDeleted environments, with their load" in result.stdout
    assert "QA" not in result.stdout.splitlines()
    assert "nothing was changed" in result.stderr


@pytest.mark.parametrize(("status", "shown"), [("SUCCEEDED", False), ("FAILED", True)])
def test_a_deleted_environment_is_not_in_the_outcome(
    file: str, status: str, *, shown: bool
) -> None:
    found = service()
    parts = [{"environment": each, "status": status, "version": "1"} for each in ("DEV", "QA")]
    ended = operation(status, "update", stack={"removed": ["QA"]}, environments=parts)
    found.on("GET", PATH, answer(operation=ended))
    lines = run(found, "apply", "-f", file, "--yes").stdout.splitlines()
    assert any(line.startswith("DEV  ") for line in lines)
    assert any(line.startswith("QA  ") for line in lines) == shown


def test_a_refused_role_has_its_place_and_its_remedy(file: str) -> None:
    found, field = service(), "service.taskRole"
    Path(file).write_text(CONTENT + "  taskRole: arn:aws:iam::1:role/x\n")
    remedy = "must be a role of the team payments"
    errors = [{"field": field, "message": remedy}]
    refusal = answer(403, errorMessage="not allowed", code="FORBIDDEN", errors=errors)
    found.on("PUT", SPEC, refusal)
    result = run(found, "apply", "-f", file, "--yes")
    lines = result.stderr.splitlines()
    assert (result.exit_code, lines[:2], lines[-2:]) == (
        4,
        ["Error: not allowed (403 FORBIDDEN)", f"  {file}:5: {field}: {remedy}"],
        [
            "The refused call: PUT /stacks/Shop/spec",
            "Secrets and roles of each team: docs/teams.md",
        ],
    )


def test_a_fault_of_a_missing_field_has_the_place_of_its_object(file: str) -> None:
    found = service()
    errors = [
        {"field": "service.memory", "message": "must be one of 1024"},
        {"field": "overrides.qa", "message": "is not an environment"},
    ]
    found.on("PUT", SPEC, answer(400, errorMessage="x", code="INVALID_REQUEST", errors=errors))
    assert run(found, "apply", "-f", file, "--yes").stderr.splitlines()[1:] == [
        f"  {file}:3: service.memory: must be one of 1024",
        "  overrides.qa: is not an environment",
    ]


def test_nothing_to_change_is_not_asked(file: str) -> None:
    found = service()
    said = "revision 3 of the specification has these settings"
    found.on(
        "PUT", SPEC, answer(dryRun=True, plan={"message": said}),
        answer(operation=None, message=said),
    )  # fmt: skip
    result = run(found, "apply", "-f", file, interactive=True)
    assert (result.exit_code, result.stdout) == (0, f"{said}\n")


def test_a_setting_is_a_patch_of_the_revision_that_was_read() -> None:
    found = service("PATCH")
    assert run(found, "set", "Shop", "cpu=1024", "--env=qa", "--no-wait").exit_code == 0
    dry, real = [each for each in found.requests if each.method == "PATCH"]
    assert json.loads(dry.content) == json.loads(real.content)
    assert json.loads(real.content) == {"overrides": {"qa": {"cpu": 1024}}}
    assert real.headers["if-match"] == '"3"'
    again = service("PATCH")
    run(again, "unset", "Shop", "cpu", "--yes")
    assert bodies(again, "PATCH")[1] == {"service": None}


def test_a_queued_change_reads_the_specification_again() -> None:
    found = service("PATCH")
    busy = answer(409, errorMessage="held", code="BUSY")
    found.on("GET", SPEC, present(), answer(headers={"ETag": '"4"'}, specification=DOCUMENT))
    planned, accepted = answer(dryRun=True, plan=PLAN), answer(202, operation=operation())
    found.on("PATCH", SPEC, busy, planned, accepted)
    result = run(found, "set", "Shop", "cpu=1024", "--env=qa", "--queue")
    assert result.exit_code == 0, result.stderr
    tags = [each.headers["if-match"] for each in found.requests if each.method == "PATCH"]
    assert tags == ['"3"', '"4"', '"4"']


def test_a_specification_is_shown_with_its_pending_changes() -> None:
    change = {"field": "environment.A", "old": "1", "new": "2"}
    pending = [
        {"environment": "QA", "call": "POST /stacks/deploy"},
        {
            "environment": "PROD-GREEN",
            "changes": [change],
            "call": "POST /stacks/swapProdBlueAndGreen",
        },
    ]
    found = Service()
    found.on("GET", SPEC, present(pending=pending))
    result = run(found, "spec", "Shop")
    assert result.stdout == "applicationName: Shop\nemail: a@b.example\nservice:\n  cpu: 256\n"
    assert result.stderr.splitlines() == [
        "Shop, revision 3",
        "QA runs settings that are not on record. To apply the specification: devops restart Shop"
        " --env qa",
        "PROD-GREEN lacks these changes. To apply the specification: devops swap Shop",
        "  environment.A",
        "    - 1",
        "    + 2",
    ]
    assert run(found, "spec", "Shop", "--json").stdout.startswith('{"applicationName":"Shop"')
    assert run(found, "diff", "Shop").exit_code == 1
    assert "has no environment qa" in run(found, "spec", "Shop", "--effective=qa").stderr
    both = run(found, "spec", "Shop", "--effective=qa", "--revision=2")
    assert "--effective shows the present revision" in both.stderr


def test_a_difference_is_the_exit_code(file: str) -> None:
    found = Service()
    found.on("GET", SPEC, present())
    result = run(found, "diff", "-f", file)
    assert (result.exit_code, result.stdout) == (1, "service.cpu\n  - 256\n  + 512\n")
    Path(file).write_text(CONTENT.replace("512", "256"))
    assert run(found, "diff", "-f", file).exit_code == 0
    without = run(found, "diff")
    assert (without.exit_code, "needs the name" in without.stderr) == (2, True)


def test_a_specification_that_is_nested_too_deeply_is_refused() -> None:
    deep: Any = "x"
    for _ in range(30):
        deep = {"a": [deep]}
    found = Service()
    found.on("GET", SPEC, present(specification=deep))
    for command in (("spec", "Shop"), ("set", "Shop", "cpu=1", "--env=qa")):
        result = run(found, *command)
        assert (result.exit_code, "nested too deeply" in result.stderr) == (1, True)
