"""The packages: what is known to be vulnerable, where there is a service that can be asked.

Without one nothing is known, and nothing is said to be sound: the outcome is NOT_ASKED.
"""

from __future__ import annotations

import json
import tomllib
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tools.security.outcome import BIN, Outcome, Status, run

# OSV has what PyPI's own service has, and GitHub's advisories besides.
OSV = "https://api.osv.dev/v1/query"
# They come with Python or the machine; no file of the project names them.
_NOT_OURS = {"pip", "setuptools"}
# By default npm tries for minutes to reach a registry that is not there.
_PATIENCE = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000")
# What the service answers to a request that is wrong, instead of to one that it does not serve.
_OUR_FAULT = {400, 422}


def accepted(root: Path) -> frozenset[str]:
    """Return the ids of advisories that somebody has decided to live with.

    Raises ValueError for one without a reason.
    """
    reasons = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["security"]["accepted"]
    silent = [each for each, reason in reasons.items() if not reason.strip()]
    if silent:
        raise ValueError(f"pyproject.toml, tool.security.accepted: why {', '.join(silent)}?")
    return frozenset(reasons)


def pip_audit(
    requirements: Iterable[Path],
    environments: Iterable[Path],
    known: frozenset[str] = frozenset(),
    url: str = OSV,
) -> Outcome:
    """Ask about each package that a requirements file pins or an environment has.

    `environments` are virtual ones; those that are not installed are left out. `known` are ids of
    advisories that fail nothing.
    """
    silent = _no_answer(url)
    if silent:
        return Outcome(Status.NOT_ASKED, (f"the service does not answer: {silent}",))
    command = [str(BIN / "pip-audit"), "--strict", "--format", "json", "--progress-spinner", "off"]
    command += ["--vulnerability-service", "osv", "--osv-url", url]
    pinned = [word for path in requirements for word in ("--requirement", str(path))]
    places = [path for each in environments for path in each.glob("lib/python*/site-packages")]
    asked = [["--no-deps", "--disable-pip", *pinned], *(["--path", str(each)] for each in places)]
    findings: dict[str, None] = {}
    for arguments in asked:
        done = run([*command, *arguments], Path.cwd())
        try:
            report = json.loads(done.stdout)
        except json.JSONDecodeError:
            return Outcome(Status.FAILED, (done.stderr.strip(),))
        findings |= dict.fromkeys(_of_python(report, known))
    return Outcome.of(tuple(findings))


def npm_audit(
    folder: Path, known: frozenset[str] = frozenset(), registry: str | None = None
) -> Outcome:
    """Ask npm's registry about each package of package-lock.json."""
    chosen = ["--registry", registry] if registry else []
    done = run(["npm", "audit", "--json", "--package-lock-only", *_PATIENCE, *chosen], folder)
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        report = {}
    if "auditReportVersion" in report:
        return Outcome.of(tuple(dict.fromkeys(_of_node(report, known))))
    if "message" in report and report.get("statusCode") not in _OUR_FAULT:
        said = f"the registry does not answer: {report['message']}"
        return Outcome(Status.NOT_ASKED, (said,))
    return Outcome(Status.FAILED, ((done.stdout + done.stderr).strip(),))


def _no_answer(url: str) -> str | None:
    """Return why a service like OSV cannot be asked; None if it can."""
    query = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "1.0"}
    request = urllib.request.Request(url, json.dumps(query).encode())  # noqa: S310 - see OSV
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # nosec B310 # noqa: S310
            json.load(answer)
    except (OSError, HTTPException, json.JSONDecodeError) as error:
        return str(error)
    return None


def _of_python(report: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    for package in report["dependencies"]:
        for each in package.get("vulns", ()):
            if package["name"] in _NOT_OURS or known & {each["id"], *each["aliases"]}:
                continue
            fixed = ", ".join(each["fix_versions"]) or "no version"
            ids = ", ".join([each["id"], *each["aliases"]])
            yield f"{package['name']} {package['version']}: {ids}; fixed in {fixed}"


def _of_node(report: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    for name, vulnerable in report["vulnerabilities"].items():
        for each in vulnerable["via"]:
            # A text names the package whose advisory it is, which is in the report as well.
            if isinstance(each, str) or each["url"].rpartition("/")[2] in known:
                continue
            yield f"{name} {each['range']}: {each['title']} ({each['severity']}) {each['url']}"
