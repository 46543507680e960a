"""Secrets are references; no response, event or log line contains their ARNs."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest

from devops_core.errors import DevOpsError, RefusedError, UnreachableError
from tests.lab.client import SCHEDULE, Client, Reply, http_event
from tests.lab.dry import DryClient, plan
from tests.lab.fakes import ACCOUNT, Call, FakeCloud
from tests.lab.fakes.task_service import CRASH

SECRET = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:shop/db+x=y@z-AbCdEf"
KEYED = f"{SECRET}:password:AWSCURRENT:"
PARAMETER = f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/shop/api.key"
SERVICE = {"secrets": {"DB": SECRET, "PASSWORD": KEYED, "KEY": PARAMETER}}
# Parts of an ARN, and the beginning of all names. The region is not that of the installation, which
# the plan of a create contains in other ARNs.
HIDDEN = ("arn:aws:secretsmanager", "arn:aws:ssm", f"eu-central-1:{ACCOUNT}", "shop/")
WORDS = (
    f"unable to pull secrets: failed to fetch secret {SECRET} from secrets manager:"
    f" AccessDeniedException: User: arn:aws:sts::{ACCOUNT}:assumed-role/Shop-dev/1 is not allowed"
    f" to perform: secretsmanager:GetSecretValue on resource: {KEYED}, {PARAMETER}"
)


def check_hidden(cloud: FakeCloud, *replies: Reply) -> None:
    """Check that no response, event or log line reveals the ARN or the name of a secret."""
    texts = [json.dumps([reply.body, dict(reply.headers)]) for reply in replies]
    texts += map(repr, cloud.tables.events.values())
    texts += [json.dumps(facts, default=str) for _, facts in cloud.lines]
    for text in texts:
        assert not [part for part in HIDDEN if part in text], text


def test_a_successful_create_reveals_no_secret_arn(cloud: FakeCloud, api: Client) -> None:
    reply = api.create(service=SERVICE)
    seen = [api.status(reply.id)]
    api.tick()
    seen.append(api.status(reply.id, headers={"Prefer": "wait=1"}))
    done = api.finished(reply)
    assert done.operation["status"] == "SUCCEEDED"
    container = cloud.containers.running("Shop", "dev").request["containerDefinitions"][0]
    references = sorted(each["valueFrom"] for each in container["secrets"])
    assert references == sorted([SECRET, KEYED, PARAMETER])
    cloud.push("1.0")
    deployed = api.finished(api.deploy("1.0"))
    check_hidden(cloud, reply, *seen, done, deployed, api.delete())


def secrets_of(cloud: FakeCloud, service: str) -> dict[str, str]:
    """Return the secrets of the running task definition of a service, by variable."""
    container = cloud.containers.running("Shop", service).request["containerDefinitions"][0]
    return {each["name"]: each["valueFrom"] for each in container.get("secrets", ())}


def test_each_environment_receives_only_its_own_secrets(cloud: FakeCloud, api: Client) -> None:
    live = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:shop/live-AbCdEf"
    overrides = {
        "qa": {"secrets": {"KEY": PARAMETER}},
        "prod": {"secrets": {"DB": f"{live}:db::", "CARD": f"{live}:card::"}},
    }
    replies = [
        api.create(
            environments={"nonProd": ["dev", "qa"]},
            service={"secrets": {"DB": SECRET}},
            overrides=overrides,
        )
    ]
    assert api.finished(replies[0]).operation["status"] == "SUCCEEDED"

    expected = {
        "dev": {"DB": SECRET},
        "qa": {"DB": SECRET, "KEY": PARAMETER},
        "prod-1": {"DB": f"{live}:db::", "CARD": f"{live}:card::"},
        "prod-2": {"DB": f"{live}:db::", "CARD": f"{live}:card::"},
    }
    assert {service: secrets_of(cloud, service) for service in expected} == expected
    (created,) = [call for call in cloud.wire.journal if call.name == "stacks.create"]
    (request,) = created.args
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in request["Parameters"]}
    assert parameters["devSecretArns"] == SECRET
    assert parameters["qaSecretArns"] == f"{SECRET},{PARAMETER}"
    assert parameters["prodSecretArns"] == live

    cloud.push("1.0")
    replies.append(api.finished(api.deploy("1.0", "dev", "qa")))
    replies.append(api.finished(api.promote(environment="qa")))
    replies.append(api.swap())
    replies.append(api.finished(api.promote(environment="dev")))
    assert {reply.operation["status"] for reply in replies[1:]} == {"SUCCEEDED"}
    assert {service: secrets_of(cloud, service) for service in expected} == expected
    check_hidden(cloud, *replies, api.delete())


def test_a_dry_run_reveals_no_secret_of_an_override(dry: DryClient) -> None:
    tried = dry.create(overrides={"prod": {"secrets": {"DB": SECRET}}})
    assert not [name for name in plan(tried)["parameters"] if "Secret" in name]
    check_hidden(dry.cloud, tried)


def test_a_dry_run_reveals_no_secret_arn(cloud: FakeCloud, api: Client, dry: DryClient) -> None:
    tried = dry.create(service=SERVICE)
    assert plan(tried)["parameters"]["Environments"] == "dev"
    assert not [name for name in plan(tried)["parameters"] if "Secret" in name]
    api.finished(api.create(service=SERVICE))
    cloud.push("1.0")
    deployed = dry.deploy("1.0")
    (environment,) = plan(deployed)["environments"]
    assert [each["field"] for each in environment["taskDefinition"]] == [
        "containerDefinitions.app.image"
    ]
    check_hidden(cloud, tried, deployed, dry.create(service=SERVICE), dry.delete())


def test_a_failed_stack_reveals_no_secret_arn(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.create_failures = (f"devService (AWS::ECS::Service): {WORDS}",)
    reply = api.create(service=SERVICE)
    failed = api.finished(reply)
    assert "secretsmanager <secret>" in failed.operation["reasons"][0]
    assert "shop/db" not in str(failed.body)
    check_hidden(cloud, reply, failed, api.create("Other", service=SERVICE))


def test_a_failed_rollout_reveals_no_secret_arn(cloud: FakeCloud, api: Client) -> None:
    cloud.containers.behaviours[cloud.settings.initial_image] = CRASH

    def name_the_secret(call: Call) -> None:
        if call.name == "containers.stopped":
            for service in cloud.containers.services_.values():
                service.stopped = dict.fromkeys(service.stopped, WORDS)

    cloud.wire.watchers.append(name_the_secret)
    reply = api.create(service=SERVICE)
    failed = api.finished(reply)
    assert "unable to pull secrets" in failed.operation["reasons"][0]
    check_hidden(cloud, reply, failed)


@pytest.mark.parametrize("name", ["stacks.create", "containers.register", "tables.claim"])
@pytest.mark.parametrize("error", [RefusedError, UnreachableError, ValueError, KeyError])
def test_an_aws_error_reveals_no_secret_arn(
    cloud: FakeCloud, api: Client, name: str, error: type[Exception]
) -> None:
    cloud.wire.fail(name, error(WORDS), times=2)
    reply = api.create(service=SERVICE)
    replies = [reply]
    if reply.status == 202:
        try:
            replies.append(api.finished(reply))
        except (ValueError, KeyError):
            api.settle()
    check_hidden(cloud, *replies)
    cloud.lines.clear()


@pytest.mark.parametrize("error", [RefusedError, UnreachableError, ValueError])
def test_the_traceback_of_a_failed_function_reveals_no_secret_arn(
    shop: FakeCloud, api: Client, error: type[Exception]
) -> None:
    def fail() -> None:
        raise error(WORDS) from ValueError(WORDS)

    shop.wire.on("tables.open_operations", fail)
    shop.lines.clear()
    with pytest.raises(DevOpsError) as caught:
        api.wake(SCHEDULE)
    printed = "".join(traceback.format_exception(caught.value))
    assert "unable to pull secrets" in printed
    assert not [part for part in HIDDEN if part in printed]
    assert [(message, facts["cause"]) for message, facts in shop.lines] == [
        ("failed", "Scheduled Event")
    ]
    assert "raise error(WORDS)" in shop.lines[0][1]["error"]
    check_hidden(shop)


def test_a_misplaced_secret_is_not_repeated(cloud: FakeCloud, api: Client) -> None:
    """A shortened ARN is removed completely."""
    long = f"arn:aws-us-gov:secretsmanager:{'x' * 21}:{ACCOUNT}:secret:x"
    for arn in (SECRET, PARAMETER, long, f"{'y' * 30}{SECRET}"):
        bodies: list[dict[str, Any]] = [
            {"applicationName": arn, "email": arn, "tags": {arn: arn}, arn: 1},
            {"environments": {"nonProd": [arn], arn: True}},
            {"service": {"environment": {arn: "x"}, "secrets": {arn: arn, "A": f"{arn} "}}},
            {"overrides": {arn: {}, "dev": {"secrets": {arn: arn, "A": f"{arn} "}, arn: 1}}},
            {"service": {"warmup": [f"/{arn}", f"/{arn}"], "healthCheckPath": arn, arn: 1}},
        ]
        replies = [api.send("POST", "/stacks", body) for body in bodies]
        replies.append(api.raw(http_event("POST", "/stacks", f'{{"{arn}": 1, "{arn}": 2}}')))
        replies.append(api.deploy(arn, arn, repouri=arn))
        replies.append(api.status(arn, arn))
        assert {reply.status for reply in replies} == {400, 404}
        check_hidden(cloud, *replies)
        for reply in replies:
            assert "arn:" not in json.dumps(reply.body)


@pytest.mark.parametrize("secret", [SECRET, KEYED, PARAMETER])
def test_a_secret_of_another_account_is_refused(cloud: FakeCloud, api: Client, secret: str) -> None:
    elsewhere = secret.replace(ACCOUNT, "999999999999")
    reply = api.create(service={"secrets": {"A": elsewhere, "B": secret}})
    assert (reply.status, reply.body["errors"]) == (
        400,
        [
            {
                "field": "service.secrets.A",
                "message": "must be in the AWS account of this service",
            }
        ],
    )
    assert cloud.wire.journal == []
    assert api.create(service={"secrets": {"A": secret.replace("eu-central-1", "us-east-1")}}).id
