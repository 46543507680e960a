"""The plugins of the deploy tool that stop a deploy before it does harm."""

from __future__ import annotations

import json
import re

import botocore.session
import pytest

from tests.infra.conftest import run_node
from tests.lab.templates import ROOT

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


NETWORK = """
const CheckNetwork = require("./serverless/check-network.js");
const { EC2Client } = require("@aws-sdk/client-ec2");
const { parameters, subnets, groups, associations } = JSON.parse(process.argv[1]);
EC2Client.prototype.send = async ({ constructor: { name }, input }) => {
  const [{ Values }, ...others] = input.Filters;
  const listed = (all, id) => all.filter((each) => Values.includes(each[id]));
  if (name === "DescribeSecurityGroupVpcAssociationsCommand") {
    const values = Object.fromEntries(others.map((each) => [each.Name, each.Values]));
    const SecurityGroupVpcAssociations = listed(associations, "GroupId").filter(
      ({ VpcId, State }) => values["vpc-id"].includes(VpcId) && values.state.includes(State),
    );
    return { SecurityGroupVpcAssociations };
  }
  return name === "DescribeSubnetsCommand"
    ? { Subnets: listed(subnets, "SubnetId") }
    : { SecurityGroups: listed(groups, "GroupId") };
};
const serverless = {
  classes: { Error },
  service: { custom: { parameters } },
  getProvider: () => ({ getAwsSdkV3Config: async () => ({ region: "eu-west-1" }) }),
};
new CheckNetwork(serverless).hooks["before:deploy:deploy"]().catch((error) => {
  console.log(error.message);
  process.exitCode = 1;
});
"""
SUBNETS = {"subnet1": "a", "subnet2": "b", "elbsubnet1": "a", "elbsubnet2": "b"}  # with their zones


def check_network(
    zones: dict[str, str],
    *,
    foreign: tuple[str, ...] = (),
    missing: tuple[str, ...] = (),
    associated: dict[str, str] | None = None,
) -> str:
    """Return the error for a network; `zones` has the zone of each subnet parameter.

    `associated` has the state of the association of security groups with the VPC.
    """
    names = [*zones, "sg", "elbsg"]
    numbered = [name for name in names if not name.startswith(("further", "elbfurther"))]
    vpcs = {name: "vpc-2" if name in foreign else "vpc-1" for name in names if name not in missing}
    network = {
        "parameters": {
            "vpc": "vpc-1",
            "subnets": [name for name in names if name.startswith("further")],
            "elbsubnets": [name for name in names if name.startswith("elbfurther")],
            **{name: name for name in numbered},
        },
        "subnets": [
            {"SubnetId": name, "VpcId": vpcs[name], "AvailabilityZone": f"eu-west-1{zone}"}
            for name, zone in zones.items()
            if name in vpcs
        ],
        "groups": [
            {"GroupId": name, "VpcId": vpcs[name]} for name in ("sg", "elbsg") if name in vpcs
        ],
        "associations": [
            {"GroupId": name, "VpcId": "vpc-1", "State": state}
            for name, state in (associated or {}).items()
        ],
    }
    return run_node("-e", NETWORK, json.dumps(network)).stdout


def test_a_network_in_one_vpc_with_shared_zones_is_deployed() -> None:
    assert check_network(SUBNETS) == ""


def test_tasks_in_a_zone_without_a_load_balancer_are_refused() -> None:
    error = check_network(SUBNETS | {"subnet2": "c"})
    assert "subnet2: is in eu-west-1c, and the load balancers are in eu-west-1a and" in error
    assert "subnet1" not in error


def test_further_subnets_are_checked_like_the_others() -> None:
    third = {"further1": "c", "elbfurther1": "c"}
    assert check_network(SUBNETS | third) == ""
    error = check_network(SUBNETS | {"further1": "d"} | {"elbfurther1": "c"})
    assert "subnets (further1): is in eu-west-1d, and the load balancers are in" in error
    error = check_network(SUBNETS | third, foreign=("elbfurther1",))
    assert "elbsubnets (elbfurther1): belongs to vpc-2, not to vpc-1" in error


@pytest.mark.parametrize("name", ["elbsubnet2", "elbfurther1"])
def test_two_load_balancer_subnets_in_one_zone_are_refused(name: str) -> None:
    """ELBv2 API, CreateLoadBalancer: only one subnet for each availability zone."""
    error = check_network(SUBNETS | {"subnet2": "a", name: "a"})
    assert f"{name.replace('elbfurther1', 'elbsubnets (elbfurther1)')}: is in the zone of" in error


def test_a_security_group_of_another_vpc_can_be_associated_with_the_vpc() -> None:
    """EC2 API, AssociateSecurityGroupVpc: the VPC can use the group like its own ones."""
    groups = ("sg", "elbsg")
    both = dict.fromkeys(groups, "associated")
    assert check_network(SUBNETS, foreign=groups, associated=both) == ""
    error = check_network(SUBNETS, foreign=groups, associated=both | {"sg": "disassociated"})
    assert [line.split(":")[0] for line in error.splitlines()[1:]] == ["  - sg"]


def test_each_resource_of_another_vpc_and_each_missing_one_is_named() -> None:
    error = check_network(SUBNETS, foreign=("elbsubnet1", "sg"), missing=("subnet1", "elbsg"))
    assert [line.split(":")[0] for line in error.splitlines()[1:]] == [
        "  - subnet1",
        "  - elbsubnet1",
        "  - sg",
        "  - elbsg",
    ]
    assert "belongs to vpc-2, not to vpc-1" in error
    assert "does not exist in this account and region" in error


