"""checkov and cfn-lint find faults that are planted in the project's templates."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.infra.conftest import Packaged
from tests.lab.templates import APPLICATION, load, unroll
from tools.bench.serving import serving
from tools.security.compiled import INSTALLATIONS, compile_template
from tools.security.infrastructure import SETTINGS, cfn_lint, checkov
from tools.security.outcome import Outcome, Status
from tools.security.templates import Template


class Internet(ThreadingHTTPServer):
    """A proxy through which a program would reach any https URL; it notes what was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refuses)
        self.asked: list[str] = []


class _Refuses(BaseHTTPRequestHandler):
    server: Internet

    def do_CONNECT(self) -> None:
        self.server.asked.append(self.requestline)
        self.send_error(403)


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    with serving(Internet()) as running:
        yield running


@pytest.fixture(scope="module")
def application() -> Template:
    template = unroll(load(APPLICATION), {"Environments": ["dev"]})
    del template["Transform"]
    return template


def written(folder: Path, **templates: Template) -> list[Path]:
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template))
    return [folder / f"{name}.json" for name in templates]


@pytest.fixture(scope="module")
def planted(packaged: Packaged, application: Template) -> dict[str, Template]:
    """Both templates with a defect each that CloudFormation would take, and one it would not."""
    service, app = copy.deepcopy(packaged.template), copy.deepcopy(application)
    del service["Resources"]["EcsBucket"]["Properties"]["PublicAccessBlockConfiguration"]
    app["Resources"]["Repository"]["Properties"]["ImageTagMutability"] = "MUTABLE"
    app["Resources"]["Cluster"]["Properties"]["ClusterNames"] = "Shop"
    return {"service": service, "application": app}


def test_checkov_finds_what_is_unsafe_and_what_it_cannot_read(
    planted: dict[str, Template], internet: Internet, tmp_path: Path
) -> None:
    templates = written(tmp_path, **planted)
    (tmp_path / "broken.json").write_text('{"Resources": ')
    proxy = f"http://127.0.0.1:{internet.server_port}"
    variables = {"PATH": "/usr/bin:/bin", "HTTPS_PROXY": proxy, "HTTP_PROXY": proxy}
    # Somebody's account, to which checkov would send what it finds.
    variables |= {"BC_API_KEY": "somebody's", "PRISMA_API_URL": "https://api0.prismacloud.io"}
    outcome = checkov([*templates, tmp_path / "broken.json"], environment=variables)
    assert outcome.status is Status.FAILED
    found = {tuple(line.split(" ")[:3]) for line in outcome.lines}
    assert ("service.json:", "AWS::S3::Bucket.EcsBucket:", "CKV_AWS_53") in found
    assert ("application.json:", "AWS::ECR::Repository.Repository:", "CKV_AWS_51") in found
    assert "broken.json: checkov could not read the template" in outcome.lines
    assert internet.asked == []


def test_every_suppression_is_needed(
    packaged: Packaged, application: Template, tmp_path: Path
) -> None:
    settings = yaml.safe_load(SETTINGS.read_text())
    suppressed = set(settings.pop("skip-check"))
    (tmp_path / "bare.yml").write_text(yaml.safe_dump(settings))
    more = compile_template(INSTALLATIONS["service-more"])
    templates = written(tmp_path, service=packaged.template, more=more, application=application)
    outcome = checkov(templates, tmp_path / "bare.yml")
    assert {line.split(" ")[2] for line in outcome.lines} == suppressed


def test_every_suppression_has_a_reason_in_its_line() -> None:
    lines = SETTINGS.read_text().splitlines()
    suppressions = [line for line in lines if line.strip().startswith("- CKV")]
    assert suppressions
    assert [line for line in suppressions if len(line.partition(" # ")[2]) < 10] == []


def test_cfn_lint_finds_what_cloudformation_would_refuse(
    planted: dict[str, Template], application: Template, tmp_path: Path
) -> None:
    assert cfn_lint(written(tmp_path, application=application)) == Outcome(Status.PASSED)
    outcome = cfn_lint(written(tmp_path, **planted))
    assert outcome.status is Status.FAILED
    (line,) = outcome.lines
    assert "E3002" in line
    assert "ClusterNames" in line
