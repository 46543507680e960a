"""Facts on several pages: each page states the same, and the value of the code."""

from __future__ import annotations

import json
import re
import tomllib
from typing import NamedTuple

import pytest

from devops_cli import client as cli_client
from devops_core.adapters import web
from devops_core.drift.check import APPLICATIONS_PER_RUN
from devops_core.engine import pace, sweep
from devops_core.engine.accept import IDEMPOTENCY_VALIDITY
from devops_core.http import responses
from devops_core.http.request import MAX_BODY_BYTES, MAX_SPECIFICATION_BYTES, MAX_WAIT_SECONDS
from devops_core.model.operation import GRACE, LEASE
from devops_core.naming import SLOTS
from devops_core.render import MAX_TEMPLATE_BODY, MAX_TEMPLATE_BYTES
from devops_core.requests import scaling, specification, specification_rules
from tests.infra.test_docs import rows
from tests.lab.kinds import RULES
from tests.lab.templates import ROOT, load

PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for pattern in ("*.md", "docs/**/*.md", "tests/**/README.md")
    for path in sorted(ROOT.glob(pattern))
    if path.name != "api.md"
}
_FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
TEXTS = {name: " ".join(_FENCED.sub("", text).split()) for name, text in PAGES.items()}
SERVICE = load(ROOT / "serverless.yml")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PARAMETERS = (ROOT / "parameters.yml").read_text()
_LEAST, _SPREAD = responses._RETRY_WAIT
NODE = "20.19, 22.13 or 24"
ALARMS = re.findall(
    "Type: AWS::CloudWatch::Alarm", (ROOT / "serverless" / "alarms.yml").read_text()
)
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def default(key: str) -> str:
    """Return the default of a parameter, as parameters.yml documents it."""
    found = re.search(rf"^#{key}: (.*)$", PARAMETERS, re.MULTILINE)
    assert found
    return found[1]


def constant(file: str, name: str) -> int:
    """Return a number that a file of serverless/ declares."""
    found = re.search(rf"^const {name} = (\d+);", (ROOT / "serverless" / file).read_text(), re.M)
    assert found
    return int(found[1])


class Fact(NamedTuple):
    """A pattern with one group, the value of the group, and the least number of pages with it."""

    pattern: str
    value: object
    pages: int = 1


