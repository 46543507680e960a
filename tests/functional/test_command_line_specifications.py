"""The command line over the handlers: files, single settings, revisions and differences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import Result

from tests.lab.client import Client
from tests.lab.command_line import Gateway, command
from tests.lab.fakes import ACCOUNT, FakeCloud

FILE = """\
applicationName: Blog
email: team@example.com
tags:
  technicalTeam: payments
environments:
  nonProd: [dev, qa]
service:
  containerPort: 8080
  environment:
    LEVEL: info
overrides:
  prod:
    desiredCount: 2
"""


class Devops:
    """Runs commands for one application."""

    def __init__(self, cloud: FakeCloud, api: Client) -> None:
        self.gateway = Gateway(api)
        self._cloud = cloud
        self._api = api

    def __call__(self, *arguments: str | Path, code: int = 0, **further: Any) -> Result:
        result = command(self._cloud, self._api, self.gateway, *arguments, **further)
        assert result.exit_code == code, (result.stdout, result.stderr)
        return result

    def writes(self) -> list[str]:
        return [call for call, _ in self.gateway.calls if not call.startswith("GET")]


@pytest.fixture
def devops(promoted: FakeCloud, api: Client) -> Devops:
    return Devops(promoted, api)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "app.yml"
    found.write_text(FILE)
    return found


def document(devops: Devops, name: str = "Shop") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(devops("spec", name).stdout)
    return found


def variables(cloud: FakeCloud, service: str, application: str = "Shop") -> dict[str, str]:
    container = cloud.containers.running(application, service).request["containerDefinitions"][0]
    own = {each["name"]: each["value"] for each in container["environment"]}
    return {name: own[name] for name in own if name not in ("APPLICATION", "ENVIRONMENT", "PORT")}


def test_a_file_creates_an_application_and_then_changes_it(
    promoted: FakeCloud, devops: Devops, file: Path
) -> None:
    created = devops("apply", "-f", file, interactive=True, typed="y\n")
    assert "Apply this to Blog?" in created.stderr
    assert "create of Blog SUCCEEDED" in created.stdout
    assert variables(promoted, "qa", "Blog") == {"LEVEL": "info"}
    same = devops("apply", "-f", file, "--yes")
    assert "revision 1 of the specification has these settings" in same.stdout
    file.write_text(FILE.replace("LEVEL: info", "LEVEL: debug"))
    changed = devops("apply", "-f", file, "--yes")
    assert "  service.environment.LEVEL\n    - info\n    + debug\n" in changed.stdout
    assert "update of Blog SUCCEEDED" in changed.stdout
    assert "Specification: revision 2" in changed.stdout
    assert "the next step: devops diff Blog" in changed.stdout
    assert variables(promoted, "qa", "Blog") == {"LEVEL": "debug"}
    assert variables(promoted, "prod-1", "Blog") == {"LEVEL": "info"}


def test_apply_without_an_answer_changes_nothing(devops: Devops, file: Path) -> None:
    refused = devops("apply", "-f", file, interactive=True, typed="n\n", code=2)
    assert "nothing was changed" in refused.stderr
    assert devops.gateway.calls == [("GET /stacks/Blog/spec", 404), ("POST /stacks", 200)]
    without = devops("apply", "-f", file, code=2)
    assert f"--yes is required: devops apply -f {file} --yes" in without.stderr
    assert len(devops.gateway.calls) == 2


def test_the_text_of_spec_is_a_file_that_changes_nothing(devops: Devops, tmp_path: Path) -> None:
    shown = devops("spec", "Shop")
    assert shown.stderr.startswith("Shop, revision 1\n")
    saved = tmp_path / "shop.yml"
    saved.write_text(shown.stdout)
    assert devops("diff", "-f", saved).stdout == ""
    applied = devops("apply", "-f", saved, "--yes")
    assert "revision 1 of the specification has these settings" in applied.stdout
    assert json.loads(devops("apply", "-f", saved, "--yes", "--json").stdout)["operation"] is None


def test_the_settings_of_a_rich_document_survive_both_ways(devops: Devops, tmp_path: Path) -> None:
    text = {
        "A": "NO",
        "B": "0123",
        "C": "1e3",
        "D": " a: b # c\n\n\tx",
        "E": "\u202fé\U0001f469\u200d",
    }
    service = {"environment": text, "command": ["true", "8", ""], "stopSeconds": 5}
    content = document(devops) | {"service": service, "overrides": {"dev": {"unset": ["A"]}}}
    saved = tmp_path / "shop.json"
    saved.write_text("\ufeff" + json.dumps(content, indent="\t"), encoding="utf-8")
    devops("apply", "-f", saved, "--yes")
    shown = devops("spec", "Shop").stdout
    again = tmp_path / "shop.yml"
    again.write_text(shown, encoding="utf-8")
    assert devops("diff", "Shop", "-f", again).stdout == ""
    assert document(devops)["service"]["environment"] == text


def test_faults_have_the_line_of_the_file(devops: Devops, file: Path) -> None:
    devops("apply", "-f", file, "--yes")
    bad = FILE.replace("LEVEL: info", "LEVEL: 42\n    PORT: 80").replace("8080", "80")
    file.write_text(bad + "    cpu: 3\n  stage: {}\n")
    refused = devops("apply", "-f", file, "--yes", code=2)
    for place in (
        f"{file}:8: service.containerPort: is 8080 since the create",
        f"{file}:10: service.environment.LEVEL: must be a text: write numbers, true, false and null"
        ' in quotes, as in "42"',
        f"{file}:11: service.environment.PORT: is a variable of this service",
        f"{file}:15: overrides.prod.cpu: must be a number of CPU units",
        f"{file}:16: overrides.stage: is not an environment",
    ):
        assert place in refused.stderr, refused.stderr


def test_a_removal_has_the_exact_option(devops: Devops, file: Path) -> None:
    devops("apply", "-f", file, "--yes")
    file.write_text(FILE.replace("[dev, qa]", "[dev]"))
    for options in ((), ("--remove", "stage")):
        refused = devops("apply", "-f", file, "--yes", *options, code=2)
        assert refused.stderr.splitlines()[-1] == (
            "To delete these environments, repeat the command with --remove qa"
        )
    devops("apply", "-f", file, "--yes", "--remove", "qa")
    absent = devops("apply", "-f", file, "--yes", "--remove", "qa", code=2)
    assert absent.stderr.splitlines()[-1] == "Repeat the command without --remove"


def test_a_refused_role_has_the_line_of_the_file_and_the_remedy(devops: Devops, file: Path) -> None:
    file.write_text(FILE + f"    taskRole: arn:aws:iam::{ACCOUNT}:role/other\n")
    refused = devops("apply", "-f", file, "--yes", code=4)
    assert (
        f"{file}:14: overrides.prod.taskRole: must be a role of the team payments: an admin of the"
        " installation can add the role to taskroles in parameters.yml"
    ) in refused.stderr
    assert "lists of callers" not in refused.stderr


def test_a_revision_in_between_is_reported_with_the_remedy(
    api: Client, devops: Devops, file: Path
) -> None:
    devops("apply", "-f", file, "--yes")
    file.write_text(FILE.replace("info", "debug"))

    class Meanwhile(Gateway):
        """Another caller changes the specification after the dry run."""

        def __call__(self, request: Any) -> Any:
            if request.method == "PUT" and "dryRun" not in request.url.params:
                assert api.patch({"description": "other"}, application="Blog").status == 200
            return super().__call__(request)

    devops.gateway = Meanwhile(api)
    refused = devops("apply", "-f", file, "--yes", code=3)
    assert "has revision 2, not 1" in refused.stderr
    assert f"See the present specification: devops diff -f {file}" in refused.stderr


def test_a_variable_of_one_environment_is_set_and_unset(
    promoted: FakeCloud, devops: Devops
) -> None:
    devops("set", "Shop", "environment.LEVEL=info", "cpu=512", "memory=1024", "--yes")
    result = devops("set", "Shop", "environment.LEVEL=a=b", "--env", "dev")
    assert "  overrides.dev.environment.LEVEL\n    + a=b\n" in result.stdout
    assert document(devops)["overrides"] == {"dev": {"environment": {"LEVEL": "a=b"}}}
    assert variables(promoted, "dev") == {"LEVEL": "a=b"}
    assert variables(promoted, "qa") == {"LEVEL": "info"}
    # The first removes the own value, the second hides the general one.
    devops("unset", "Shop", "environment.LEVEL", "--env", "dev")
    assert "overrides" not in document(devops)
    devops("unset", "Shop", "environment.LEVEL", "--env", "dev")
    assert document(devops)["overrides"] == {"dev": {"unset": ["LEVEL"]}}
    assert variables(promoted, "dev") == {}
    third = devops("unset", "Shop", "environment.LEVEL", "--env", "dev")
    assert "environment.LEVEL is not set here" in third.stderr
    devops("set", "Shop", "environment.LEVEL=x", "--env=dev")
    assert document(devops)["overrides"] == {"dev": {"environment": {"LEVEL": "x"}}}
    devops("unset", "Shop", "environment.LEVEL", "cpu", "memory", "--yes")
    assert document(devops)["service"].keys() == {
        "containerPort",
        "healthCheckPath",
        "architecture",
    }


def test_a_change_of_production_is_asked(devops: Devops) -> None:
    for words in (("set", "Shop", "cpu=512"), ("set", "Shop", "cpu=512", "--env=qa,prod")):
        refused = devops(*words, code=2)
        assert "--yes is required: devops set Shop cpu=512" in refused.stderr
        asked = devops(*words, "memory=1024", interactive=True, typed="n", code=2)
        assert "Change Shop, including production?" in asked.stderr
    assert "nothing was changed" in asked.stderr
    devops("set", "Shop", "description=The shop")
    assert document(devops)["description"] == "The shop"


def test_production_receives_settings_with_the_release_and_returns(
    promoted: FakeCloud, devops: Devops
) -> None:
    devops("set", "Shop", "environment.LEVEL=debug", "--env", "prod", "--yes")
    shown = devops("diff", "Shop", code=1).stdout
    assert "PROD-GREEN lacks these changes" in shown
    assert "devops promote Shop" in shown
    assert "  environment.LEVEL\n    + debug\n" in shown
    assert "PROD-GREEN lacks" in devops("spec", "Shop").stderr
    effective = devops("spec", "Shop", "--effective", "prod").stdout
    assert yaml.safe_load(effective)["environment"] == {"LEVEL": "debug"}
    devops("promote", "Shop", "--spec", "2")
    swapped = devops("swap", "Shop", "--version=1.0", "--spec=2")
    assert "Specification: revision 2" in swapped.stdout
    assert variables(promoted, promoted.live("Shop") or "") == {"LEVEL": "debug"}
    assert devops("diff", "Shop").stdout == ""
    devops("swap", "Shop", "--back")
    assert variables(promoted, promoted.live("Shop") or "") == {}
    devops("promote", "Shop")
    assert "the settings of a promote after" in devops("swap", "Shop", "--back", code=3).stderr
    first = devops("spec", "Shop", "--revision", "1")
    assert "overrides" not in yaml.safe_load(first.stdout)
    assert "Shop, revision 1, " in first.stderr


def test_a_restart_keeps_the_image(promoted: FakeCloud, devops: Devops) -> None:
    before = promoted.containers.running("Shop", "dev")
    done = devops("restart", "Shop", "--env", "dev")
    after = promoted.containers.running("Shop", "dev")
    assert (after.image, after.arn != before.arn) == (before.image, True)
    assert "DEV  1.0" in done.stdout


def test_a_queued_change_waits_for_the_other_operation(api: Client, devops: Devops) -> None:
    running = api.deploy("1.1", "dev")
    assert running.status == 202
    change = ("set", "Shop", "environment.A=1", "--env=dev")
    assert "BUSY" in devops(*change, code=3).stderr
    waited = devops(*change, "--queue")
    assert running.id in waited.stderr
    assert "update of Shop SUCCEEDED" in waited.stdout


def test_a_dry_run_changes_nothing(devops: Devops) -> None:
    result = devops("set", "Shop", "environment.A=1", "--dry-run")
    assert "Dry run: update of Shop. Nothing was changed." in result.stdout
    assert "service.environment.A" in result.stdout
    assert devops.writes() == ["PATCH /stacks/Shop/spec"]
    assert "revision 1" in devops("spec", "Shop").stderr


WITH_POLICY = """\
applicationName: Shop
email: team@example.com
tags:
  technicalTeam: payments
environments:
  nonProd: [dev, qa, stage]
  training: true
production:
  strategy: {type: linear, percent: 25, stepMinutes: 10}
  judge: off
  alarms: [on, checkout-errors]
"""


def test_the_policy_of_swaps_is_written_and_read(
    promoted: FakeCloud, devops: Devops, file: Path
) -> None:
    """A file has the meaning of JSON: off and on are text."""

    def policy() -> Mapping[str, Any]:
        return promoted.tables.records["Shop"].specification.production

    file.write_text(WITH_POLICY)
    devops("apply", "-f", file, "--yes")
    applied = {
        "strategy": {"type": "linear", "percent": 25, "stepMinutes": 10},
        "judge": "off",
        "alarms": ["on", "checkout-errors"],
    }
    assert policy() == applied
    assert document(devops)["production"] == applied
    file.write_text(devops("spec", "Shop").stdout)
    devops("diff", "-f", file)
    devops("set", "Shop", "production.bakeMinutes=30", "production.judge={}", "--yes")
    devops("unset", "Shop", "production.strategy", "production.alarms", "--yes")
    assert policy() == {"bakeMinutes": 30, "judge": {}}
    devops("unset", "Shop", "production.bakeMinutes", "production.judge", "--yes")
    assert policy() == {}
