"""?dryRun=true: what each write would do, told by its plan; nothing is done."""

from __future__ import annotations

import pytest

from devops_core.engine.differences import differences
from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.dry import DryClient, plan
from tests.lab.fakes import ACCOUNT, FakeCloud
from tests.lab.fakes.task_service import HANG

FIRST = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/first:1"
SHOP = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/shop"
URL = "http://internal-Shop"


# --- create ---


def test_a_create_tells_what_cloudformation_would_get(cloud: FakeCloud, dry: DryClient) -> None:
    service = {"cpu": 512, "memory": 1024, "containerPort": 8080}
    environments = {"nonProd": ["dev", "qa"], "da": True}
    told = plan(dry.create(environments=environments, service=service))
    assert {name: value for name, value in told.items() if name != "parameters"} == {
        "kind": "create",
        "applicationName": "Shop",
        "claims": ["DEV", "QA", "DA", "PROD-GREEN", "PROD-BLUE"],
        "environments": [
            {"environment": "DEV"},
            {"environment": "QA"},
            {"environment": "DA"},
            {"environment": "PROD-GREEN", "slot": "prod-1"},
            {"environment": "PROD-BLUE", "slot": "prod-2"},
        ],
        "template": {
            "version": "v1",
            "sha256": "49cbd1e9008e8b67dec76613bb4d6468c822c99701820526928d43b382f35fba",
        },
    }
    made = Client(cloud).create(environments=environments, service=service)
    stack = cloud.stacks.named("Shop")
    assert stack is not None
    assert told["parameters"] | {"SecretArns": ""} == stack.parameters
    assert "SecretArns" not in told["parameters"]
    assert stack.parameters["Environments"] == "dev,qa,da"
    assert told["template"] == made.operation["template"]
    assert [each["environment"] for each in made.operation["environments"]] == told["claims"]


def test_a_create_tells_nothing_of_variables(dry: DryClient) -> None:
    told = plan(dry.create(service={"environment": {"PASSPHRASE": "open sesame"}}))
    assert "sesame" not in str(told)


def test_a_template_without_a_version_is_told_by_its_bytes(
    cloud: FakeCloud, dry: DryClient
) -> None:
    cloud.templates.versioned = False
    assert plan(dry.create())["template"].keys() == {"sha256"}


def test_a_create_reads_the_template_once_and_looks_before(cloud: FakeCloud, api: Client) -> None:
    body = {
        "applicationName": "Shop",
        "email": "team@example.com",
        "tags": {"technicalTeam": "payments"},
    }
    assert api.send("POST", "/stacks", body, query={"dryRun": "true"}).status == 200
    assert cloud.wire.names() == [
        "templates.read", "tables.inventory", "tables.reserved", "stacks.describe",
        "stacks.parameters",
    ]  # fmt: skip


# --- deploy ---


