"""Runs of the acceptance test as separate processes, against a laptop cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from tools.laptop.client import until
from tools.laptop.cloud import ROOT, Cloud

LIMIT = 300.0  # seconds for one run


class Run:
    """A process of the acceptance test; its directory has the report and the output."""

    def __init__(
        self, cloud: Cloud, keys: Credentials, directory: Path, *arguments: str, team: str
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._output = directory / "output"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        # The address comes from API_URL, which the program accepts in place of DEVOPS_API.
        there = {name: value for name, value in cloud.environment.items() if name != "DEVOPS_API"}
        own = {
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "DEVOPS_CONFIG": str(directory / "no-configuration"),
        }
        options = ["--team", team, "--page-proxy", cloud.endpoint, "--drift", "0"]
        with self._output.open("w") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "tools.acceptance", "--directory", str(directory),
                 *options, *arguments],
                cwd=ROOT,
                env=kept | there | own,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def output(self) -> str:
        """The text that the process has printed."""
        return self._output.read_text()

    @property
    def pending(self) -> dict[str, Any]:
        """The record of the application; empty without one."""
        file = self.directory / "pending.json"
        return json.loads(file.read_text()) if file.exists() else {}

    @property
    def report(self) -> dict[str, Any]:
        """The report in JSON."""
        found: dict[str, Any] = json.loads((self.directory / "report.json").read_text())
        return found

    def failed(self) -> list[tuple[str, str]]:
        """Return the step and the reason of each failed check."""
        checks = self.report["checks"]
        return [(c["step"], c["reason"]) for c in checks if c["outcome"] == "failed"]

    def wait_for(self, text: str) -> None:
        """Wait until the process has printed a text."""
        assert until(lambda: text in self.output or self.process.poll() is not None), self.output
        assert text in self.output, self.output

    def wait_until_created(self) -> None:
        """Wait until the create was accepted, which determines the template of the application."""
        assert until(
            lambda: bool(self.pending.get("answered")) or self.process.poll() is not None
        ), self.output

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        return self.process.wait(LIMIT)
