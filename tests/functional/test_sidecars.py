"""Sidecars: their containers, the digests of their images, their logs and their secrets."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.access import AccessPolicy
from tests.lab.callers import ONLY_TEAMS, OWNER, with_policy
from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import ACCOUNT, REGION, FakeCloud

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
IMAGE = f"{REGISTRY}/agent:1"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:payments/agent"
PUBLIC = f"envoy/envoy@sha256:{'0' * 64}"
AGENT: dict[str, Any] = {"name": "agent", "image": IMAGE, "essential": True, "ports": [8125]}
ROUTER: dict[str, Any] = {"name": "router", "image": PUBLIC, "logRouter": {"type": "fluentbit"}}
WITH_AGENT = {"service": {"sidecars": [AGENT]}}


@pytest.fixture
def pushed(promoted: FakeCloud) -> FakeCloud:
    """Shop, promoted, and an image for a sidecar."""
    promoted.images.push("agent", "1", content="first")
    return promoted


def containers(cloud: FakeCloud, service: str = "dev") -> dict[str, dict[str, Any]]:
    request = cloud.containers.running("Shop", service).request
    return {each["name"]: each for each in request["containerDefinitions"]}


def digest(cloud: FakeCloud, tag: str = "1") -> str:
    return cloud.images.pushed["agent", tag]


def test_an_update_adds_sidecars_by_digest_and_their_logs(pushed: FakeCloud, api: Client) -> None:
    api.finished(api.patch(WITH_AGENT))
    agent = containers(pushed)["agent"]
    assert agent["image"] == f"{REGISTRY}/agent@{digest(pushed)}"
    assert (agent["essential"], agent["portMappings"][0]["containerPort"]) == (True, 8125)
    assert agent["logConfiguration"]["options"]["awslogs-stream-prefix"] == "agent"
    assert agent["logConfiguration"]["options"]["awslogs-group"] == "/ecs/Shop/dev"
    # Production receives them with the next release.
    assert containers(pushed, "prod-2").keys() == {"app"}
    api.finished(api.deploy("1.1", "dev"))
    api.finished(api.promote(environment="dev"))
    assert containers(pushed, "prod-2")["agent"]["image"] == agent["image"]


def test_a_create_resolves_the_images_of_sidecars(cloud: FakeCloud, api: Client) -> None:
    pinned = cloud.images.push("agent", "1")
    api.finished(api.create(service={"sidecars": [AGENT]}))
    for name in ("dev", "prod-1", "prod-2"):
        assert containers(cloud, name)["agent"]["image"] == f"{REGISTRY}/agent@{pinned}"


def test_a_moved_tag_changes_no_sidecar(pushed: FakeCloud, api: Client) -> None:
    api.finished(api.patch(WITH_AGENT))
    first = containers(pushed)["agent"]["image"]
    pushed.images.push("agent", "1", content="second")
    before = pushed.wire.count("images.digest")
    api.finished(api.patch({"service": {"environment": {"LEVEL": "info"}}}))
    assert pushed.wire.count("images.digest") == before
    api.finished(api.deploy("1.1", "dev"))
    assert containers(pushed)["agent"]["image"] == first
    settings = api.specification().body["environments"][0]["settings"]
    assert settings["sidecars"][0]["image"] == first


def test_another_reference_gets_its_own_digest(pushed: FakeCloud, api: Client) -> None:
    api.finished(api.patch(WITH_AGENT))
    pushed.images.push("agent", "2", content="second")
    newer = AGENT | {"image": f"{REGISTRY}/agent:2"}
    api.finished(api.patch({"service": {"sidecars": [newer]}}))
    assert containers(pushed)["agent"]["image"].endswith(digest(pushed, "2"))


def test_a_removed_sidecar_leaves_the_task_and_the_logs_return(
    pushed: FakeCloud, api: Client
) -> None:
    original = containers(pushed)["app"]["logConfiguration"]
    logs = {"driver": "awsfirelens", "options": {"Name": "http"}, "secrets": {"Key": SECRET}}
    service = {"sidecars": [ROUTER], "logs": logs, "dependsOn": {"router": "START"}}
    api.finished(api.patch({"service": service}))
    app = containers(pushed)["app"]
    assert app["logConfiguration"] == {
        "logDriver": "awsfirelens",
        "options": {"Name": "http"},
        "secretOptions": [{"name": "Key", "valueFrom": SECRET}],
    }
    assert app["dependsOn"] == [{"containerName": "router", "condition": "START"}]
    granted = pushed.tables.records["Shop"].stack
    assert granted
    assert SECRET in granted.granted["dev"]
    api.finished(api.patch({"service": None}))
    assert containers(pushed).keys() == {"app"}
    app = containers(pushed)["app"]
    assert app["logConfiguration"] == original
    assert "dependsOn" not in app


def test_credentials_are_only_for_images_outside_of_ecr(pushed: FakeCloud, api: Client) -> None:
    api.finished(api.patch({"service": {"registryCredentials": SECRET}}))
    assert "repositoryCredentials" not in containers(pushed)["app"]
    api.finished(api.deploy("1.0", "dev", repouri="registry.example.com/shop"))
    assert containers(pushed)["app"]["repositoryCredentials"] == {"credentialsParameter": SECRET}
    api.finished(api.deploy("1.1", "dev"))
    assert "repositoryCredentials" not in containers(pushed)["app"]


def test_a_missing_image_is_refused_before_anything_changes(
    pushed: FakeCloud, api: Client, dry: DryClient
) -> None:
    missing = {"service": {"sidecars": [AGENT | {"image": f"{REGISTRY}/agent:9"}]}}
    for client in (api, dry):
        reply = client.patch(missing)
        assert reply.status == 400
        (fault,) = reply.body["errors"]
        assert fault["field"] == "service.sidecars.0.image"
        assert fault["message"] == "this account's ECR has no image agent:9: push it first"
    assert containers(pushed).keys() == {"app"}


def test_a_dry_run_shows_the_digest(pushed: FakeCloud, dry: DryClient) -> None:
    reply = dry.patch(WITH_AGENT)
    assert reply.status == 200
    assert digest(pushed) in str(reply.body["plan"])


def test_a_dry_run_of_a_create_lists_the_sidecars(cloud: FakeCloud, dry: DryClient) -> None:
    pinned = cloud.images.push("agent", "1")
    plan = dry.create(service={"sidecars": [AGENT]}).body["plan"]
    images = [each["sidecars"] for each in plan["environments"]]
    assert images == [{"agent": f"{REGISTRY}/agent@{pinned}"}] * 3


def test_the_name_of_the_container_of_a_custom_template_is_refused(
    pushed: FakeCloud, api: Client
) -> None:
    row = pushed.tables.inventory_of("Shop")
    assert {each.service.container for each in row.rows.values() if each.service} == {"app"}
    reply = api.patch({"service": {"sidecars": [AGENT | {"name": "app"}]}})
    assert [each["field"] for each in reply.body["errors"]] == ["service.sidecars.0.name"]


def test_an_image_and_a_secret_of_another_team_are_refused(owned: FakeCloud) -> None:
    with_policy(owned, ONLY_TEAMS)
    owned.images.push("search/api", "1")
    owned.images.repository_tags = {"search/api": {"technicalTeam": "search"}}
    foreign = AGENT | {"image": f"{REGISTRY}/search/api:1"}
    reply = Client(owned, OWNER).patch({"service": {"sidecars": [foreign]}})
    assert reply.status == 403
    assert reply.body["errorMessage"].endswith(
        "with a sidecar from the repository search/api: it does not exist, or belongs to another"
        " team than payments"
    )
    sidecar = ROUTER | {"secrets": {"KEY": SECRET.replace("payments", "search")}}
    logs = {"driver": "awsfirelens"}
    patch = {"service": {"sidecars": [sidecar], "logs": logs}}
    refused = Client(owned, OWNER).patch(patch)
    assert refused.status == 403
    assert [each["field"] for each in refused.body["errors"]] == ["service.sidecars.0.secrets.KEY"]
    with_policy(owned, AccessPolicy())


def test_storage_and_limits_reach_the_tasks_and_leave_them(pushed: FakeCloud, api: Client) -> None:
    limits = {"nofile": {"soft": 4096, "hard": 8192}}
    api.finished(api.patch({"service": {"ephemeralStorageGiB": 50, "ulimits": limits}}))
    request = pushed.containers.running("Shop", "dev").request
    assert request["ephemeralStorage"] == {"sizeInGiB": 50}
    assert containers(pushed)["app"]["ulimits"] == [
        {"name": "nofile", "softLimit": 4096, "hardLimit": 8192}
    ]
    api.finished(api.patch({"service": {"ephemeralStorageGiB": None, "ulimits": None}}))
    assert "ephemeralStorage" not in pushed.containers.running("Shop", "dev").request
    assert "ulimits" not in containers(pushed)["app"]


def test_a_soft_limit_above_the_hard_one_is_refused(pushed: FakeCloud, api: Client) -> None:
    reply = api.patch({"service": {"ulimits": {"nofile": {"soft": 9, "hard": 5}}}})
    assert reply.status == 400
    assert reply.body["errors"] == [
        {"field": "service.ulimits.nofile.soft", "message": "must be at most 5, the hard limit"}
    ]
    assert "ulimits" not in containers(pushed)["app"]
