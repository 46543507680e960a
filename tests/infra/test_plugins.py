"""The plugins of the deploy tool that stop a deploy before it does harm."""

from __future__ import annotations

import pytest

from tests.infra.conftest import run_node

CHECK = """
const CheckAccount = require("./serverless/check-account.js");
const [accountid, actual, ...commands] = process.argv.slice(1);
const serverless = {
  classes: { Error },
  service: { custom: { parameters: { accountid } } },
  processedInput: { commands },
  getProvider: () => ({ getAccountId: async () => actual }),
};
new CheckAccount(serverless).hooks.initialize().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
"""
OURS, THEIRS = "012345678901", "999999999999"


@pytest.mark.parametrize("command", ["deploy", "remove", "rollback"])
def test_nothing_is_changed_in_another_account(command: str) -> None:
    done = run_node("-e", CHECK, OURS, THEIRS, command)
    assert done.returncode == 1
    assert done.stderr.startswith(f"accountid: the parameters contain {OURS}, but")
    assert THEIRS in done.stderr


def test_the_account_of_the_parameters_is_deployed_to() -> None:
    assert run_node("-e", CHECK, OURS, OURS, "deploy").returncode == 0


def test_packaging_needs_no_credentials() -> None:
    assert run_node("-e", CHECK, OURS, THEIRS, "package").returncode == 0