WRITER = """
const CheckWriter = require("./serverless/check-writer.js");
const { IAMClient } = require("@aws-sdk/client-iam");
const { arn, role, templatewriters } = JSON.parse(process.argv[1]);
IAMClient.prototype.send = async ({ input }) => {
  if (!role) throw Object.assign(new Error("no"), { name: "AccessDenied" });
  return { Role: { Arn: `${role}${input.RoleName}` } };
};
const serverless = {
  classes: { Error },
  service: { custom: { parameters: { templatewriters } } },
  getProvider: () => ({
    getAccountInfo: async () => ({ arn }),
    getAwsSdkV3Config: async () => ({}),
  }),
};
new CheckWriter(serverless).hooks["before:deploy:deploy"]().catch((error) => {
  console.log(error.message);
  process.exitCode = 1;
});
"""
IAM = f"arn:aws:iam::{OURS}"
SESSION = f"arn:aws:sts::{OURS}:assumed-role/deploy/run-7"


def check_writer(arn: str, writers: list[str], role: str | None = f"{IAM}:role/ci/") -> str:
    """Return the error for credentials; `role` is the ARN of roles without their name."""
    given = {"arn": arn, "role": role, "templatewriters": writers}
    return run_node("-e", WRITER, json.dumps(given)).stdout


@pytest.mark.parametrize(
    ("arn", "writers"),
    [
        (SESSION, []),
        (SESSION, [f"{IAM}:role/other", f"{IAM}:role/ci/deploy"]),
        (SESSION, [f"{IAM}:role/*deploy"]),
        (f"{IAM}:user/ops/Ann", [f"{IAM}:user/ops/*"]),
        (f"{IAM}:root", [f"{IAM}:root"]),
    ],
)
def test_a_listed_principal_deploys(arn: str, writers: list[str]) -> None:
    assert check_writer(arn, writers) == ""


@pytest.mark.parametrize(
    ("arn", "writers", "principal"),
    [
        # The condition key has the ARN of the role with its path.
        (SESSION, [f"{IAM}:role/deploy"], f"{IAM}:role/ci/deploy"),
        (SESSION, [f"{IAM}:role/ci/deploy-*"], f"{IAM}:role/ci/deploy"),
        (f"{IAM}:user/Ann", [f"{IAM}:user/A.n", f"{IAM}:role/*"], f"{IAM}:user/Ann"),
        (f"{IAM}:root", [f"{IAM}:user/root"], f"{IAM}:root"),
    ],
)
def test_another_principal_does_not_deploy(arn: str, writers: list[str], principal: str) -> None:
    error = check_writer(arn, writers)
    assert error.startswith(f"templatewriters: does not contain {principal}, whose credentials")


def test_a_role_without_a_known_path_does_not_deploy() -> None:
    error = check_writer(SESSION, [f"{IAM}:role/deploy"], role=None)
    assert "the path of the role deploy, whose credentials run this deploy, is not known" in error
    assert "Allow iam:GetRole for this role (AccessDenied)." in error


BUCKETS = """
const http = require("node:http");
const Buckets = require("./serverless/buckets.js");
const { S3Client } = require("@aws-sdk/client-s3");
const noStack = Object.assign(new Error("the stack does not exist"), { name: "ValidationError" });
const seen = {};
const { send } = S3Client.prototype;
let called;
S3Client.prototype.send = function (command) {
  called = command.constructor.name;
  return send.call(this, command);
};
const version = "<Version><Key>a</Key><VersionId>1</VersionId></Version>";
const answers = {
  HeadBucketCommand: [404], HeadObjectCommand: [404], PutObjectCommand: [200],
  ListObjectVersionsCommand: [200, version, ""], DeleteObjectsCommand: [200],
};
const server = http.createServer((request, response) => {
  request.resume();
  seen[called] = request.headers["x-amz-expected-bucket-owner"] ?? null;
  const [status, ...contents] = answers[called];
  const content = contents.length > 1 ? answers[called].splice(1, 1) : contents[0] ?? "";
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(request.method === "HEAD" ? "" : `<Result>${content}</Result>`);
});
server.listen(0, async () => {
  const config = {
    endpoint: `http://127.0.0.1:${server.address().port}`,
    region: "eu-west-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
  };
  const parameters = {
    accountid: process.argv[1], datastores: "create", templatebucket: "t", ecsbucket: "e",
  };
  const serverless = {
    classes: { Error },
    serviceDir: process.cwd(),
    service: { custom: { parameters } },
    getProvider: () => ({
      getAwsSdkV3Config: async () => config,
      getCloudFormationClient: async () => ({ send: async () => Promise.reject(noStack) }),
      naming: { getStackName: () => "a" },
    }),
  };
  const buckets = new Buckets(serverless, {}, { log: { notice() {} } });
  for (const hook of Object.values(buckets.hooks)) await hook();
  server.close();
  console.log(JSON.stringify(seen));
});
"""


def test_each_call_to_s3_names_the_owner_of_the_bucket() -> None:
    """botocore's model has the operations that accept ExpectedBucketOwner."""
    done = run_node("-e", BUCKETS, OURS)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    sources = [path.read_text() for path in (ROOT / "serverless").glob("*.js")]
    used = {
        command
        for source in sources
        for names in re.findall(r"const \{([^}]*)\} = require\('@aws-sdk/client-s3'\)", source)
        for command in re.findall(r"\w+Command", names)
    }
    assert seen == dict.fromkeys(used, OURS)
    assert sum("client-s3" in source for source in sources) == 1
    model = botocore.session.get_session().get_service_model("s3")
    for command in used:
        members = model.operation_model(command.removesuffix("Command")).input_shape.members
        assert "ExpectedBucketOwner" in members
