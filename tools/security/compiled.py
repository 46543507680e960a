"""The templates as CloudFormation gets them: the deploy tool's work done, loops unrolled."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.laptop.packages import GOOD, compiled_template, copied, package, parameters_file
from tools.security.templates import APPLICATION, Template, load, unroll

# Every environment that an application may have.
ENVIRONMENTS = ("dev", "qa", "stage", "training", "da")
# Two installations, which have every resource between them: with what parameters.yml says by
# default, and with what it offers besides.
INSTALLATIONS: Mapping[str, Mapping[str, str]] = {
    "service": {},
    "service-more": {
        "auth": "apikey",
        "allowedcidrs": "[10.0.0.0/8]",
        "webacl": "create",
        "gatewaylogrole": "existing",
        "datastores": "existing",
        "alarmtopic": "arn:aws:sns:eu-west-1:012345678901:alarms",
    },
}


class PackageError(Exception):
    """The deploy tool could not make its template; the message is its own."""


def compiled(parameters: Mapping[str, str]) -> Template:
    """Return the service's template as the deploy tool sends it; raises PackageError."""
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        parameters_file(copy, {**GOOD, **parameters})
        done = package(copy)
        if done.returncode != 0:
            raise PackageError(done.stdout + done.stderr)
        return compiled_template(copy)


def written(folder: Path) -> list[Path]:
    """Write every template of the project, as CloudFormation sees it, into a folder."""
    templates = {name: compiled(chosen) for name, chosen in INSTALLATIONS.items()}
    templates["application"] = unroll(load(APPLICATION), {"Environments": ENVIRONMENTS})
    del templates["application"]["Transform"]
    folder.mkdir(parents=True, exist_ok=True)
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template, indent=1))
    return [folder / f"{name}.json" for name in templates]
