"""Generates the templates that CloudFormation receives: compiled by the deploy tool, unrolled."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.laptop.packages import GOOD, compiled_template, copy_service, package, parameters_file
from tools.security.templates import APPLICATION, Template, load, unroll

# All possible environments of an application.
ENVIRONMENTS = ("dev", "qa", "stage", "training", "da")
# Two installations that together contain every resource: one with the defaults of parameters.yml,
# and one with its other options.
INSTALLATIONS: Mapping[str, Mapping[str, str]] = {
    "service": {},
    "service-more": {
        "auth": "apikey",
        "allowedcidrs": "[10.0.0.0/8]",
        "webacl": "create",
        "gatewaylogrole": "existing",
        "datastores": "existing",
        "alarmtopic": "arn:aws:sns:eu-west-1:012345678901:alarms",
        "notifytopic": "arn:aws:sns:eu-west-1:012345678901:operations",
        "slackwebhook": "arn:aws:secretsmanager:eu-west-1:012345678901:secret:slack-AbCdEf",
    },
}


class PackageError(Exception):
    """The deploy tool could not generate the template; the message is its output."""


def compile_template(parameters: Mapping[str, str]) -> Template:
    """Return the service's template as sent by the deploy tool.

    Raises:
        PackageError: the deploy tool failed.

    """
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_service(Path(folder))
        parameters_file(copy, {**GOOD, **parameters})
        done = package(copy)
        if done.returncode != 0:
            raise PackageError(done.stdout + done.stderr)
        return compiled_template(copy)


def write_templates(folder: Path) -> list[Path]:
    """Write all templates of the project, in the form for CloudFormation, into a folder."""
    templates = {name: compile_template(chosen) for name, chosen in INSTALLATIONS.items()}
    templates["application"] = unroll(load(APPLICATION), {"Environments": ENVIRONMENTS})
    del templates["application"]["Transform"]
    folder.mkdir(parents=True, exist_ok=True)
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template, indent=1))
    return [folder / f"{name}.json" for name in templates]
