"""The deploy tool and the functions have the same rule for the registries of images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from devops_core.settings import Settings
from tests.infra.conftest import Packaged, run_node
from tests.infra.reference import listed
from tests.infra.test_parameters import accepted
from tests.lab.environment import VARIABLES
from tests.lab.registries import ACCOUNT, CASES, OF_REGION, OTHER_ECR, REGION, SAME_OTHER_ECR
from tests.lab.templates import APPLICATION, load, of_type, unroll
from tools.laptop.packages import GOOD, parameters_file

JUDGE = """
const { isAllowed } = require("./serverless/registries.js");
const [cases, own] = process.argv.slice(1).map((text) => JSON.parse(text));
console.log(JSON.stringify(cases.map(([image, allowedregistries]) =>
  isAllowed(image, { ...own, allowedregistries }))));
"""
# As in parameters.yml.
LISTED = ["*", OTHER_ECR, "ghcr.io", SAME_OTHER_ECR, OF_REGION]


def test_the_deploy_tool_allows_the_same_images_as_the_functions() -> None:
    cases = json.dumps([(each.image, each.listed) for each in CASES])
    own = json.dumps({"accountid": ACCOUNT, "region": REGION})

    done = run_node("-e", JUDGE, cases, own)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [each.allowed for each in CASES]


def loaded(tmp_path: Path) -> dict[str, Any]:
    changes = {
        "accountid": f'"{ACCOUNT}"',
        "repouri": f"{OTHER_ECR}/start:1",
        "cftemplate": "s3://bucket/application.yml",
        "allowedregistries": json.dumps(LISTED),
    }
    return accepted(parameters_file(tmp_path, {**GOOD, **changes}))


def test_boundary_and_execution_roles_have_the_same_repositories(tmp_path: Path) -> None:
    parameters = loaded(tmp_path)
    settings = Settings.from_environment(
        {**VARIABLES, "ALLOWED_REGISTRIES": parameters["allowedregistries"]}
    )
    boundary = [
        each["Fn::Sub"].replace("${AWS::Partition}", "aws")
        for each in parameters["imagerepositories"]
    ]

    assert boundary == settings.image_repositories
    assert settings.image_repositories == [
        f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*",
        f"arn:aws:ecr:{REGION}:999999999999:repository/*",
        f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*",
    ]


def test_the_repositories_of_the_boundary_are_those_of_the_parameters(packaged: Packaged) -> None:
    (policy,) = of_type(packaged.template, "AWS::IAM::ManagedPolicy").values()
    statements = policy["PolicyDocument"]["Statement"]
    (pull,) = [each for each in statements if each["Sid"] == "PullImages"]

    assert listed(pull["Resource"]) == [
        {"Fn::Sub": f"arn:${{AWS::Partition}}:ecr:{GOOD['region']}:012345678901:repository/*"}
    ]


def test_execution_roles_pull_only_from_the_repositories_of_the_parameter() -> None:
    template = unroll(load(APPLICATION), {"Environments": ["dev"]})
    pulls = [
        statement["Resource"]
        for role in of_type(template, "AWS::IAM::Role").values()
        for policy in role["Policies"]
        if policy.get("PolicyName") == "pull-image"
        for statement in policy["PolicyDocument"]["Statement"]
        if "ecr:BatchGetImage" in listed(statement["Action"])
    ]

    assert pulls == [{"Ref": "ImageRepositories"}] * 3


def test_the_longest_lists_fit_the_environment_of_a_function(
    lambda_environment: dict[str, str],
) -> None:
    sizes = {name: len(name) + len(str(value)) for name, value in lambda_environment.items()}
    others = sum(sizes.values()) - sizes["ALLOWED_REGISTRIES"] - sizes["ACCESS_POLICY"]

    # The limit of the access policy includes the keys of secrets (serverless/contradictions.js).
    # The sample has neither further subnets (at most twelve) nor a certificate.
    further = 12 * len(",subnet-0123456789abcdef0") + len(
        "arn:aws:acm:ap-southeast-1:012345678901:certificate/01234567-89ab-cdef-0123-456789abcdef"
    )

    # 4 KB for all variables (AWS Lambda quotas). A host has at most 70 characters.
    assert others + further + 10 * 71 + 2000 < 4096
