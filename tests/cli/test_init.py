"""`devops init` from files: the new file, its notes, and refusals."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from devops_cli import documents, own_files
from tests.cli.test_config import full_disk
from tests.lab import existing
from tests.lab.prepared_service import Source, run

REGION = existing.REGION


def init(*arguments: str | Path, source: Source | None = None, **environment: str) -> Result:
    """Run `devops init` without an address of the service."""
    words = map(str, arguments)
    result = run(None, "init", *words, api="", source=source, environment=environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def files(tmp_path: Path) -> list[str | Path]:
    """The options for the files of a web application, as the AWS CLI prints them."""
    web = existing.ALL["web"]
    contents = {
        "task.json": {"taskDefinition": web["definition"], "tags": []},
        "service.json": {"services": [web["service"]], "failures": []},
        "groups.json": {"TargetGroups": web["target_groups"]},
        "balancers.json": {"LoadBalancers": web["load_balancers"]},
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(json.dumps(content))
    task, *others = (tmp_path / name for name in contents)
    return [
        "--task-definition",
        task,
        *(part for each in others for part in ("--service-file", each)),
    ]


def test_files_become_a_file_with_notes(tmp_path: Path, files: list[str | Path]) -> None:
    file = tmp_path / "app.yml"
    result = init("Shop", *files, "--email=a@example.com", "-o", file)
    assert (result.exit_code, result.stdout) == (0, "")
    found = documents.read(str(file)).content
    assert found["applicationName"] == "Shop"
    assert found["tags"] == {"technicalTeam": "shop"}
    service = found["service"]
    assert {name: service[name] for name in service if name not in ("environment", "secrets")} == {
        "containerPort": 8080,
        "healthCheckPath": "/actuator/health",
        "architecture": "ARM64",
        "cpu": 512,
        "memory": 1024,
        "desiredCount": 2,
        "startSeconds": 90,
        "stopSeconds": 60,
        "taskRole": "arn:aws:iam::012345678901:role/web-task",
        "ephemeralStorageGiB": 50,
        "ulimits": {"nofile": {"soft": 65536, "hard": 65536}},
    }
    assert (
        service["secrets"]["MAIL_KEY"]
        == "arn:aws:ssm:eu-west-1:012345678901:parameter/web/mail-key"
    )
    # Each line of stderr has the line of its comment; neither ARNs nor account numbers.
    *notes, last = result.stderr.splitlines()
    lines = file.read_text().splitlines()
    for note in notes:
        name, number, text = note.split(":", 2)
        assert name == str(file)
        place = text.strip().partition(":")[0]
        assert lines[int(number) - 1].lstrip().startswith(f"# {place}")
    assert len(notes) >= 3
    assert "arn:" not in result.stderr
    assert existing.ACCOUNT not in result.stderr
    assert last == f"Decisions for you: {len(notes)}. Then: devops apply -f {file} --dry-run"


def test_the_file_can_go_to_stdout(files: list[str | Path]) -> None:
    result = init(*files, "-o", "-")
    assert result.exit_code == 0
    assert "applicationName: web\n" in result.stdout
    assert "# email: the address of the owners is missing" in result.stdout
    assert "Then: devops apply -f FILE --dry-run" in result.stderr


def test_an_existing_file_is_replaced_only_on_request(
    tmp_path: Path, files: list[str | Path]
) -> None:
    file = tmp_path / "app.yml"
    file.write_text("mine")
    file.chmod(0o644)
    refused = init(*files, "-o", file)
    assert refused.exit_code == 2
    assert "app.yml exists" in refused.stderr
    assert "--force" in refused.stderr
    assert file.read_text() == "mine"
    assert init(*files, "-o", file, "--force").exit_code == 0
    assert file.read_text() != "mine"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_a_new_file_is_only_for_its_owner(tmp_path: Path, files: list[str | Path]) -> None:
    file = tmp_path / "app.yml"
    before = os.umask(0)
    try:
        assert init(*files, "-o", file).exit_code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_symbolic_link_to_nothing_is_an_existing_file(
    tmp_path: Path, files: list[str | Path]
) -> None:
    link, target = tmp_path / "app.yml", tmp_path / "elsewhere.yml"
    link.symlink_to(target)
    refused = init(*files, "-o", link)
    assert refused.exit_code == 2
    assert "app.yml exists" in refused.stderr
    assert not target.exists()


def test_a_folder_is_never_replaced(tmp_path: Path, files: list[str | Path]) -> None:
    refused = init(*files, "-o", tmp_path, "--force")
    assert refused.exit_code == 2
    assert "is not a file" in refused.stderr


def test_a_file_that_another_program_creates_meanwhile_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "app.yml"
    own_files.create(file, "theirs")
    with pytest.raises(FileExistsError):
        own_files.create(file, "ours")
    assert file.read_text() == "theirs"
    with full_disk(), pytest.raises(OSError, match="File too large"):
        own_files.create(tmp_path / "other.yml", "ours")
    assert list(tmp_path.iterdir()) == [file]


def test_another_container_can_be_the_application(tmp_path: Path) -> None:
    file = tmp_path / "task.json"
    file.write_text(json.dumps(existing.register_request("envoy")))
    result = init("--task-definition", file, "--container=envoy", "-o", "-")
    assert "  - name: app-sidecar\n" in result.stdout
    assert "containerPort: 9901\n" in result.stdout
    refused = init("--task-definition", file, "--container=web", "-o", "-")
    assert refused.exit_code == 2
    assert "no container web" in refused.stderr
    assert "Its containers: app, envoy." in refused.stderr


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "task.json is not valid JSON"),
        ("[]", "task.json must be a JSON object"),
        ("{}", "task.json has no containerDefinitions with name and image"),
        ('{"containerDefinitions": []}', "has no containerDefinitions with name and image"),
        ('{"containerDefinitions": [{"name": "a"}]}', "has no containerDefinitions with name"),
        ('{"taskDefinition": "web:1"}', "has no containerDefinitions with name and image"),
    ],
)
def test_a_file_without_a_task_definition_is_refused(
    tmp_path: Path, content: str, problem: str
) -> None:
    file = tmp_path / "task.json"
    file.write_text(content)
    result = init("--task-definition", file)
    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"services": []}, "service.json has 0 services: write one into the file"),
        ({"services": [{}, {}]}, "service.json has 2 services"),
        ({"clusters": []}, "service.json is not a description of a service"),
        ({"services": ["web"]}, "service.json: services must be a list of objects"),
        ({"serviceName": "a", "loadBalancers": {}}, "service.loadBalancers must be a list"),
        ({"TargetGroups": ["a"]}, "service.json: TargetGroups.0 must be an object"),
        ({"LoadBalancers": [{"State": ""}]}, "LoadBalancers.0.State must be an object"),
        ({"ScalableTargets": [{}]}, "service.json: ScalableTargets.0 needs ServiceNamespace"),
    ],
)
def test_a_file_without_a_service_is_refused(
    tmp_path: Path, files: list[str | Path], content: Any, problem: str
) -> None:
    file = tmp_path / "service.json"
    file.write_text(json.dumps(content))
    result = init(*files)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_files_of_a_service_need_a_task_definition() -> None:
    result = init("--cluster=shop", "--service=web", "--service-file=service.json")
    assert result.exit_code == 2
    assert "--service-file needs --task-definition" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--cluster=shop",),
        ("--service=web",),
        ("--cluster=a", "--service=b", "--task-definition=c"),
    ],
)
def test_one_source_is_required(arguments: tuple[str, ...]) -> None:
    result = init(*arguments)
    assert result.exit_code == 2
    assert "init needs an ECS service or a file" in result.stderr
    assert "devops init NAME --cluster CLUSTER --service SERVICE" in result.stderr


@pytest.mark.parametrize("option", ["--cluster", "--service", "--region", "--profile"])
def test_files_are_not_read_with_options_for_aws(files: list[str | Path], option: str) -> None:
    result = init(*files, option, "x", "-o", "-")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"--task-definition reads nothing from AWS: remove {option}" in result.stderr


def test_the_next_command_can_be_copied(tmp_path: Path, files: list[str | Path]) -> None:
    file = tmp_path / "my app.yml"
    result = init("Shop", *files, "-o", file)
    assert f"Then: devops apply -f '{file}' --dry-run" in result.stderr


def test_a_missing_file_is_named(tmp_path: Path, files: list[str | Path]) -> None:
    result = init(*files, "--service-file", tmp_path / "none.json")
    assert result.exit_code == 2
    assert "none.json cannot be read: No such file" in result.stderr
    result = init(*files, "-o", tmp_path / "none" / "app.yml")
    assert result.exit_code == 2
    assert "app.yml cannot be written: No such file" in result.stderr


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"cpu": {}}, "taskDefinition.cpu must be a text"),
        ({"volumes": "x"}, "taskDefinition.volumes must be a list"),
        ({"runtimePlatform": []}, "taskDefinition.runtimePlatform must be an object"),
        ({"ephemeralStorage": {}}, "taskDefinition.ephemeralStorage needs sizeInGiB"),
        ({"ephemeralStorage": {"sizeInGiB": True}}, "sizeInGiB must be a whole number"),
        (
            {"containerDefinitions": [{"name": "a", "image": "b", "essential": "yes"}]},
            "taskDefinition.containerDefinitions.0.essential must be true or false",
        ),
        (
            {"containerDefinitions": [{"name": "a", "image": "b", "dockerLabels": {"a": []}}]},
            "taskDefinition.containerDefinitions.0.dockerLabels.a must be a text",
        ),
    ],
)
def test_a_file_with_other_types_is_refused(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    file = tmp_path / "task.json"
    file.write_text(json.dumps(existing.ALL["web"]["definition"] | change))
    result = init("--task-definition", file, "-o", "-")
    assert (result.exit_code, result.stdout) == (2, "")
    assert problem in result.stderr


def test_numbers_in_texts_become_texts(tmp_path: Path) -> None:
    """Programs that write JSON themselves leave out the quotes."""
    content = existing.ALL["web"]["definition"]
    pairs = [
        {"name": "PORT2", "value": 8080},
        {"name": "DEBUG", "value": True},
        {"name": "RATE", "value": 0.5},
        {"name": 1, "value": "x"},
    ]
    own = content["containerDefinitions"][0] | {"environment": pairs, "command": ["serve", 3]}
    task, service = tmp_path / "task.json", tmp_path / "service.json"
    tags = [{"key": "cost", "value": 42}]
    changed = {**content, "cpu": 512, "containerDefinitions": [own]}
    task.write_text(json.dumps({"taskDefinition": changed, "tags": tags}))
    service.write_text(json.dumps({"serviceName": 7, "tags": [{"key": "unit", "value": 8}]}))
    file = tmp_path / "app.yml"
    result = init("Shop", "--task-definition", task, "--service-file", service, "-o", file)
    assert result.exit_code == 0
    found = documents.read(str(file)).content
    assert found["tags"] == {"cost": "42", "unit": "8"}
    assert found["service"]["command"] == ["serve", "3"]
    assert found["service"]["cpu"] == 512
    expected = {"PORT2": "8080", "DEBUG": "true", "RATE": "0.5", "1": "x"}
    assert found["service"]["environment"] == expected


def test_a_number_that_json_does_not_have_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "task.json"
    file.write_text('{"containerDefinitions": [{"name": "a", "image": NaN}]}')
    result = init("--task-definition", file, "-o", "-")
    assert result.exit_code == 2
    assert "task.json is not valid JSON: NaN" in result.stderr


def test_null_is_a_missing_member(tmp_path: Path) -> None:
    file = tmp_path / "task.json"
    content = existing.register_request("web") | {"pidMode": None, "cpu": 512, "newMember": "x"}
    content["containerDefinitions"] = [content["containerDefinitions"][0] | {"links": None}]
    file.write_text(json.dumps(content))
    result = init("--task-definition", file, "-o", "-")
    assert result.exit_code == 0
    assert "pidMode" not in result.stdout
    assert "newMember: this version of devops does not know this member" in result.stderr
