"""The reservations of concurrent executions at a deploy, against the rules of Lambda."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from devops_core.settings import Settings
from tests.infra.conftest import run_node

# Lambda API, PutFunctionConcurrency: "as long as you leave at least 100 simultaneous executions
# unreserved for functions that aren't configured with a per-function limit".
UNRESERVED = 100
API = (
    "create", "deployNonProd", "deployProdBlue", "swap", "delete", "abort", "query", "inventory"
)  # fmt: skip
PLUGIN = """
const Concurrency = require("./serverless/concurrency.js");
const { LambdaClient } = require("@aws-sdk/client-lambda");
const { names, unreserved, installed, apiconcurrency, denied } = JSON.parse(process.argv[1]);
LambdaClient.prototype.send = async ({ constructor: { name }, input }) => {
  if (name === denied) throw Object.assign(new Error("denied"), { name: "AccessDeniedException" });
  if (name === "GetAccountSettingsCommand") {
    return { AccountLimit: { UnreservedConcurrentExecutions: unreserved } };
  }
  if (!(input.FunctionName in installed)) {
    throw Object.assign(new Error("missing"), { name: "ResourceNotFoundException" });
  }
  const found = installed[input.FunctionName];
  return found ? { ReservedConcurrentExecutions: found } : {};
};
const logicalId = (name) => `${name}Function`;
const resource = () => ({ Properties: { Environment: { Variables: { WAITING_LIMIT: "" } } } });
const Resources = Object.fromEntries(names.map((name) => [logicalId(name), resource()]));
const functions = Object.fromEntries(names.map((name) => [name, { name: `devops-${name}` }]));
const lines = [];
const serverless = {
  service: {
    functions,
    custom: { parameters: { apiconcurrency } },
    provider: { compiledCloudFormationTemplate: { Resources } },
  },
  getProvider: () => ({
    getAwsSdkV3Config: async () => ({ region: "eu-west-1" }),
    naming: { getLambdaLogicalId: logicalId },
  }),
};
const log = { notice: (line) => lines.push(line), warning: (line) => lines.push(line) };
new Concurrency(serverless, {}, { log }).hooks["before:deploy:deploy"]().then(() => {
  const properties = names.map((name) => [name, Resources[logicalId(name)].Properties]);
  console.log(JSON.stringify({
    line: lines.join(),
    reserved: Object.fromEntries(properties.map(([name, { ReservedConcurrentExecutions }]) =>
      [name, ReservedConcurrentExecutions ?? null])),
    waiting: [...new Set(properties.map(([, { Environment }]) =>
      Environment.Variables.WAITING_LIMIT))],
  }));
});
"""


class Deploy:
    """The result of a deploy; `unreserved` is the value of GetAccountSettings."""

    def __init__(
        self,
        unreserved: int,
        apiconcurrency: str = "",
        installed: Mapping[str, int | None] | None = None,
        denied: str = "",
    ) -> None:
        there = {f"devops-{name}": value for name, value in (installed or {}).items()}
        account = {
            "names": [*API, "reconcile"],
            "unreserved": unreserved,
            "installed": there,
            "apiconcurrency": apiconcurrency,
            "denied": denied,
        }
        done = run_node("-e", PLUGIN, json.dumps(account))
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        self.line: str = found["line"]
        self.reserved = {name: each for name, each in found["reserved"].items() if each}
        (self.waiting,) = found["waiting"]
        available = unreserved + sum(value or 0 for value in there.values())
        reserved = sum(self.reserved.values())
        assert not reserved or available - reserved >= UNRESERVED


def test_reconcile_has_a_reservation_and_half_of_the_other_executions_can_wait() -> None:
    deploy = Deploy(1000)
    assert deploy.reserved == {"reconcile": 10}
    assert deploy.waiting == "495"
    assert deploy.line == (
        "Reserved 10 executions for reconcile. At most 495 calls wait at the same time."
    )


@pytest.mark.parametrize(("unreserved", "reserved"), [(10, 0), (109, 0), (110, 10), (500, 10)])
def test_one_hundred_executions_remain_unreserved(unreserved: int, reserved: int) -> None:
    deploy = Deploy(unreserved)
    assert sum(deploy.reserved.values()) == reserved
    assert deploy.waiting == str((unreserved - reserved) // 2)


def test_a_new_account_is_deployed_without_a_reservation() -> None:
    deploy = Deploy(10, "50")
    assert deploy.reserved == {}
    assert deploy.waiting == "5"
    missing = "100 of 10 available executions must remain unreserved"
    assert deploy.line == (
        f"Reserved no executions for reconcile: {missing}."
        f" Did not limit the functions of the API to 50 executions: {missing}."
        " At most 5 calls wait at the same time."
    )


def test_each_function_of_the_api_has_the_limit() -> None:
    deploy = Deploy(1000, "50")
    assert deploy.reserved == {"reconcile": 10, **dict.fromkeys(API, 50)}
    assert deploy.waiting == "25"
    assert " Limited each function of the API to 50 executions." in deploy.line


@pytest.mark.parametrize(("limit", "functions"), [("111", 9), ("112", 1)])
def test_a_limit_that_is_too_high_keeps_the_reservation_of_reconcile(
    limit: str, functions: int
) -> None:
    deploy = Deploy(1000, limit)
    assert len(deploy.reserved) == functions
    assert deploy.waiting == str(int(limit) // 2)


def test_a_second_deploy_keeps_its_own_reservations() -> None:
    first = Deploy(1000, "100")
    assert len(first.reserved) == 9
    left = 1000 - sum(first.reserved.values())
    assert left < 200
    second = Deploy(left, "100", installed=first.reserved)
    assert (second.reserved, second.waiting) == (first.reserved, first.waiting)


def test_a_function_without_a_reservation_adds_nothing() -> None:
    assert Deploy(500, installed={**dict.fromkeys(API, None), "reconcile": 10}).waiting == "250"


@pytest.mark.parametrize("denied", ["GetAccountSettingsCommand", "GetFunctionConcurrencyCommand"])
def test_a_deploy_without_the_permission_reserves_nothing_and_says_so(denied: str) -> None:
    deploy = Deploy(1000, "50", denied=denied)
    assert deploy.reserved == {}
    assert deploy.waiting == ""
    assert "Reserved no executions" in deploy.line
    assert "lambda:GetAccountSettings" in deploy.line


@pytest.mark.parametrize(("value", "limit"), [("", None), ("0", 0), ("25", 25)])
def test_the_functions_read_the_limit(
    lambda_environment: dict[str, str], value: str, limit: int | None
) -> None:
    assert lambda_environment["WAITING_LIMIT"] == ""
    settings = Settings.from_environment({**lambda_environment, "WAITING_LIMIT": value})
    assert settings.waiting_limit == limit
