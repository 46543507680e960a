"""Checks the packages for known vulnerabilities, with the help of online services.

If a service does not respond, the result is not known, and the outcome is UNAVAILABLE.
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

# OSV has the advisories of PyPI's service and those of GitHub.
OSV = "https://api.osv.dev/v1/query"
# Installed with Python or the machine; no file of the project names them.
_NOT_OURS = {"pip", "setuptools"}
# With its defaults npm retries for minutes if the registry is not reachable.
_NPM_TIMEOUTS = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000")
# Statuses for an invalid request, which is a failure, unlike a missing endpoint.
_INVALID_REQUEST = {400, 422}


def accepted_advisories(root: Path) -> frozenset[str]:
    """Return the ids of accepted advisories.

    Raises:
        ValueError: an advisory is accepted without a reason.

    """
    reasons = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["security"]["accepted"]
    missing = [each for each, reason in reasons.items() if not reason.strip()]
    if missing:
        raise ValueError(
            f"pyproject.toml, tool.security.accepted: {', '.join(missing)} without a reason"
        )
    return frozenset(reasons)


def pip_audit(
    requirements: Iterable[Path],
    environments: Iterable[Path],
    known: frozenset[str] = frozenset(),
    url: str = OSV,
) -> Outcome:
    """Check the packages of requirements files and virtual environments with pip-audit.

    `environments` that are not installed are ignored. `known` are the ids of accepted advisories.
    """
    error = _connection_error(url)
    if error:
        return Outcome(Status.UNAVAILABLE, (f"the service is unavailable: {error}",))
    command = [str(BIN / "pip-audit"), "--strict", "--format", "json", "--progress-spinner", "off"]
    command += ["--vulnerability-service", "osv", "--osv-url", url]
    # One list with hashes requires hashes in all lists of the same call.
    lists = {True: list[Path](), False: list[Path]()}
    for path in requirements:
        lists["--hash=" in path.read_text()].append(path)
    audits = [
        ["--no-deps", "--disable-pip", *(f"--requirement={path}" for path in paths)]
        for paths in lists.values()
        if paths
    ]
    places = [path for each in environments for path in each.glob("lib/python*/site-packages")]
    audits += [["--path", str(each)] for each in places]
    findings: dict[str, None] = {}
    for arguments in audits:
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
    """Check each package of package-lock.json with npm audit."""
    option = ["--registry", registry] if registry else []
    done = run(["npm", "audit", "--json", "--package-lock-only", *_NPM_TIMEOUTS, *option], folder)
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        report = {}
    if "auditReportVersion" in report:
        return Outcome.of(tuple(dict.fromkeys(_of_node(report, known))))
    if "message" in report and report.get("statusCode") not in _INVALID_REQUEST:
        line = f"the registry is unavailable: {report['message']}"
        return Outcome(Status.UNAVAILABLE, (line,))
    return Outcome(Status.FAILED, ((done.stdout + done.stderr).strip(),))


def _connection_error(url: str) -> str | None:
    """Return the error of a test query to a service like OSV; None if it succeeds."""
    query = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "1.0"}
    request = urllib.request.Request(url, json.dumps(query).encode())  # noqa: S310 - see OSV
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # nosec B310 # noqa: S310
            json.load(response)
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
            # A text is the name of a dependency with the advisory; the report contains it as well.
            if isinstance(each, str) or each["url"].rpartition("/")[2] in known:
                continue
            yield f"{name} {each['range']}: {each['title']} ({each['severity']}) {each['url']}"