FACTS = {
    "size of a body": Fact(r"(?:at most|[Bb]ody \||body) (\d+) KiB", MAX_BODY_BYTES // 1024, 3),
    "size of the body of a create": Fact(
        r"(\d+) KiB (?:for|of) a create or an update", MAX_SPECIFICATION_BYTES // 1024, 3
    ),
    "longest wait": Fact(
        r"(?:wait up to|maximum is|`Prefer: wait=N`\) \||of Lambda for up to) (\d+)",
        MAX_WAIT_SECONDS, 4,
    ),
    "pause after a refused wait": Fact(
        r"`Retry-After` has (\d+ to \d+) seconds", f"{_LEAST} to {_LEAST + _SPREAD - 1}"
    ),
    "lease": Fact(r"after \[?at most (\d+) seconds", LEASE.seconds, 3),
    "grace period": Fact(
        r"(?:grace period of |fails )(\d+) minutes", GRACE.seconds // 60, 3
    ),
    "applications of a drift check": Fact(
        r"(?:up to|drift check reads at most) (\d+) applications", APPLICATIONS_PER_RUN, 3
    ),
    "validity of a key": Fact(
        r"(?:Until|`Idempotency-Key` \|) (\d+) hours", IDEMPOTENCY_VALIDITY.days * 24, 2
    ),
    "length of a key": Fact(r"1 to (\d+) (?:printable|characters\.? \| Afterwards)", 255, 2),
    "tasks": Fact(r"Tasks in each service[^|]*\| (\d+) \|", scaling.MAX_TASKS),
    "settings": Fact(
        r"command of an environment \| (\d+) KiB", specification_rules.MAX_SETTINGS_BYTES // 1024
    ),
    "tags": Fact(r"resources; at most (\d+)", specification.MAX_TAGS),
    "time of a warm-up": Fact(r"after (\d) seconds at the latest", int(web.TIMEOUT)),
    "template": Fact(
        r"(?:A template has at most|#size\) \|) ([\d,]+) bytes", f"{MAX_TEMPLATE_BYTES:,}", 2
    ),
    "template without a URL": Fact(r"[Oo]ver ([\d,]+) bytes", f"{MAX_TEMPLATE_BODY:,}", 2),
    "task roles": Fact(r"`taskroles` ([\d,]+) characters",
                       f"{constant('contradictions.js', 'LONGEST_TASK_ROLES'):,}"),
    "access lists": Fact(r"`taskroles` \| ([\d,]+) bytes",
                         f"{constant('contradictions.js', 'LONGEST_ACCESS_POLICY'):,}"),
    "rate": Fact(r"`ratelimit` (\d+) per", default("ratelimit")),
    "burst": Fact(r"`burstlimit` (\d+)", default("burstlimit")),
    "simultaneous operations": Fact(
        r"(\w+) (?:at the same time, for|operations at the same time, in)",
        _NUMBERS[sweep.WORKERS], 2,
    ),
    "time for operations": Fact(r"for (\d+) seconds", sweep.BUDGET.seconds, 2),
    "reads at once": Fact(r"schedule makes (\d+) at once", pace.BURST),
    "pace of reads": Fact(r"at once, then (\w+) per second \| None", _NUMBERS[pace.RATE]),
    "end of a run": Fact(r"returns after at most (\d+)", sweep.LIMIT.seconds),
    "time limit of reconcile": Fact(
        r"(?:reconcile function \||runs longer than) (\d+) s",
        SERVICE["functions"]["reconcile"]["timeout"], 2,
    ),
    "time limit of a call": Fact(
        r"(?:after|for at most|of a call \|) (\d+) s(?:econds)?(?:\.| \(API)",
        SERVICE["provider"]["timeout"], 2,
    ),
    "functions": Fact(r"(\d+) Lambda functions", len(SERVICE["functions"])),
    "retries of devops": Fact(
        r"repeats it up to (\w+) times", _NUMBERS[cli_client.ATTEMPTS - 1]
    ),
    "Python": Fact(
        r"Python (3\.\d+) (?:to|or)", PROJECT["requires-python"].removeprefix(">="), 4
    ),
    "days of images without a tag": Fact(r"after (\d+) days", 14, 2),
    "alarms": Fact(r"([a-z]+) alarms report", _NUMBERS[len(ALARMS)]),
    "price of alarms": Fact(r"(\d+) alarms, 1 dashboard", len(ALARMS)),
    "versions of Node.js": Fact(r"Node\.js ([\d.]+, [\d.]+ or \d+)", NODE, 3),
    "curl that signs": Fact(r"curl`? (\d\.\d+) or newer", "7.75", 2),
}  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
def test_each_page_states_the_value_of_the_code(name: str) -> None:
    fact = FACTS[name]
    found = {page: re.findall(fact.pattern, text) for page, text in TEXTS.items()}
    stated = {page: values for page, values in found.items() if values}
    assert len(stated) >= fact.pages
    assert {page: values for page, values in stated.items() if {*values} != {str(fact.value)}} == {}


def test_only_a_delete_cannot_be_aborted() -> None:
    told = {
        kind.replace("deploy-blue", "promote"): "NOT_ABORTABLE" in row[1]
        for row in rows(PAGES["docs/operations.md"], "Abort an operation")
        for kind in row[0].split(", ")
    }
    assert told == {
        name.replace("deploy-blue", "promote"): kind.abort is None for name, kind in RULES.items()
    }
    guides = {
        page: re.findall(r"A (\w+) cannot be (?:aborted|cancelled|stopped)", text)
        for page, text in TEXTS.items()
    }
    assert {page: kinds for page, kinds in guides.items() if kinds} == {
        "docs/deletestack.md": ["delete"]
    }


def test_the_durations_of_commands_are_those_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    described = dict(re.findall(r"^([a-z-]+):.*## .*\b(\d+ min)", makefile, re.MULTILINE))
    assert {"test", "proofs", "security"} <= described.keys()
    told = [
        (command, duration.replace("minutes", "min"))
        for text in PAGES.values()
        for command, duration in re.findall(
            r"^\| `make ([a-z]+)` \|.*?(\d[\d.]* min(?:utes)?)\b.*\|$", text, re.MULTILINE
        )
    ]
    assert len(told) > 3
    assert [each for each in told if each[0] in described and described[each[0]] != each[1]] == []


def numbers(cells: list[str]) -> list[int]:
    """Return the numbers of cells; a cell without a number is zero."""
    return [int(re.sub(r"\D", "", cell) or 0) for cell in cells]


def test_the_sums_of_the_faults_are_correct() -> None:
    page = PAGES["docs/reliability.md"]
    *cases, total = [numbers(row[2:4]) for row in rows(page, "Faults at each call")]
    assert [sum(column) for column in zip(*cases, strict=True)] == total
    told = re.findall(r"ARGS=(?:memory|adapters)` \| ([\d,]+) cases", page)
    assert numbers(told) == total


def test_the_sum_of_the_interleavings_is_correct() -> None:
    page, details = PAGES["docs/reliability.md"], PAGES["tests/proofs/README.md"]
    found = sum(numbers([row[1]])[0] for row in rows(details, "Interleavings"))
    assert f"| `make races` | {found:,} interleavings |" in page


def test_the_sums_of_the_cost_are_correct() -> None:
    page = PAGES["docs/cost.md"]
    items: list[float] = []
    sums: dict[str, float] = {}
    table = [row for row in rows(page, "Example: four services") if len(row) == 3]
    for name, _, text in table:
        value = float(re.sub(r"[^\d.]", "", text) or 0)
        if name.startswith("**"):
            sums[name.strip("*")] = value
            assert value == pytest.approx(sum(items or sums.values()) - (0 if items else value))
            items = []
        elif text.replace(".", "").isdigit():
            items.append(value)
    assert [*sums] == ["Applications", "Service", "Total"]
    assert f"service      = {sums['Service']}" in page
    resources = load(ROOT / "serverless" / "web-acl.yml")["create"]["Resources"]
    web_acl = 5 + len(resources["WebAcl"]["Properties"]["Rules"])
    assert f"| `webacl: create`: a web ACL with two rules | {web_acl:.2f} |" in page
    assert (
        f"about {sums['Service']:.0f} USD a month, and about {sums['Service'] + web_acl:.0f} USD"
        in (TEXTS["docs/cost.md"]).replace("\n", " ")
    )


def test_the_number_of_applications_follows_from_the_quotas() -> None:
    """With dev and qa: E is 2."""
    text = TEXTS["docs/limits.md"]
    balancers = re.search(r"\| (\d+) \| E \+ 1 for each application: (\d+)", text)
    roles = re.search(
        r"\| ([\d,]+) \| (\d+) for the service, E \+ 2 for each application: about (\d+)", text
    )
    assert balancers
    assert roles
    assert int(balancers[2]) == int(balancers[1]) // 3
    assert int(roles[3]) == (numbers([roles[1]])[0] - int(roles[2])) // (2 + len(SLOTS))
    # One for each function, that of CloudFormation and that of API Gateway.
    assert int(roles[2]) == len(SERVICE["functions"]) + 2


def test_the_versions_of_node_are_those_of_the_package() -> None:
    engines = json.loads((ROOT / "package.json").read_text())["engines"]["node"]
    assert engines == "^20.19.0 || ^22.13.0 || >=24"
    assert [each.split(".")[0] for each in re.findall(r"\d[\d.]*", NODE)] == ["20", "22", "24"]
