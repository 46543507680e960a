"""API Gateway as the deploy tool compiles it: authentication, throttling and logs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from devops_core.errors import InvalidRequestError
from devops_core.http.request import MAX_BODY_BYTES, MAX_SPECIFICATION_BYTES, Request
from tests.infra.conftest import Packaged, run_node
from tests.lab.client import http_event
from tests.lab.fakes import FakeCloud
from tests.lab.templates import ROOT, Template, load, of_type
from tools.security.compiled import compile_template
from tools.security.infrastructure import cfn_lint
from tools.security.outcome import Outcome, Status

ACCESS = """
const { gateway } = require("./serverless/access.js");
const { defaults } = require("./serverless/parameters-schema.js");
const given = JSON.parse(process.argv[1]);
console.log(JSON.stringify(gateway({ ...defaults, ...given })));
"""
STAGE = """
const Stage = require("./serverless/stage.js");
const { APIGatewayClient } = require("@aws-sdk/client-api-gateway");
const { parameters, role, own, apis } = JSON.parse(process.argv[1]);
// One API on each page of the list.
const pages = apis.map(([id, name], number) => ({
  items: [{ id, name }],
  position: number + 1 < apis.length ? String(number + 1) : undefined,
}));
APIGatewayClient.prototype.send = async ({ constructor: { name }, input }) =>
  name === "GetAccountCommand"
    ? { cloudwatchRoleArn: role || undefined }
    : (pages[Number(input.position ?? 0)] ?? { items: [] });
const missing = Object.assign(new Error("Stack does not exist"), { name: "ValidationError" });
const StackResourceDetail = { PhysicalResourceId: own };
const send = async () => { if (!own) throw missing; return { StackResourceDetail }; };
const provider = {
  naming: { getStackName: () => "devops-ecs-dev" },
  getAwsSdkV3Config: async () => ({ region: "eu-west-1" }),
  getCloudFormationClient: async () => ({ send }),
};
const service = { custom: { parameters } };
const serverless = { classes: { Error }, service, getProvider: () => provider };
new Stage(serverless).hooks["before:deploy:deploy"]().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
"""
CIDR = "203.0.113.0/24"
# The part of a body that AWS WAF inspects with the setting KB_64.
INSPECTED = 64 * 1024
ENDPOINT = "vpce-0123456789abcdef0"
WEB_ACL = (
    "arn:aws:wafv2:eu-west-1:012345678901:regional/webacl/edge/a1b2c3d4-0000-4000-8000-000000000000"
)
OTHER_ROLE = "arn:aws:iam::012345678901:role/logs-of-apis"


def gateway(**given: Any) -> dict[str, Any]:
    done = run_node("-e", ACCESS, json.dumps(given))
    assert done.returncode == 0, done.stderr
    settings = json.loads(done.stdout)
    assert isinstance(settings, dict)
    return settings


def check_stage(
    gatewaylogrole: str, own: str, *, role: str = "", apis: Sequence[tuple[str, str]] = ()
) -> CompletedProcess[str]:
    """Run the checks before a deploy; `own` is the physical id of the stack's resources."""
    parameters = {"gatewaylogrole": gatewaylogrole, "apiname": "devops-ecs"}
    account = {"parameters": parameters, "role": role, "own": own, "apis": apis}
    return run_node("-e", STAGE, json.dumps(account))


def compiled(directory: Path, **changes: str) -> Template:
    """Return the stack's template with other parameters; CloudFormation would take it."""
    template = compile_template(changes)
    (directory / "stack.json").write_text(json.dumps(template))
    assert cfn_lint([directory / "stack.json"]) == Outcome(Status.PASSED)
    return template


def methods(template: Template) -> set[tuple[str, bool]]:
    """Return the authentication of the API's methods, and whether they need a key."""
    found = of_type(template, "AWS::ApiGateway::Method").values()
    assert len(found) == 18
    return {(method["AuthorizationType"], method["ApiKeyRequired"]) for method in found}


def test_every_route_asks_for_iam(packaged: Packaged) -> None:
    assert methods(packaged.template) == {("AWS_IAM", False)}
    (api,) = of_type(packaged.template, "AWS::ApiGateway::RestApi").values()
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert not api["Policy"]
    assert not of_type(packaged.template, "AWS::ApiGateway::ApiKey")
    assert not of_type(packaged.template, "AWS::WAFv2::WebACLAssociation")


