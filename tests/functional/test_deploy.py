"""POST /stacks/deploy."""

from dataclasses import replace

import pytest

from devops_core.errors import RefusedError
from devops_core.naming import Environment
from devops_core.registries import AllowedRegistries
from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import Call, FakeCloud
from tests.lab.fakes.cloud import REGISTRY
from tests.lab.fakes.task_service import CRASH, HANG, OK
from tests.lab.registries import OF_REGION, OTHER_ECR, SAME_OTHER_ECR


def _version(cloud: FakeCloud, environment: Environment) -> str | None:
    service = cloud.tables.inventory_of("Shop").service(environment)
    assert service is not None
    return service.version


def _put_back_by_hand(cloud: FakeCloud, name: str) -> None:
    """Let a service run the task definition of the stack, as after a change in the console."""
    service = cloud.containers.service("Shop", name)
    service.deploy(next(iter(cloud.containers.task_definitions)), cloud.clock.now())
    service.complete(cloud.clock.now())


def test_each_environment_runs_the_pushed_digest(shop: FakeCloud, api: Client) -> None:
    done = api.finished(api.deploy("1.0", "qa", "training"))
    digest = shop.images.pushed["shop", "1.0"]
    assert set(done.environments) == {"QA", "TRAINING"}
    for name in ("qa", "training"):
        assert shop.containers.running("Shop", name).image == f"{REGISTRY}/shop@{digest}"
    assert shop.containers.running("Shop", "dev").image == shop.settings.initial_image


def test_a_task_definition_has_the_tags_and_the_id_of_the_operation(
    shop: FakeCloud, api: Client
) -> None:
    reply = api.deploy("1.0", "dev")
    (definition,) = shop.containers.tagged(reply.id)
    settings = shop.tables.records["Shop"].specification.settings(Environment.DEV)
    assert definition.tags == {
        "technicalTeam": "payments",
        "devops:operation": reply.id,
        "devops:spec": settings.hash,
    }
    assert definition.family == "Shop-dev"


def test_a_deploy_deregisters_the_replaced_task_definition_except_that_of_the_stack(
    shop: FakeCloud, api: Client
) -> None:
    first = api.finished(api.deploy("1.0", "dev"))
    assert shop.containers.tagged(first.id)
    api.finished(api.deploy("1.1", "dev"))
    assert shop.containers.tagged(first.id) == []
    family = [
        each for each in shop.containers.task_definitions.values() if each.family == "Shop-dev"
    ]
    assert [each.active for each in family] == [True, False, True]


