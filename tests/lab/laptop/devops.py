"""The command line, called as by a person or a pipeline."""

from __future__ import annotations

import os
import subprocess
import sys

from tools.laptop.cloud import Cloud

PATIENCE = "200s"  # for one operation; shorter than the limit of the process
_LIMIT = 240  # seconds for one command


def devops(cloud: Cloud, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `devops` against a laptop cloud, without the AWS configuration of the machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own = {
        "DEVOPS_API": cloud.api_url,
        "DEVOPS_CONFIG": str(cloud.directory / "no-configuration"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_REGION": cloud.environment["AWS_REGION"],
    }
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "devops_cli.main", *arguments],
        env=kept | own | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT,
    )