def test_the_stage_has_limits_and_a_log(packaged: Packaged) -> None:
    (stage,) = of_type(packaged.template, "AWS::ApiGateway::Stage").values()
    assert stage["StageName"] == "dev"
    (limits,) = stage["MethodSettings"]
    assert (limits["ResourcePath"], limits["HttpMethod"]) == ("/*", "*")
    assert (limits["ThrottlingRateLimit"], limits["ThrottlingBurstLimit"]) == (50, 100)
    (name, deployment), = (
        item for item in packaged.template["Resources"].items()
        if item[1]["Type"] == "AWS::ApiGateway::Deployment"
    )  # fmt: skip
    assert stage["DeploymentId"] == {"Ref": name}
    assert "StageName" not in deployment["Properties"], "two would make the same stage"
    log = packaged.template["Resources"][
        stage["AccessLogSetting"]["DestinationArn"]["Fn::GetAtt"][0]
    ]
    assert log["Properties"]["RetentionInDays"] == 30
    # osls deletes a log group of this name where its own access log is not switched on.
    assert log["Properties"]["LogGroupName"] != "/aws/api-gateway/devops-ecs-dev"
    assert packaged.template["Resources"]["ApiGatewayStage"]["DependsOn"] == ["GatewayAccount"]


def test_a_line_of_the_log_is_json_and_says_who_called_what(packaged: Packaged) -> None:
    (stage,) = of_type(packaged.template, "AWS::ApiGateway::Stage").values()
    line = json.loads(stage["AccessLogSetting"]["Format"])
    variables = {name: re.findall(r"\$context\.([\w.]+)", value) for name, value in line.items()}
    assert variables == {
        "requestId": ["requestId"],
        # API Gateway Developer Guide, "$context variables": the clients can choose requestId.
        "extendedRequestId": ["extendedRequestId"],
        "time": ["requestTime"],
        "caller": ["identity.userArn"],
        "apiKeyId": ["identity.apiKeyId"],
        "sourceIp": ["identity.sourceIp"],
        "route": ["httpMethod", "resourcePath"],
        "status": ["status"],
        "latency": ["responseLatency"],
        "error": ["error.responseType"],
    }


def test_with_iam_a_resource_policy_only_refuses() -> None:
    """An Allow would admit each identity of the account without regard to its own policy."""
    assert gateway()["resourcepolicy"] is None
    (only,) = gateway(allowedcidrs=[CIDR])["resourcepolicy"]
    assert (only["Effect"], only["Condition"]) == (
        "Deny",
        {"NotIpAddress": {"aws:SourceIp": [CIDR]}},
    )
    both = gateway(allowedcidrs=[CIDR], vpcendpoint=ENDPOINT)["resourcepolicy"]
    assert [(each["Effect"], each["Condition"]) for each in both] == [
        ("Deny", {"StringNotEquals": {"aws:SourceVpce": ENDPOINT}}),
        ("Deny", {"NotIpAddress": {"aws:VpcSourceIp": [CIDR]}}),
    ]


