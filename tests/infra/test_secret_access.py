"""With teams, the permissions boundary lets the roles of a team read only its secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from devops_core.access import AccessPolicy
from devops_core.model.secret import Secret
from tests.infra.conftest import Packaged, run_node
from tests.infra.reference import VALUES, Statement, listed, resources, statements
from tests.infra.test_policies import faults
from tests.lab.templates import APPLICATION, ROOT, Template, load, of_type, unroll
from tools.laptop.packages import GOOD

RUN = """
const fs = require("node:fs");
const Boundary = require("./serverless/boundary.js");
const [file, parameters] = process.argv.slice(1);
const compiledCloudFormationTemplate = JSON.parse(fs.readFileSync(file, "utf8"));
const serverless = {
  classes: { Error },
  service: {
    custom: { parameters: JSON.parse(parameters) },
    provider: { compiledCloudFormationTemplate },
  },
};
try {
  const { hooks } = new Boundary(serverless);
  hooks["after:aws:package:finalize:mergeCustomProviderResources"]();
  console.log(JSON.stringify(compiledCloudFormationTemplate));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
"""
MANAGER = f"arn:aws:secretsmanager:eu-west-1:{VALUES['AWS::AccountId']}:secret:"
STORE = f"arn:aws:ssm:eu-west-1:{VALUES['AWS::AccountId']}:parameter/"
# The action that reads a value, by service.
READS = {
    action.partition(":")[0]: action
    for action in ("secretsmanager:GetSecretValue", "ssm:GetParameters")
}
PREFIXES = {"payments": ["payments/", "shared/"], "search": ["search/"]}
TEAMS: dict[str, list[str]] = {"payments": [], "search": [], "mail + post": []}
KEYS = ["arn:aws:kms:eu-west-1:012345678901:key/01234567-89ab-cdef-0123-456789abcdef"]
# Values of kms:ViaService, and whether a role can use a key for them.
VIA = [
    ("secretsmanager.eu-west-1.amazonaws.com", True),
    ("secretsmanager.eu-west-1.amazonaws.com.cn", True),
    ("ssm.eu-west-1.amazonaws.com", True),
    ("secretsmanager.eu-west-2.amazonaws.com", False),
    ("s3.eu-west-1.amazonaws.com", False),
]
TAG = "technicalTeam"
LONGEST = 6144


class Boundary:
    """The statements of the boundary after the plugin has run, and a judge of them."""

    def __init__(self, template: Template) -> None:
        (policy,) = of_type(template, "AWS::IAM::ManagedPolicy").values()
        self.document = policy["PolicyDocument"]
        self.statements: list[Statement] = self.document["Statement"]

    def reads(self, arn: str, role: Mapping[str, str], secret: Mapping[str, str] = {}) -> bool:
        """Return whether a role with tags can read a secret with tags.

        The rules: IAM User Guide, "Policy evaluation logic", "Condition operators" and "Policy
        variables with no value".
        """
        keys = {f"aws:PrincipalTag/{key}".lower(): value for key, value in role.items()}
        keys |= {f"aws:ResourceTag/{key}".lower(): value for key, value in secret.items()}
        action = READS[arn.split(":")[2]]
        return any(
            each["Effect"] == "Allow"
            and action in listed(each["Action"])
            and any(_matches(pattern, arn) for pattern in resources(each, {}))
            and _holds(each.get("Condition", {}), keys)
            for each in self.statements
        )

    @property
    def size(self) -> int:
        """The number of characters that IAM counts."""
        return len(re.sub(r"\s", "", json.dumps(_filled(self.document), separators=(",", ":"))))


def _matches(pattern: str, arn: str) -> bool:
    parts = (re.escape(each) for each in pattern.split("*"))
    return re.fullmatch(".*".join(parts), arn) is not None


def _holds(conditions: Mapping[str, Mapping[str, Any]], keys: Mapping[str, Any]) -> bool:
    """Return whether all conditions hold; keys of conditions have no upper and lower case."""
    return all(
        _JUDGES[operator](keys.get(key.lower()), _value(expected, keys))
        for operator, each in conditions.items()
        for key, expected in each.items()
    )


def _value(expected: Any, keys: Mapping[str, Any]) -> Any:
    """Return the text of a condition, with the value of a policy variable; None without one."""
    text = expected
    if isinstance(expected, dict):
        separator, parts = expected["Fn::Join"]
        text = separator.join(parts)
    variable = re.fullmatch(r"\$\{([^}]+)\}", text)
    return keys.get(variable[1].lower()) if variable else text


_JUDGES: Mapping[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda found, expected: None is not found == expected,
    "Null": lambda found, expected: (found is None) == (expected == "true"),
    "ForAllValues:StringNotEqualsIgnoreCase": lambda found, expected: (
        expected.lower() not in [each.lower() for each in found or ()]
    ),
}


def _filled(node: Any) -> Any:
    if isinstance(node, dict) and "Fn::Sub" in node:
        return re.sub(r"\$\{(AWS::\w+)\}", lambda found: VALUES[found[1]], node["Fn::Sub"])
    if isinstance(node, dict):
        return {key: _filled(each) for key, each in node.items()}
    return [_filled(each) for each in node] if isinstance(node, list) else node


def run(
    packaged: Packaged,
    folder: Path,
    teams: Mapping[str, Any] = TEAMS,
    prefixes: Mapping[str, Any] = PREFIXES,
    keys: Sequence[str] = (),
    ecsexec: str = "false",
) -> tuple[Template, str]:
    """Return the template after the plugin, and the error that stops the deploy."""
    file = folder / "template.json"
    file.write_text(json.dumps(packaged.template))
    parameters: dict[str, Any] = {"teams": teams, "secretprefixes": prefixes}
    parameters |= {"secretkeys": [*keys], "ecsexec": ecsexec}
    parameters |= {"accountid": GOOD["accountid"].strip('"'), "region": GOOD["region"]}
    done = run_node("-e", RUN, str(file), json.dumps(parameters))
    return json.loads(done.stdout or "{}"), done.stderr


@pytest.fixture(scope="module")
def template(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Template:
    found, error = run(packaged, tmp_path_factory.mktemp("boundary"))
    assert not error
    return found


@pytest.fixture(scope="module")
def boundary(template: Template) -> Boundary:
    return Boundary(template)


def of(team: str | None) -> dict[str, str]:
    return {TAG: team} if team else {}


def foreign(arn: str) -> str:
    return arn.replace(VALUES["AWS::AccountId"], "999999999999")


CASES = [
    # The tag rule.
    (f"{MANAGER}vault-AbCdEf", "payments", "payments", True),
    (f"{STORE}vault", "payments", "payments", True),
    (f"{MANAGER}vault-AbCdEf", "mail + post", "mail + post", True),
    (f"{MANAGER}vault-AbCdEf", "payments", "search", False),
    (f"{MANAGER}vault-AbCdEf", "payments", "Payments", False),
    (f"{MANAGER}vault-AbCdEf", "payments", None, False),
    (f"{MANAGER}vault-AbCdEf", "payments", "*", False),
    (f"{MANAGER}vault-AbCdEf", None, "payments", False),
    (f"{MANAGER}vault-AbCdEf", None, None, False),
    (
        f"{MANAGER}vault-AbCdEf".replace("012345678901", "999999999999"),
        "payments",
        "payments",
        False,
    ),
    # The prefixes.
    (f"{MANAGER}payments/db-AbCdEf", "payments", None, True),
    (f"{STORE}shared/db", "payments", "search", True),
    (f"{MANAGER}payments/db-AbCdEf".replace("eu-west-1", "us-east-1"), "payments", None, True),
    (f"{MANAGER}payments/db-AbCdEf", "search", None, False),
    (f"{MANAGER}payments/db-AbCdEf", None, None, False),
    (f"{MANAGER}payments/db-AbCdEf", "*", None, False),
    (f"{MANAGER}payments/db-AbCdEf", "mail + post", None, False),
    (f"{MANAGER}payments-AbCdEf", "payments", None, False),
    (f"{MANAGER}x/payments/db-AbCdEf", "payments", None, False),
    (
        f"{MANAGER}payments/db-AbCdEf".replace("012345678901", "999999999999"),
        "payments",
        None,
        False,
    ),
]


@pytest.mark.parametrize(("arn", "role", "owner", "allowed"), CASES)
def test_a_role_reads_only_the_secrets_of_its_team(
    boundary: Boundary, arn: str, role: str | None, owner: str | None, allowed: bool
) -> None:
    assert boundary.reads(arn, of(role), of(owner)) is allowed


@pytest.mark.parametrize(("arn", "role", "owner", "allowed"), CASES)
def test_the_service_never_accepts_a_secret_that_the_boundary_denies(
    boundary: Boundary, arn: str, role: str | None, owner: str | None, allowed: bool
) -> None:
    policy = AccessPolicy.parse(json.dumps({"secretPrefixes": PREFIXES}))
    own_account = arn.split(":")[4] == VALUES["AWS::AccountId"]
    named = policy.may_use(role or "", Secret.parse(arn).name)
    accepted = own_account and bool(role) and (named or role == owner)
    assert accepted == allowed == boundary.reads(arn, of(role), of(owner))


# The request tags, the tags of the role, and whether CloudFormation's role may set them.
TAGGING: list[tuple[dict[str, str], dict[str, str], bool]] = [
    (of("payments"), of(None), True),
    (of("payments"), of("payments"), True),
    (of("search"), of("payments"), False),
    ({"TechnicalTeam": "search"}, of("payments"), False),
    ({"cost": "1"}, of("payments"), True),
    ({"cost": "1"}, {}, True),
    (of("search") | {"cost": "1"}, of("payments"), False),
]


@pytest.mark.parametrize(("request_tags", "role", "allowed"), TAGGING)
def test_no_stack_can_give_a_role_to_another_team(
    packaged: Packaged, request_tags: dict[str, str], role: dict[str, str], allowed: bool
) -> None:
    keys = {f"aws:RequestTag/{key}".lower(): value for key, value in request_tags.items()}
    keys |= {f"aws:ResourceTag/{key}".lower(): value for key, value in role.items()}
    assert permitted(packaged.template, "iam:TagRole", keys) is allowed


@pytest.mark.parametrize(
    ("removed", "allowed"),
    [(["cost"], True), (["cost", TAG], False), ([TAG], False), (["TECHNICALTEAM"], False)],
)
def test_no_stack_can_remove_the_team_of_a_role(
    packaged: Packaged, removed: list[str], allowed: bool
) -> None:
    assert permitted(packaged.template, "iam:UntagRole", {"aws:tagkeys": removed}) is allowed


def permitted(template: Template, action: str, keys: Mapping[str, Any]) -> bool:
    """Return whether the role of CloudFormation allows an action on a role of an application."""
    (policy,) = of_type(template, "AWS::IAM::Role")["StackRole"]["Policies"]
    return any(
        action in listed(each["Action"]) and _holds(each.get("Condition", {}), keys)
        for each in policy["PolicyDocument"]["Statement"]
    )


def test_without_teams_the_boundary_does_not_change(packaged: Packaged, tmp_path: Path) -> None:
    unchanged, _ = run(packaged, tmp_path, {}, {})
    assert unchanged == packaged.template
    assert Boundary(unchanged).reads(f"{MANAGER}vault-AbCdEf", {})


@pytest.mark.parametrize("teams", [{}, TEAMS])
def test_roles_use_exactly_the_listed_keys_to_read_secrets(
    packaged: Packaged, tmp_path: Path, teams: Mapping[str, Any]
) -> None:
    plain, _ = run(packaged, tmp_path, teams, {})
    found, error = run(packaged, tmp_path, teams, {}, KEYS)
    assert not error
    *others, last = Boundary(found).statements
    assert others == Boundary(plain).statements
    assert (last["Action"], last["Resource"]) == ("kms:Decrypt", KEYS)
    ((operator, condition),) = last["Condition"].items()
    assert (operator, [*condition]) == ("StringLike", ["kms:ViaService"])
    application = statements(unroll(load(APPLICATION), {"Environments": ["dev"]}))
    roles = [each for each in application if "kms:Decrypt" in listed(each["Action"])]
    assert len(roles) == 3
    assert all(_filled(each["Condition"]) == _filled(last["Condition"]) for each in roles)
    # The values are those of the KMS Developer Guide, "kms:ViaService".
    patterns = _filled(condition)["kms:ViaService"]
    for service, allowed in VIA:
        assert any(fnmatchcase(service, each) for each in patterns) is allowed, service
    assert faults(last, {}) == []


def test_the_boundary_allows_ecs_exec_only_with_the_option(
    packaged: Packaged, tmp_path: Path
) -> None:
    found, error = run(packaged, tmp_path, {}, {}, ecsexec="true")
    assert not error
    *others, last = Boundary(found).statements
    assert others == Boundary(packaged.template).statements
    # ECS Developer Guide, "Task IAM role", "ECS Exec permissions".
    assert {*last["Action"]} == {
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    }
    assert faults(last, {}) == []


def test_the_other_permissions_do_not_change(template: Template, packaged: Packaged) -> None:
    def others(each: Template) -> list[Statement]:
        return [one for one in Boundary(each).statements if not _reads_secrets(one)]

    assert others(template) == others(packaged.template) != []


def _reads_secrets(statement: Statement) -> bool:
    return set(READS.values()) <= {*listed(statement["Action"])}


def test_aws_knows_the_actions_the_resources_and_the_keys(boundary: Boundary) -> None:
    found = [fault for each in boundary.statements for fault in faults(each, {})]
    assert found == []


def test_no_text_of_a_parameter_is_a_wildcard_or_a_variable(boundary: Boundary) -> None:
    for statement in filter(_reads_secrets, boundary.statements):
        for arn in resources(statement, {}):
            assert arn.count("*") == 2, arn
            assert arn.endswith("*")
            assert "$" not in arn


def prefixes_of(count: int) -> dict[str, list[str]]:
    return {f"team-{number:02}": [f"team-{number:02}/"] for number in range(count)}


def test_the_longest_boundary_that_iam_accepts_is_deployed(
    packaged: Packaged, tmp_path: Path
) -> None:
    sizes: list[int] = []
    error = ""
    while not error:
        prefixes = prefixes_of(len(sizes))
        longest, error = run(packaged, tmp_path, {"payments": [], **prefixes}, prefixes)
        sizes += [] if error else [Boundary(longest).size]
    assert sizes[-1] <= LONGEST
    next_size = 2 * sizes[-1] - sizes[-2]
    assert next_size > LONGEST
    assert f"the permissions boundary has {next_size} characters, and IAM allows 6144. " in error
    assert "Write fewer or shorter prefixes, or give the secrets the tag technicalTeam" in error


def test_spaces_in_the_name_of_a_team_count(packaged: Packaged, tmp_path: Path) -> None:
    """IAM excludes white space; whether also inside of texts is not documented."""
    spaces = [" " * length for length in range(1, 121)]
    prefixes = {f"a{space}z": ["x/"] for space in spaces}
    _, long = run(packaged, tmp_path, prefixes, prefixes)
    same = {f"a{'-' * len(space)}z": ["x/"] for space in spaces}
    _, expected = run(packaged, tmp_path, same, same)
    assert long == expected != ""


def test_a_boundary_without_the_statement_stops_the_deploy(
    packaged: Packaged, tmp_path: Path
) -> None:
    changed = json.loads(json.dumps(packaged.template))
    statements = Boundary(changed).statements
    statements[:] = [each for each in statements if each.get("Sid") != "ReadSecrets"]
    _, error = run(packaged._replace(template=changed), tmp_path)
    assert "lacks the statement ReadSecrets" in error


def test_the_deploy_uses_the_plugin() -> None:
    assert "./serverless/boundary.js" in load(ROOT / "serverless.yml")["plugins"]