def test_a_deploy_tells_what_would_run_and_what_is_different(
    shop: FakeCloud, api: Client, dry: DryClient
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    told = plan(dry.deploy("1.1", "dev", "qa"))
    digests = {tag: digest for (_, tag), digest in shop.images.pushed.items()}
    image = {"version": "1.1", "image": f"{SHOP}:1.1", "digest": digests["1.1"]}
    new = {"field": "containerDefinitions.app.image", "new": f"{SHOP}@{digests['1.1']}"}
    assert told == {
        "kind": "deploy",
        "applicationName": "Shop",
        "claims": ["DEV", "QA"],
        "environments": [
            {
                "environment": "DEV",
                "url": f"{URL}-dev.elb.example",
                "previousVersion": "1.0",
                **image,
                "taskDefinition": [new | {"old": f"{SHOP}@{digests['1.0']}"}],
            },
            {
                "environment": "QA",
                "url": f"{URL}-qa.elb.example",
                **image,
                "taskDefinition": [new | {"old": FIRST}],
            },
        ],
    }


def test_a_deploy_registers_what_its_plan_has_told(
    shop: FakeCloud, api: Client, dry: DryClient
) -> None:
    before = shop.containers.running("Shop", "dev").request
    (told,) = plan(dry.deploy("1.0", "dev"))["environments"]
    api.finished(api.deploy("1.0", "dev"))
    after = shop.containers.running("Shop", "dev").request
    found = differences(
        {name: value for name, value in before.items() if name != "tags"},
        {name: value for name, value in after.items() if name != "tags"},
    )
    assert told["taskDefinition"] == found


@pytest.mark.usefixtures("shop")
def test_the_same_bytes_again_need_no_task_definition(api: Client, dry: DryClient) -> None:
    api.finished(api.deploy("1.0", "dev"))
    (told,) = plan(dry.deploy("1.0", "dev"))["environments"]
    assert (told["version"], told["previousVersion"]) == ("1.0", "1.0")
    assert "taskDefinition" not in told


@pytest.mark.usefixtures("shop")
def test_an_image_of_elsewhere_is_told_as_it_is_written(dry: DryClient) -> None:
    (told,) = plan(dry.deploy("1.29", "training", repouri="public.ecr.aws/nginx/nginx"))[
        "environments"
    ]
    assert told["image"] == "public.ecr.aws/nginx/nginx:1.29"
    assert "digest" not in told
    assert told["taskDefinition"][0]["new"] == "public.ecr.aws/nginx/nginx:1.29"


# --- production ---


def test_a_promote_tells_the_slot_that_is_not_live(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    api.finished(api.deploy("1.1", "stage"))
    told = plan(dry.promote())
    (blue,) = told.pop("environments")
    assert told == {
        "kind": "deploy-blue",
        "applicationName": "Shop",
        "claims": ["PROD-BLUE", "PROD-GREEN"],
        "production": {"live": "prod-1", "willBeLive": "prod-1"},
    }
    digest = promoted.images.pushed["shop", "1.1"]
    (difference,) = blue.pop("taskDefinition")
    assert difference["new"] == f"{SHOP}@{digest}"
    assert blue == {
        "environment": "PROD-BLUE",
        "slot": "prod-2",
        "url": f"{URL}-prod.elb.example:8080",
        "version": "1.1",
        "previousVersion": "1.0",
        "image": f"{SHOP}:1.1",
        "digest": digest,
    }
    assert api.swap(version="1.0").status == 200
    assert plan(dry.promote(environment="dev"))["production"]["live"] == "prod-2"


def test_a_swap_tells_which_slot_would_be_live(promoted: FakeCloud, dry: DryClient) -> None:
    digest = promoted.images.pushed["shop", "1.0"]
    assert plan(dry.swap(version="1.0")) == {
        "kind": "swap",
        "applicationName": "Shop",
        "claims": ["PROD-BLUE", "PROD-GREEN"],
        "environments": [
            {
                "environment": "PROD-GREEN",
                "slot": "prod-2",
                "url": f"{URL}-prod.elb.example",
                "version": "1.0",
                "image": f"{SHOP}:1.0",
                "digest": digest,
            },
            {
                "environment": "PROD-BLUE",
                "slot": "prod-1",
                "url": f"{URL}-prod.elb.example:8080",
                "previousVersion": "1.0",
                "image": FIRST,
            },
        ],
        "production": {"live": "prod-1", "willBeLive": "prod-2"},
    }


def test_a_swap_to_what_is_live_would_do_nothing(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    assert api.swap(version="1.0").status == 200
    assert plan(dry.swap(version="1.0")) == {
        "kind": "swap",
        "applicationName": "Shop",
        "message": "1.0 is already live; the swap changed nothing",
    }
    assert promoted.tables.in_progress() == []


@pytest.mark.usefixtures("promoted")
def test_a_delete_tells_all_that_would_go(dry: DryClient) -> None:
    assert plan(dry.delete()) == {
        "kind": "delete",
        "applicationName": "Shop",
        "claims": ["DEV", "QA", "STAGE", "TRAINING", "PROD-BLUE", "PROD-GREEN"],
        "environments": [
            {"environment": "DEV", "previousVersion": "1.0"},
            {"environment": "QA"},
            {"environment": "STAGE"},
            {"environment": "TRAINING"},
            {"environment": "PROD-BLUE", "slot": "prod-2", "previousVersion": "1.0"},
            {"environment": "PROD-GREEN", "slot": "prod-1"},
        ],
    }


@pytest.mark.usefixtures("shop")
def test_a_delete_may_be_named_in_the_query(dry: DryClient) -> None:
    assert plan(dry.send("DELETE", "/stacks", query={"stack": "Shop"})) == plan(dry.delete())


# --- what is left of it ---


def test_the_log_says_that_it_was_only_tried(shop: FakeCloud, dry: DryClient) -> None:
    shop.lines.clear()
    dry.deploy("1.0", "dev")
    message, facts = shop.lines[0]
    assert message == "answered"
    assert (facts["status"], facts["kind"], facts["dryRun"]) == (200, "deploy", True)
    assert "operation" not in facts


def test_what_it_would_wait_for_is_not_waited_for(shop: FakeCloud, dry: DryClient) -> None:
    shop.push("slow", HANG)
    reply = dry.deploy("slow", "dev", headers={"Prefer": "wait=25"})
    assert plan(reply)["claims"] == ["DEV"]
    assert "Preference-Applied" not in reply.headers
    assert shop.tables.inventory_of("Shop").rows[Environment.DEV].claim is None