@pytest.mark.parametrize("auth", ["apikey", "none"])
def test_without_iam_a_resource_policy_also_lets_in(auth: str) -> None:
    allow, deny = gateway(auth=auth, allowedcidrs=[CIDR])["resourcepolicy"]
    assert allow == {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": "execute-api:/*",
    }
    assert deny == {
        **allow,
        "Effect": "Deny",
        "Condition": {"NotIpAddress": {"aws:SourceIp": [CIDR]}},
    }


def test_with_apikey_every_route_wants_a_key_of_the_usage_plan(tmp_path: Path) -> None:
    limits = {"ratelimit": "5", "burstlimit": "7"}
    template = compiled(tmp_path, auth="apikey", apikeys="[payments, shop]", **limits)
    assert methods(template) == {("NONE", True)}
    keys = of_type(template, "AWS::ApiGateway::ApiKey")
    assert [key["Name"] for key in keys.values()] == ["payments", "shop"]
    (plan,) = of_type(template, "AWS::ApiGateway::UsagePlan").values()
    assert plan["Throttle"] == {"RateLimit": 5, "BurstLimit": 7}
    assert len(of_type(template, "AWS::ApiGateway::UsagePlanKey")) == 2
    for name in (*keys, "ApiGatewayUsagePlan"):
        assert template["Resources"][name]["DependsOn"] == "ApiGatewayStage"


def routes_with_bodies() -> list[tuple[str, str]]:
    """Return the method and the path of each call that can have a body."""
    functions = load(ROOT / "serverless.yml")["functions"].values()
    calls = [event["http"] for each in functions for event in each["events"] if "http" in event]
    found = [(call["method"].upper(), f"/{call['path']}") for call in calls]
    return [each for each in found if each[0] != "GET"]


def longest_body(method: str, route: str) -> int:
    """Return the maximum size of the body of a call, from the refusal of a larger one."""
    event = http_event(method, route, " " * MAX_SPECIFICATION_BYTES + "{}")
    with pytest.raises(InvalidRequestError) as refused:
        _ = Request(event, FakeCloud()).body
    return int(str(refused.value).rpartition("at most ")[2])


def blocking(acl: dict[str, Any], method: str, path: str, size: int) -> list[str]:
    """Return the rules of a web ACL that block a request with a body of this size."""
    return [rule["Name"] for rule in acl["Rules"] if applies(rule["Statement"], method, path, size)]


def applies(statement: dict[str, Any], method: str, path: str, size: int) -> bool:
    """Return whether a statement of AWS WAF matches a request (AWS WAF API, Statement)."""
    ((kind, content),) = statement.items()
    parts = content.get("Statements", [])
    if kind == "AndStatement":
        return all(applies(each, method, path, size) for each in parts)
    if kind == "OrStatement":
        return any(applies(each, method, path, size) for each in parts)
    if kind == "NotStatement":
        return not applies(content["Statement"], method, path, size)
    if kind == "SizeConstraintStatement":
        assert content["ComparisonOperator"] == "GT"
        assert content["FieldToMatch"] == {"Body": {"OversizeHandling": "MATCH"}}
        return size > min(int(content["Size"]), INSPECTED)
    assert kind == "ByteMatchStatement"
    (field,) = content["FieldToMatch"]
    value, wanted = {"Method": method, "UriPath": path}[field], str(content["SearchString"])
    exact = {"EXACTLY": True, "ENDS_WITH": False}[content["PositionalConstraint"]]
    return value == wanted if exact else value.endswith(wanted)


def test_a_private_api_is_reached_through_its_endpoint(tmp_path: Path) -> None:
    template = compiled(
        tmp_path, auth="none", vpcendpoint=ENDPOINT, webacl="create", gatewaylogrole="existing"
    )
    assert methods(template) == {("NONE", False)}
    (api,) = of_type(template, "AWS::ApiGateway::RestApi").values()
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": [ENDPOINT]}
    assert [each["Effect"] for each in api["Policy"]["Statement"]] == ["Allow", "Deny"]
    assert not of_type(template, "AWS::ApiGateway::Account")
    (acl,) = of_type(template, "AWS::WAFv2::WebACL").values()
    inspected = acl["AssociationConfig"]["RequestBody"]["API_GATEWAY"]
    assert inspected == {"DefaultSizeInspectionLimit": "KB_64"}
    assert [rule["Priority"] for rule in acl["Rules"]] == [0, 1]
    for method, route in routes_with_bodies():
        path = "/dev" + route.replace("{applicationName}", "My-Shop")
        longest = longest_body(method, route)
        assert blocking(acl, method, path, longest) == []
        name = "specification-size" if longest == MAX_SPECIFICATION_BYTES else "body-size"
        assert blocking(acl, method, path, longest + 1) == [name]
    specification, other = acl["Rules"]
    for rule, longest in ((specification, MAX_SPECIFICATION_BYTES), (other, MAX_BODY_BYTES)):
        response = rule["Action"]["Block"]["CustomResponse"]
        content = acl["CustomResponseBodies"][response["CustomResponseBodyKey"]]["Content"]
        assert json.loads(content) == {
            "errorMessage": f"The body has more than {longest} bytes",
            "code": "REQUEST_TOO_LARGE",
        }
        assert {header["Name"]: header["Value"] for header in response["ResponseHeaders"]} == {
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }


def test_a_web_acl_of_the_account_can_be_used(tmp_path: Path) -> None:
    template = compiled(tmp_path, webacl=WEB_ACL)
    (association,) = of_type(template, "AWS::WAFv2::WebACLAssociation").values()
    assert association["WebACLArn"] == WEB_ACL


@pytest.mark.parametrize(
    ("parameter", "role", "own"),
    [
        ("create", "", ""),
        ("create", "arn:aws:iam::012345678901:role/devops-log-1X", "devops-log-1X"),
        ("existing", OTHER_ROLE, ""),
    ],
)
def test_a_deploy_goes_on_where_no_role_is_replaced(parameter: str, role: str, own: str) -> None:
    done = check_stage(parameter, own, role=role)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("own", ["", "devops-log-1X"])
def test_the_log_role_of_other_apis_is_not_replaced(own: str) -> None:
    done = check_stage("create", own, role=OTHER_ROLE)
    assert done.returncode == 1
    assert done.stderr.startswith("gatewaylogrole: ")
    assert OTHER_ROLE in done.stderr
    assert "Write existing" in done.stderr


@pytest.mark.parametrize("own", ["", "api1"])
def test_the_name_of_another_api_is_refused(own: str) -> None:
    """The other API can be on a later page of the list."""
    done = check_stage("existing", own, apis=[("api0", "orders"), ("api2", "devops-ecs")])
    assert done.returncode == 1
    assert done.stderr.startswith("apiname: the API api2 of this account and region has the name")


def test_the_name_of_the_own_api_is_accepted() -> None:
    apis = [("api0", "orders"), ("api1", "devops-ecs")]
    assert check_stage("existing", "api1", apis=apis).returncode == 0
