"""parameters.yml and its check: what is wrong is named, all of it, before anything is deployed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from devops_core.access import AccessPolicy
from devops_core.settings import TemplateLocation
from tests.infra.conftest import run_node
from tests.lab.templates import ROOT
from tools.laptop.packages import GOOD, parameters_file

REQUIRED = list(GOOD)
OPTIONAL = [
    "subnets",
    "elbsubnets",
    "publicurl",
    "requiredtags",
    "maxvcpus",
    "logretentiondays",
    "productionscheme",
    "certificatearn",
    "datastores",
    "containerlogs",
    "templatewriters",
    "namedroles",
    "allowedregistries",
    "alarmtopic",
    "notifytopic",
    "slackwebhook",
    "auth",
    "apikeys",
    "allowedcidrs",
    "vpcendpoint",
    "ratelimit",
    "burstlimit",
    "apiconcurrency",
    "webacl",
    "gatewaylogrole",
    "teams",
    "admins",
    "productionapprovers",
    "selfapproval",
    "secretprefixes",
    "secretkeys",
    "taskroles",
    "ecsexec",
]
DELIVERED = ROOT / "parameters.yml"
UUID = "a1b2c3d4-0000-4000-8000-000000000000"
ROLE = "arn:aws:iam::012345678901:role/payments-*"
KEY = f"arn:aws:kms:eu-west-1:012345678901:key/{UUID}"
WRITERS = '["arn:aws:iam::012345678901:role/ci/deploy-*", "arn:aws:iam::012345678901:root"]'

LOAD = """
const load = require("./serverless/parameters.js");
const options = { param: process.argv.slice(1) };
try {
  console.log(JSON.stringify(load({ options })));
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
}
"""


def accepted(path: Path | None, *options: str) -> dict[str, Any]:
    done = run_node("-e", LOAD, *options, parameters=path)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert isinstance(loaded, dict)
    return loaded


def refused(path: Path | None) -> list[str]:
    """Return the problems that the check names, one a line."""
    done = run_node("-e", LOAD, parameters=path)
    assert done.returncode == 1, done.stdout
    first, *problems = done.stderr.strip().splitlines()
    assert "cannot be deployed" in first
    return [problem.removeprefix("  - ") for problem in problems]


def test_a_complete_file_is_accepted_with_defaults(tmp_path: Path) -> None:
    loaded = accepted(parameters_file(tmp_path, GOOD))
    assert loaded["accountid"] == "012345678901"
    assert {key: loaded[key] for key in OPTIONAL} == {
        "subnets": [],
        "elbsubnets": [],
        "publicurl": "",
        "requiredtags": "",
        "maxvcpus": "",
        "logretentiondays": 30,
        "productionscheme": "internal",
        "certificatearn": "",
        "datastores": "create",
        "containerlogs": "true",
        "templatewriters": [],
        "namedroles": "false",
        "allowedregistries": "*",
        "auth": "iam",
        "apikeys": ["default"],
        "allowedcidrs": [],
        "vpcendpoint": "",
        "ratelimit": "50",
        "burstlimit": "100",
        "webacl": "none",
        "apiconcurrency": "",
        "gatewaylogrole": "create",
        "alarmtopic": "",
        "notifytopic": "",
        "slackwebhook": "",
        "teams": {},
        "admins": [],
        "productionapprovers": [],
        "selfapproval": "true",
        "secretprefixes": {},
        "secretkeys": [],
        "taskroles": {},
        "ecsexec": "false",
    }
    assert loaded["templatebucket"] == "ecs-cf-bucket-012345678901-eu-west-1"
    assert loaded["ecsbucket"] == "ecs-bucket-012345678901-eu-west-1"


def test_further_subnets_follow_the_required_ones(tmp_path: Path) -> None:
    third = "subnet-0123456789abcdef5"
    loaded = accepted(parameters_file(tmp_path, {**GOOD, "subnets": f"[{third}]"}))
    assert loaded["allsubnets"] == f"{GOOD['subnet1']},{GOOD['subnet2']},{third}"
    assert loaded["allelbsubnets"] == f"{GOOD['elbsubnet1']},{GOOD['elbsubnet2']}"


def test_an_account_number_without_quotes_keeps_its_zero(tmp_path: Path) -> None:
    loaded = accepted(parameters_file(tmp_path, {**GOOD, "accountid": "012345678901"}))
    assert loaded["accountid"] == "012345678901"


def test_the_delivered_file_names_every_key_that_must_be_filled_in() -> None:
    problems = refused(DELIVERED)
    assert [problem.split(":")[0] for problem in problems] == REQUIRED
    assert all("still holds its placeholder; write " in problem for problem in problems)


@pytest.mark.parametrize("key", REQUIRED)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    without = {each: value for each, value in GOOD.items() if each != key}
    (problem,) = refused(parameters_file(tmp_path, without))
    assert problem.startswith(f"{key}: is missing; write ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("apiname", '""'),
        ("stage", "dev/1"),
        ("stage", "a-stage-with-a-name-that-is-too-long"),
        ("accountid", "12345678901"),
        ("vpc", "vpc-XYZ"),
        ("subnet1", "vpc-0123456789abcdef0"),
        ("subnet2", ""),
        ("elbsubnet1", "[subnet-0123456789abcdef3]"),
        ("elbsubnet2", "subnet-0123456789abcdef3"),
        ("subnet2", "subnet-0123456789abcdef1"),
        ("subnets", "subnet-0123456789abcdef5"),
        ("subnets", "[subnet-0123456789abcdef1]"),
        ("elbsubnets", "[subnet-0123456789abcdef5, subnet-0123456789abcdef5]"),
        ("elbsubnets", "[vpc-0123456789abcdef0]"),
        ("sg", "default"),
        ("elbsg", "sg-1"),
        ("region", "Ireland"),
        ("repouri", "https://example.com/image"),
        ("repouri", "999999999999.dkr.ecr.eu-west-1.amazonaws.com/start:1.0"),
        ("repouri", "012345678901.dkr.ecr.us-east-1.amazonaws.com/start:1.0"),
        ("repouri", "999999999999.dkr-ecr.eu-west-1.on.aws/start:1.0"),
        ("allowedregistries", "ghcr.io"),
        ("allowedregistries", "[ghcr]"),
        ("allowedregistries", "[ghcr.io/team]"),
        ("allowedregistries", "[https://ghcr.io]"),
        ("allowedregistries", "[GHCR.IO]"),
        ("allowedregistries", "[ghcr.io, ghcr.io]"),
        ("allowedregistries", str([f"r{number}.example.com" for number in range(11)])),
        ("cftemplate", "application.yml"),
        ("cftemplate", "https://example.com/application.yml"),
        ("publicurl", "https://api.example.com/"),
        ("maxvcpus", "0"),
        ("maxvcpus", "1.5"),
        ("requiredtags", "costCenter"),
        ("requiredtags", '["cost,center"]'),
        ("requiredtags", '["devops:operation"]'),
        ("logretentiondays", "31"),
        ("productionscheme", "public"),
        ("certificatearn", "arn:aws:iam::012345678901:server-certificate/x"),
        ("certificatearn", "arn:aws:acm:eu-west-1:999999999999:certificate/0a"),
        ("certificatearn", "arn:aws:acm:us-east-1:012345678901:certificate/0a"),
        ("datastores", "keep"),
        ("templatewriters", "everybody"),
        ("templatewriters", '["*"]'),
        ("templatewriters", '["arn:aws:iam::*:role/deploy"]'),
        ("templatewriters", '["arn:aws:iam::999999999999:role/deploy"]'),
        ("templatewriters", '["arn:aws:sts::012345678901:assumed-role/deploy/ci"]'),
        ("templatewriters", str([f"arn:aws:iam::012345678901:role/{n}" for n in range(21)])),
        ("auth", "basic"),
        ("auth", "none"),
        ("apikeys", "[]"),
        ("apikeys", "[a, a]"),
        ("allowedcidrs", "203.0.113.0/24"),
        ("allowedcidrs", "[203.0.113.0]"),
        ("allowedcidrs", "[203.0.113.0/33]"),
        ("allowedcidrs", "[0.0.0.0/0]"),
        ("allowedcidrs", '["::/0"]'),
        ("allowedcidrs", "[example.com/24]"),
        ("vpcendpoint", "vpc-0123456789abcdef0"),
        ("ratelimit", "0"),
        ("ratelimit", "10001"),
        ("burstlimit", "many"),
        ("apiconcurrency", "0"),
        ("apiconcurrency", "1"),
        ("apiconcurrency", "10000"),
        ("webacl", "yes"),
        ("webacl", f"arn:aws:wafv2:us-east-1:012345678901:regional/webacl/edge/{UUID}"),
        ("gatewaylogrole", "arn:aws:iam::012345678901:role/gateway"),
        ("alarmtopic", "alarms"),
        ("alarmtopic", "arn:aws:sns:eu-west-1:012345678901:alarms.fifo"),
        ("alarmtopic", "arn:aws:sqs:eu-west-1:012345678901:alarms"),
        ("alarmtopic", "arn:aws:sns:us-east-1:012345678901:alarms"),
        ("notifytopic", "arn:aws:sns:eu-west-1:012345678901:operations.fifo"),
        ("notifytopic", "arn:aws:sns:us-east-1:012345678901:operations"),
        ("notifytopic", "arn:aws:sns:eu-west-1:999999999999:operations"),
        ("slackwebhook", "https://hooks.slack.com/services/1"),
        ("slackwebhook", "arn:aws:secretsmanager:eu-west-1:012345678901:secret:slack"),
        ("slackwebhook", "arn:aws:secretsmanager:us-east-1:012345678901:secret:slack-AbCdEf"),
        ("teams", "[payments]"),
        ("teams", "{payments: everybody}"),
        ("teams", "{payments: [everybody]}"),
        ("teams", '{"pay\\nments": []}'),
        # An API key although IAM identifies the callers.
        ("teams", "{payments: [a1b2c3d4e5]}"),
        ("admins", "everybody"),
        ("admins", '["*"]'),
        ("admins", '["arn:aws:iam::012345678901:role/*/admin"]'),
        ("admins", '["arn:aws:iam::*:role/admin"]'),
        ("admins", '["arn:aws:sts::012345678901:assumed-role/admin/alice"]'),
        ("productionapprovers", '["arn:aws:iam::012345678901:root"]'),
        ("selfapproval", "no"),
        ("namedroles", "allow"),
        ("containerlogs", "no"),
        ("secretprefixes", "[payments/]"),
        ("secretprefixes", "{payments: payments/}"),
        ("secretprefixes", "{payments: []}"),
        ("secretprefixes", '{payments: [""]}'),
        ("secretprefixes", '{payments: ["*"]}'),
        ("secretprefixes", '{payments: ["pay?"]}'),
        ("secretprefixes", "{payments: ['${aws:username}']}"),
        ("secretprefixes", '{payments: ["a b"]}'),
        ("secretprefixes", "{payments: [payments/, payments/]}"),
        ("secretprefixes", '{"pay*": [payments/]}'),
        ("secretprefixes", "{payments: [payments/]}"),
        ("secretkeys", KEY),
        ("secretkeys", f'["{UUID}"]'),
        ("secretkeys", f'["{KEY}", "{KEY}"]'),
        ("secretkeys", '["*"]'),
        ("secretkeys", '["arn:aws:kms:eu-west-1:012345678901:key/*"]'),
        ("secretkeys", '["arn:aws:kms:eu-west-1:012345678901:alias/secrets"]'),
        ("secretkeys", f'["{KEY.replace("eu-west-1", "us-east-1")}"]'),
        ("secretkeys", f'["{KEY.replace("arn:aws:", "arn:aws-cn:")}"]'),
        ("secretkeys", str([f"{KEY[:-2]}{number}" for number in range(10, 21)])),
        ("ecsexec", "yes"),
        ("taskroles", f'["{ROLE}"]'),
        ("taskroles", f'{{payments: "{ROLE}"}}'),
        ("taskroles", "{payments: []}"),
        ("taskroles", '{payments: ["*"]}'),
        ("taskroles", '{payments: ["payments-tasks"]}'),
        ("taskroles", '{payments: ["arn:aws:iam::*:role/tasks"]}'),
        ("taskroles", '{payments: ["arn:aws:iam::012345678901:user/tasks"]}'),
        ("taskroles", '{payments: ["arn:aws:iam::012345678901:role/*/tasks"]}'),
        ("taskroles", '{payments: ["arn:aws:iam::012345678901:role/devops-ecs/*"]}'),
        ("taskroles", '{payments: ["arn:aws:iam::012345678901:role/tasks?"]}'),
        ("taskroles", f'{{payments: ["{ROLE}", "{ROLE}"]}}'),
        ("taskroles", f'{{"pay*": ["{ROLE}"]}}'),
    ],
)
def test_a_malformed_value_is_named(tmp_path: Path, key: str, value: str) -> None:
    (problem,) = refused(parameters_file(tmp_path, {**GOOD, key: value}))
    assert problem.startswith(f"{key}: ")


def test_a_faulty_name_of_a_team_is_named_with_its_characters(tmp_path: Path) -> None:
    lists = {"teams": f'{{größe: ["{ROLE}"], "a#b": ["{ROLE}"]}}'}
    (problem,) = refused(parameters_file(tmp_path, {**GOOD, **lists}))
    assert problem.startswith('teams: "a#b" is not a team name: use 1 to 256 letters, digits, ')
    accepted(parameters_file(tmp_path, {**GOOD, "teams": f'{{größe: ["{ROLE}"]}}'}))


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    bad = {**GOOD, "vpc": "<id of the VPC>", "sg": "no", "elbsubnet2": GOOD["elbsubnet1"]}
    problems = refused(parameters_file(tmp_path, bad))
    assert {problem.split(":")[0] for problem in problems} == {"vpc", "sg", "elbsubnet2"}


def test_an_unknown_key_is_named_with_the_known_ones(tmp_path: Path) -> None:
    (problem,) = refused(parameters_file(tmp_path, {**GOOD, "subnet3": "x"}))
    assert problem.startswith("subnet3: is not a parameter; the parameters are ")
    assert all(key in problem for key in [*REQUIRED, *OPTIONAL])


@pytest.mark.parametrize("text", ["apiname: [", "apiname: a\napiname: b\n", "- a\n", ""])
def test_what_is_no_list_of_settings_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "parameters.yml"
    path.write_text(text)
    assert refused(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "missing.yml" in " ".join(refused(tmp_path / "missing.yml"))


def test_the_file_can_be_chosen_on_the_command_line(tmp_path: Path) -> None:
    path = parameters_file(tmp_path, GOOD)
    assert accepted(None, f"parameters={path}")["vpc"] == GOOD["vpc"]


@pytest.mark.parametrize(
    "url",
    [
        "s3://my-bucket/a/application.yml",
        "https://my-bucket.s3.eu-west-1.amazonaws.com/a/application.yml",
        "https://my-bucket.s3.amazonaws.com/a/application.yml",
        "https://s3.eu-west-1.amazonaws.com/my-bucket/a/application.yml",
        "https://my-bucket.s3.cn-north-1.amazonaws.com.cn/a/application.yml",
        "https://s3.cn-north-1.amazonaws.com.cn/my-bucket/a/application.yml",
    ],
)
def test_permissions_are_for_the_object_that_the_service_reads(tmp_path: Path, url: str) -> None:
    loaded = accepted(parameters_file(tmp_path, {**GOOD, "cftemplate": url}))
    location = TemplateLocation.parse(url)
    assert loaded["templateobject"] == f"{location.bucket}/{location.key}"
    assert loaded["templateobject"] == "my-bucket/a/application.yml"


def test_every_key_of_the_delivered_file_is_explained() -> None:
    lines = DELIVERED.read_text().splitlines()
    keys = [re.match(r"#?([a-z0-9]+): ?", line) for line in lines]
    found = [match[1] for match in keys if match]
    assert found == [*REQUIRED, *OPTIONAL]
    explained = {
        match[1]: any(line.startswith("# ") for line in lines[max(0, number - 2) : number])
        for number, match in enumerate(keys)
        if match
    }
    assert all(explained.values())


def test_the_defaults_that_the_delivered_file_tells_of_are_the_defaults(tmp_path: Path) -> None:
    told = dict(re.findall(r"^#([a-z]+): (.*)$", DELIVERED.read_text(), re.MULTILINE))
    assert list(told) == OPTIONAL
    plain = accepted(parameters_file(tmp_path, GOOD))
    assert accepted(parameters_file(tmp_path, {**GOOD, **told})) == plain


@pytest.mark.parametrize(
    ("changes", "key", "told"),
    [
        ({"auth": "none"}, "auth", "accepts every caller"),
        ({"auth": "apikey", "teams": f'{{payments: ["{ROLE}"]}}'}, "teams", "ids of API keys"),
        ({"auth": "none", "vpcendpoint": "vpce-0123456789abcdef0", "admins": f'["{ROLE}"]'},
         "admins", "callers are not identified"),
        ({"auth": "none", "vpcendpoint": "vpce-0123456789abcdef0", "selfapproval": "false"},
         "selfapproval", "callers are not identified"),
        ({"teams": f'{{payments: ["{ROLE}{"x" * 2000}"]}}'}, "teams", "the limit is 2000"),
        ({"teams": f'{{payments: ["{ROLE}{"x" * 1300}"]}}',
          "secretkeys": str([f"{KEY[:-2]}{number}" for number in range(10, 20)])},
         "teams", "the limit is 2000"),
        ({"teams": f'{{payments: ["{ROLE}"]}}', "secretprefixes": "{search: [search/]}"},
         "secretprefixes", "search is not in teams"),
        ({"templatewriters": WRITERS, "datastores": "existing"}, "templatewriters",
         "does not write the policy of the bucket"),
        ({"templatewriters": WRITERS, "cftemplate": "s3://other/ecs-cf-bucket-012345678901-eu-west-1"},
         "templatewriters", "use datastores create and the bucket ecs-cf-bucket-012345678901-eu-"),
        ({"secretprefixes": "{constructor: [a/]}"}, "secretprefixes",
         "constructor is not in teams"),
        ({"teams": f'{{payments: ["{ROLE}"]}}', "taskroles": f'{{search: ["{ROLE}"]}}'},
         "taskroles", "search is not in teams"),
        ({"taskroles": '{"*": ["arn:aws:iam::999999999999:role/tasks"]}'}, "taskroles",
         "is not in accountid"),
        ({"taskroles": f'{{payments: ["{ROLE}{"x" * 1000}"]}}'}, "taskroles",
         "the limit is 1000"),
        ({"repouri": "ghcr.io/team/app:1", "allowedregistries": "[docker.io]"}, "repouri",
         "add the registry to allowedregistries"),
    ],
)  # fmt: skip
def test_what_cannot_be_together_is_named(
    tmp_path: Path, changes: dict[str, str], key: str, told: str
) -> None:
    (problem,) = refused(parameters_file(tmp_path, {**GOOD, **changes}))
    assert problem.startswith(f"{key}: ")
    assert told in problem


def test_the_functions_receive_the_keys_of_secrets(tmp_path: Path) -> None:
    # A key can belong to another account, and be a multi-Region key.
    other = f"arn:aws:kms:eu-west-1:999999999999:key/mrk-{'0a' * 16}"
    loaded = accepted(parameters_file(tmp_path, {**GOOD, "secretkeys": f'["{KEY}", "{other}"]'}))
    assert loaded["secretkeys"] == [KEY, other]
    assert loaded["secretkeyarns"] == f"{KEY},{other}"
    china = {name: value.replace("eu-west-1", "cn-north-1") for name, value in GOOD.items()}
    china["repouri"] = "public.ecr.aws/team/app:1.0"
    key = KEY.replace("aws:kms:eu-west-1", "aws-cn:kms:cn-north-1")
    loaded = accepted(parameters_file(tmp_path, {**china, "secretkeys": f'["{key}"]'}))
    assert loaded["secretkeys"] == [key]
    assert accepted(parameters_file(tmp_path, GOOD))["secretkeyarns"] == ""


@pytest.mark.parametrize(("option", "values"), [("false", ["false"]), ("true", ["false", "true"])])
def test_the_functions_can_turn_on_ecs_exec_only_with_the_option(
    tmp_path: Path, option: str, values: list[str]
) -> None:
    loaded = accepted(parameters_file(tmp_path, {**GOOD, "ecsexec": option}))
    assert loaded["ecsexecvalues"] == values
    assert loaded["ecsexec"] == option


def test_the_writers_of_the_template_can_have_paths(tmp_path: Path) -> None:
    loaded = accepted(parameters_file(tmp_path, {**GOOD, "templatewriters": WRITERS}))
    assert loaded["templatewriters"] == json.loads(WRITERS)
    assert loaded["restrictedtemplate"] == "true"
    assert accepted(parameters_file(tmp_path, GOOD))["restrictedtemplate"] == "false"


def test_alarms_may_go_to_another_account_of_the_region(tmp_path: Path) -> None:
    topic = "arn:aws:sns:eu-west-1:999999999999:alarms"
    path = parameters_file(tmp_path, {**GOOD, "alarmtopic": topic})
    assert accepted(path)["alarmactions"] == [topic]
    assert accepted(parameters_file(tmp_path, GOOD))["alarmactions"] == []


def test_the_functions_are_told_who_may_change_what(tmp_path: Path) -> None:
    lists = {"teams": f'{{payments: ["{ROLE}"]}}', "productionapprovers": f'["{ROLE}"]'}
    told = accepted(parameters_file(tmp_path, {**GOOD, **lists}))["accesspolicy"]
    assert json.loads(told) == {
        "teams": {"payments": [ROLE]},
        "admins": [],
        "productionApprovers": [ROLE],
        "secretPrefixes": {},
        "taskRoles": {},
    }
    prefixes = {"teams": lists["teams"], "secretprefixes": "{payments: [payments/, rds!x]}"}
    told = accepted(parameters_file(tmp_path, {**GOOD, **prefixes}))["accesspolicy"]
    assert json.loads(told)["secretPrefixes"] == {"payments": ["payments/", "rds!x"]}
    assert accepted(parameters_file(tmp_path, GOOD))["accesspolicy"] == ""
    told = accepted(parameters_file(tmp_path, {**GOOD, "selfapproval": "false"}))["accesspolicy"]
    assert json.loads(told)["selfApproval"] is False


@pytest.mark.parametrize("teams", [{}, {"teams": f'{{payments: ["{ROLE}"]}}'}])
def test_the_functions_receive_the_task_roles_of_each_team(
    tmp_path: Path, teams: dict[str, str]
) -> None:
    shared = "arn:aws:iam::012345678901:role/teams/all/reader"
    roles = f'{{payments: ["{ROLE}", "{shared}"], "*": ["{shared}"]}}'
    loaded = accepted(parameters_file(tmp_path, {**GOOD, **teams, "taskroles": roles}))
    policy = AccessPolicy.parse(loaded["accesspolicy"])
    assert policy.task_roles_of("payments") == (ROLE, shared, shared)
    assert policy.task_roles_of("search") == (shared,)
    of_applications, *others = loaded["passableroles"]
    assert of_applications["Fn::Sub"].endswith(":role/devops-ecs/*")
    assert others == [ROLE, shared]
    (only,) = accepted(parameters_file(tmp_path, {**GOOD, **teams}))["passableroles"]
    assert only == of_applications
