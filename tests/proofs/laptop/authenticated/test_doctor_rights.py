"""`devops doctor` with the rights of its caller: its policy suffices, and it names missing ones."""

from __future__ import annotations

import json
from typing import Any

from botocore.credentials import Credentials

from tests.lab.laptop.devops import devops
from tests.lab.templates import ROOT
from tools.laptop.cloud import Cloud
from tools.laptop.deploy import client

Callers = tuple[Cloud, dict[str, Credentials]]
POLICY = (ROOT / "docs" / "examples" / "doctor-policy.json").read_text()


def doctor(cloud: Cloud, keys: Credentials) -> Any:
    done = devops(
        cloud,
        "doctor",
        "--json",
        "--team=platform",
        AWS_ENDPOINT_URL=cloud.endpoint,
        AWS_ACCESS_KEY_ID=keys.access_key,
        AWS_SECRET_ACCESS_KEY=keys.secret_key,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def user(cloud: Cloud, name: str, policy: str) -> Credentials:
    iam = client(cloud, "iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"])


def test_a_caller_with_only_the_deploy_route_learns_its_missing_permissions(
    callers: Callers,
) -> None:
    cloud, users = callers
    report = doctor(cloud, users["pipeline"])
    assert report["installation"] is None
    assert {each["action"] for each in report["unchecked"]} == {
        "cloudformation:DescribeStacks",
        "cloudwatch:DescribeAlarms",
        # The emulator does not check lambda:GetAccountSettings, the call before.
        "cloudwatch:GetMetricStatistics",
        "elasticloadbalancing:DescribeAccountLimits",
        "execute-api:Invoke",
        "iam:GetAccountSummary",
        "iam:GetRole",
    }
    assert [each["route"] for each in report["routes"] if each["permitted"]] == [
        "POST /stacks/deploy"
    ]


def test_the_policy_of_the_example_suffices(callers: Callers) -> None:
    cloud, _ = callers
    report = doctor(cloud, user(cloud, "doctor", POLICY))
    assert report["installation"]["stack"] == "devops-ecs-dev"
    # The emulator has no DescribeAccountLimits.
    assert [each["check"] for each in report["unchecked"] if not each["action"]] == [
        "quota of load balancers",
        "quota of target groups",
    ]
    # IAM knows the path of a service-linked role only if the role exists. It does not exist here.
    names = [each["name"] for each in report["problems"]]
    assert names.count("A service-linked role does not exist") == 2
    # The policy allows no route of the API.
    assert {each["action"] for each in report["unchecked"]} == {"", "execute-api:Invoke"}
    assert not any(each["permitted"] for each in report["routes"])
