"""The section of docs/laptop.md about a canary: its commands, by a person with a shell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.laptop import walks
from tests.lab.templates import ROOT
from tools.laptop.cloud import Cloud, Options, started
from tools.laptop.deploy import deploy

PAGE = (ROOT / "docs" / "laptop.md").read_text()
SECTION = PAGE.partition("\n## Try a canary\n")[2].partition("\n## ")[0]
SPEED = 20  # that of the page
# The fixture has done the work of these steps.
STARTED = ("make up cli SPEED=20", "set -a; . .local/env; set +a", "export PATH=")
PUSH = """make() { laptop push "${2#IMAGE=}" ${3:+--errors "${3#ERRORS=}"}; }"""
# The commands of the AWS CLI, whose options are the members of the operation.
AWS = """
import re, sys, boto3
from botocore import xform_name
service, operation, *options = sys.argv[1:]
client = boto3.client(service)
operations = {xform_name(each): each for each in client.meta.service_model.operation_names}
method = operation.replace("-", "_")
members = client.meta.service_model.operation_model(operations[method]).input_shape.members
names = {"--" + xform_name(each, "-"): each for each in members}
kinds = {"integer": int, "double": float}
pairs = dict(zip(options[::2], options[1::2], strict=True))
if operation == "put-metric-data":
    datum = {"MetricName": pairs.pop("--metric-name"), "Value": float(pairs.pop("--value"))}
    client.put_metric_data(Namespace=pairs.pop("--namespace"), MetricData=[datum])
    sys.exit(bool(pairs))
given = {names[each]: value for each, value in pairs.items()}
values = {each: kinds.get(members[each].type_name, str)(given[each]) for each in given}
getattr(client, method)(**values)
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with started(tmp_path / "cloud", Options(minute=60 / SPEED)) as running:
        deploy(running)
        yield running


@pytest.fixture
def environment(cloud: Cloud, tmp_path: Path) -> dict[str, str]:
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / "aws.py").write_text(AWS)
    for name, arguments in {
        "devops": walks.DEVOPS,
        "laptop": f"-m tools.laptop --directory {cloud.directory}",
        "aws": str(tmp_path / "aws.py"),
    }.items():
        walks.write_program(programs / name, arguments)
    return walks.environment_of_a_person(cloud, tmp_path, programs)


def test_the_commands_of_the_page_have_their_results(
    environment: dict[str, str], tmp_path: Path
) -> None:
    first, *_ = walked = list(walks.steps(SECTION))
    assert first.command == STARTED[0] == f"make up cli SPEED={SPEED}"
    walked = [each for each in walked if not each.command.startswith(STARTED)]
    outputs = walks.walk(walked, environment, tmp_path, PUSH)
    for step, output in zip(walked, outputs, strict=True):
        assert walks.shows(step.output, output), (step, output)
    assert sum(bool(step.output) for step in walked) == 5