def test_each_environment_has_its_own_outcome(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev", "qa"))
    shop.wire.fail("containers.register", RefusedError("too many revisions"), times=1)
    failed = api.finished(api.deploy("1.1", "dev", "qa"))
    assert failed.operation["status"] == "FAILED"
    assert failed.operation["reasons"] == ["DEV 1.1: too many revisions"]
    assert failed.environments["DEV"]["status"] == "FAILED"
    assert failed.environments["QA"]["status"] == "SUCCEEDED"
    assert _version(shop, Environment.DEV) == "1.0"
    assert _version(shop, Environment.QA) == "1.1"
    outcomes = [event.outcome for event in shop.tables.events_of("Shop", failed.id)]
    assert outcomes == ["ACCEPTED", "FAILED", "SUCCEEDED", "FAILED"]


def test_a_rollback_by_ecs_fails_the_deploy_and_leaves_no_task_definition(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    before = shop.containers.running("Shop", "dev").arn
    shop.push("bad", CRASH)
    failed = api.finished(api.deploy("bad", "dev"))
    assert failed.operation["status"] == "FAILED"
    assert failed.environments["DEV"]["previousVersion"] == "1.0"
    assert shop.containers.running("Shop", "dev").arn == before
    assert shop.containers.tagged(failed.id) == []
    assert _version(shop, Environment.DEV) == "1.0"


def test_after_a_failure_the_next_deploy_succeeds(shop: FakeCloud, api: Client) -> None:
    shop.push("bad", CRASH)
    api.finished(api.deploy("bad", "dev"))
    assert api.finished(api.deploy("1.0", "dev")).operation["status"] == "SUCCEEDED"


def test_a_missing_image_is_refused_before_the_claim(shop: FakeCloud, api: Client) -> None:
    reply = api.deploy("9.9", "dev")
    assert (reply.status, reply.body["code"]) == (409, "IMAGE_NOT_FOUND")
    assert "shop:9.9" in reply.body["errorMessage"]
    assert shop.tables.in_progress() == []


def test_an_image_of_another_registry_runs_as_requested(shop: FakeCloud, api: Client) -> None:
    start = len(shop.wire.journal)
    done = api.finished(api.deploy("2.0", "dev", repouri="public.ecr.aws/nginx/nginx"))
    assert done.operation["status"] == "SUCCEEDED"
    assert shop.containers.running("Shop", "dev").image == "public.ecr.aws/nginx/nginx:2.0"
    assert shop.wire.count("images.digest", start) == 0
    (digest,) = shop.containers.digests_of("public.ecr.aws/nginx/nginx:2.0")
    assert done.environments["DEV"]["digest"] == digest


@pytest.mark.parametrize("host", [OTHER_ECR, SAME_OTHER_ECR, OF_REGION])
def test_an_image_that_the_execution_roles_cannot_read_is_refused(
    shop: FakeCloud, api: Client, dry: DryClient, host: str
) -> None:
    for caller in (api, dry):
        reply = caller.deploy("2.0", "dev", repouri=f"{host}/shop")
        assert (reply.status, reply.body["code"]) == (400, "INVALID_REQUEST")
        (fault,) = reply.body["errors"]
        assert fault["field"] == "repouri"
        assert "ECR of another account or region" in fault["message"]
    assert shop.wire.count("images.digest") == 0


def test_an_allowed_ecr_registry_replaces_the_other_registries(
    shop: FakeCloud, api: Client
) -> None:
    own = shop.settings.registries.own
    shop.settings = shop.settings._replace(registries=AllowedRegistries(own, (OTHER_ECR,)))
    api.finished(api.deploy("2.0", "dev", repouri=f"{SAME_OTHER_ECR}/shop"))
    assert shop.containers.running("Shop", "dev").image == f"{SAME_OTHER_ECR}/shop:2.0"
    assert api.deploy("2.0", "dev", repouri="nginx").status == 400
    api.finished(api.deploy("1.0", "dev"))
    assert shop.containers.running("Shop", "dev").image.startswith(f"{REGISTRY}/shop@")


def test_an_image_that_a_cache_has_not_imported_yet_is_deployed_by_its_tag(
    shop: FakeCloud, api: Client, dry: DryClient
) -> None:
    shop.images.caches = ["docker-hub"]
    image = f"{REGISTRY}/docker-hub/library/nginx"
    digest = f"sha256:{'7' * 64}"
    shop.containers.resolved[f"{image}:1.27"] = (digest,)
    assert dry.deploy("1.27", "dev", repouri=image).status == 200
    done = api.finished(api.deploy("1.27", "dev", repouri=image))
    assert done.environments["DEV"]["digest"] == digest
    assert shop.containers.running("Shop", "dev").image == f"{image}:1.27"
    # After the first pull, ECR has the image.
    shop.images.pushed["docker-hub/library/nginx", "1.27"] = digest
    promoted = api.finished(api.promote())
    assert promoted.environments["PROD-BLUE"]["digest"] == digest
    assert shop.containers.running("Shop", "prod-2").image == f"{image}@{digest}"


def test_the_version_of_an_image_in_the_own_ecr_is_its_tag(
    shop: FakeCloud, api: Client, dry: DryClient
) -> None:
    for caller in (api, dry):
        reply = caller.deploy("1.0", "nowhere", repouri=f"{REGISTRY}/shop:1.1")
        assert reply.status == 400
        assert [fault["field"] for fault in reply.body["errors"]] == ["environment", "repouri"]
        assert "no other tag than the version" in reply.body["errorMessage"]
    assert shop.wire.count("images.digest") == 0


def test_another_digest_than_that_of_the_tag_is_refused(
    shop: FakeCloud, api: Client, dry: DryClient
) -> None:
    """Otherwise a caller could give an approved version to another image."""
    approved, other = (shop.images.pushed["shop", tag] for tag in ("1.0", "1.1"))
    for uri in (f"{REGISTRY}/shop:1.0@{other}", f"{REGISTRY}/shop@{other}"):
        for caller in (api, dry):
            reply = caller.deploy("1.0", "dev", repouri=uri)
            assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
            assert f"{approved}, not {other}" in reply.body["errorMessage"]
    assert shop.tables.in_progress() == []


@pytest.mark.parametrize("tag", ["", ":1.1"])
def test_the_digest_of_the_tag_is_deployed(shop: FakeCloud, api: Client, tag: str) -> None:
    digest = shop.images.pushed["shop", "1.1"]
    done = api.finished(api.deploy("1.1", "dev", repouri=f"{REGISTRY}/shop{tag}@{digest}"))
    part = done.environments["DEV"]
    assert (part["version"], part["image"], part["digest"]) == (
        "1.1",
        f"{REGISTRY}/shop:1.1",
        digest,
    )
    assert shop.containers.running("Shop", "dev").image == f"{REGISTRY}/shop@{digest}"


def test_the_version_of_an_image_in_another_registry_is_a_label(
    shop: FakeCloud, api: Client
) -> None:
    done = api.finished(api.deploy("friday", "dev", repouri="public.ecr.aws/nginx/nginx:1.27"))
    assert done.environments["DEV"]["version"] == "friday"
    assert shop.containers.running("Shop", "dev").image == "public.ecr.aws/nginx/nginx:1.27"


def test_a_deploy_of_the_running_version_succeeds_without_a_change(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    before = shop.containers.service("Shop", "dev").primary.id
    definitions = len(shop.containers.task_definitions)
    row = shop.tables.inventory_of("Shop").service(Environment.DEV)
    again = api.deploy("1.0", "dev")
    assert (again.status, again.operation["status"]) == (200, "SUCCEEDED")
    assert shop.containers.service("Shop", "dev").primary.id == before
    assert len(shop.containers.task_definitions) == definitions
    assert shop.tables.inventory_of("Shop").service(Environment.DEV) == row


def test_a_moved_tag_is_another_image(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    digest = shop.images.push("shop", "1.0", content="rebuilt")
    done = api.finished(api.deploy("1.0", "dev"))
    assert done.environments["DEV"]["digest"] == digest
    assert shop.containers.running("Shop", "dev").image.endswith(digest)


def test_a_deploy_of_the_recorded_version_overwrites_a_manual_change_of_the_image(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    image = shop.containers.running("Shop", "dev").image
    _put_back_by_hand(shop, "dev")
    assert api.finished(api.deploy("1.0", "dev")).operation["status"] == "SUCCEEDED"
    assert shop.containers.running("Shop", "dev").image == image


def test_a_refused_update_is_recorded_immediately(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev", "qa"))
    for name in ("dev", "qa"):
        _put_back_by_hand(shop, name)
    shop.wire.fail("containers.update", RefusedError("the service is draining"), times=1)
    reply = api.deploy("1.0", "dev", "qa")
    assert reply.environments["DEV"]["status"] == "FAILED"
    outcomes = [event.outcome for event in shop.tables.events_of("Shop", reply.id)]
    assert outcomes == ["ACCEPTED", "FAILED"]
    api.finished(reply)
    api.finished(api.deploy("1.0", "dev"))


def test_a_refusal_names_the_environments_of_the_application(shop: FakeCloud, api: Client) -> None:
    reply = api.deploy("1.0", "dev", "da")
    assert (reply.status, reply.body["code"]) == (409, "NO_SUCH_ENVIRONMENT")
    assert reply.body["errorMessage"] == (
        "Shop has no environment DA: its environments are DEV,"
        " QA, STAGE, TRAINING, PROD-BLUE, PROD-GREEN"
    )
    assert shop.tables.in_progress() == []


@pytest.mark.usefixtures("shop")
def test_a_busy_environment_names_its_operation_and_does_not_block_others(api: Client) -> None:
    holder = api.deploy("1.0", "dev")
    refused = api.deploy("1.1", "dev", "qa")
    assert (refused.status, refused.body["code"]) == (409, "BUSY")
    assert refused.body["operation"] == {
        "id": holder.id,
        "applicationName": "Shop",
        "url": holder.headers["Location"],
    }
    assert f"DEV of Shop is held by operation {holder.id}" in refused.body["errorMessage"]
    other = api.deploy("1.1", "qa")
    assert other.status == 202
    assert api.finished(holder).operation["status"] == "SUCCEEDED"
    assert api.status(other.id).operation["status"] == "SUCCEEDED"


def test_the_loser_of_a_race_receives_the_operation_of_the_winner(
    shop: FakeCloud, api: Client
) -> None:
    won: list[str] = []
    shop.wire.on("tables.claim", lambda: won.append(api.deploy("1.1", "dev").id))
    lost = api.deploy("1.0", "dev")
    assert (lost.status, lost.body["code"]) == (409, "BUSY")
    assert lost.body["operation"]["id"] == won[0]


def test_a_deploy_is_checked_again_after_a_concurrent_row_change(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    shop.wire.on("tables.claim", lambda: api.finished(api.deploy("1.1", "dev")))
    done = api.finished(api.deploy("1.2", "dev"))
    assert done.environments["DEV"]["previousVersion"] == "1.1"


def test_a_deploy_is_refused_after_repeated_row_changes(shop: FakeCloud, api: Client) -> None:
    def restless(call: Call) -> None:
        if call.name == "tables.claim":
            row = shop.tables.rows["Shop", Environment.DEV]
            shop.tables.rows["Shop", Environment.DEV] = replace(row, revision=row.revision + 1)

    shop.wire.before.append(restless)
    start = len(shop.wire.journal)
    reply = api.deploy("1.0", "dev")
    assert (reply.status, reply.body["code"]) == (409, "CHANGED_MEANWHILE")
    assert shop.wire.names(start).count("tables.claim") == 3


def test_a_deploy_to_a_missing_service_fails_with_a_reason(shop: FakeCloud, api: Client) -> None:
    del shop.containers.services_["Shop", "dev"]
    failed = api.finished(api.deploy("1.0", "dev", "qa"))
    assert failed.environments["DEV"]["reason"] == "Service not found."
    assert failed.environments["QA"]["status"] == "SUCCEEDED"
    assert len(shop.containers.tagged(failed.id)) == 1


def test_a_deploy_fails_if_its_service_disappears_during_the_rollout(
    shop: FakeCloud, api: Client
) -> None:
    reply = api.deploy("1.0", "dev")
    del shop.containers.services_["Shop", "dev"]
    failed = api.finished(reply)
    assert failed.environments["DEV"]["reason"] == "the ECS service does not exist any more"
    assert shop.containers.tagged(failed.id) == []


def test_a_status_read_returns_the_progress_of_the_rollout(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    shop.containers.service("Shop", "dev").desired = 2
    reply = api.deploy("1.0", "dev", "qa")
    waiting = api.status(reply.id).operation["waitingFor"]
    assert "DEV: rollout IN_PROGRESS, 0 of 2 new tasks running, 1 pending" in waiting
    assert "QA: rollout IN_PROGRESS, 0 of 1 new tasks running, 0 pending" in waiting


def test_a_rollout_that_never_completes_is_rolled_back_at_the_deadline(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    shop.push("slow", HANG)
    reply = api.deploy("slow", "dev")
    shop.clock.pass_(minutes=29)
    assert api.status(reply.id).operation["status"] == "IN_PROGRESS"
    shop.clock.pass_(minutes=2)
    failed = api.status(reply.id)
    assert failed.operation["status"] == "FAILED"
    assert "did not complete within the time limit" in failed.environments["DEV"]["reason"]
    assert shop.containers.behaviours[shop.containers.running("Shop", "dev").image] == OK
    assert _version(shop, Environment.DEV) == "1.0"


@pytest.mark.parametrize(("repository", "status"), [("shop", 409), ("shared", 200)])
def test_an_image_that_lost_its_tag_is_refused_only_in_the_repository_of_the_application(
    shop: FakeCloud, api: Client, dry: DryClient, repository: str, status: int
) -> None:
    """Only its lifecycle policy removes such images."""
    shop.images.push(repository, "1.5")
    api.finished(api.deploy("1.5", "dev", repouri=f"{REGISTRY}/{repository}"))
    shop.images.pushed[repository, ""] = shop.images.pushed.pop((repository, "1.5"))
    reply = dry.promote()
    assert reply.status == status, reply.body
