"""The digests of images that are not in this account's ECR: ECS reports them after the rollout."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.inventory import Service
from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import Crash, FakeCloud
from tests.lab.fakes.cloud import REGISTRY

NGINX = "public.ecr.aws/nginx/nginx"
DIGESTS = tuple(f"sha256:{digit * 64}" for digit in "12")
READ = "containers.digests"
REFUSAL = "A promote refuses this version: deploy it again, with the digest in repouri"


def _service(cloud: FakeCloud, environment: Environment = Environment.DEV) -> Service:
    service = cloud.tables.inventory_of("Shop").service(environment)
    assert service
    return service


def test_the_reported_digest_is_recorded_and_promoted(
    shop: FakeCloud, api: Client, dry: DryClient
) -> None:
    shop.containers.resolved[f"{NGINX}:1.27"] = DIGESTS[:1]
    done = api.finished(api.deploy("1.27", "dev", repouri=NGINX))
    assert done.environments["DEV"]["digest"] == DIGESTS[0]
    assert "warnings" not in done.operation
    assert shop.containers.running("Shop", "dev").image == f"{NGINX}:1.27"
    service = _service(shop)
    assert (service.image, service.digest) == (f"{NGINX}:1.27", DIGESTS[0])
    # The record of the task definition stays exact.
    (container,) = service.blueprint["containerDefinitions"]
    assert container["image"] == f"{NGINX}:1.27"
    succeeded = [each for each in shop.tables.events_of("Shop", done.id) if each.environment]
    assert [event.digest for event in succeeded] == [DIGESTS[0]]
    # Afterwards the tag is moved, and production still gets the tested bytes.
    shop.containers.resolved[f"{NGINX}:1.27"] = DIGESTS[1:]
    (planned,) = dry.promote().body["plan"]["environments"]
    promoted = api.finished(api.promote(digest=DIGESTS[0]))
    part = promoted.environments["PROD-BLUE"]
    assert (planned["digest"], part["digest"], part["version"]) == (DIGESTS[0], DIGESTS[0], "1.27")
    assert shop.containers.running("Shop", "prod-2").image == f"{NGINX}@{DIGESTS[0]}"
    # A promote knows the digest.
    assert shop.wire.count(READ) == 1


def test_each_environment_has_the_digest_of_its_own_tasks(shop: FakeCloud, api: Client) -> None:
    shop.containers.resolved[f"{NGINX}:1.27"] = DIGESTS[:1]
    shop.containers.automatic = False
    reply = api.deploy("1.27", "dev", "qa", repouri=NGINX)
    for _ in range(2):
        shop.containers.advance("Shop", "dev")
    api.status(reply.id)
    # The tag is moved before the tasks of qa start.
    shop.containers.resolved[f"{NGINX}:1.27"] = DIGESTS[1:]
    shop.containers.automatic = True
    done = api.finished(reply)
    digests = {name: part["digest"] for name, part in done.environments.items()}
    assert digests == {"DEV": DIGESTS[0], "QA": DIGESTS[1]}


@pytest.mark.parametrize(
    ("reported", "cause"),
    [
        (DIGESTS, "the new tasks run images with different digests: " + ", ".join(DIGESTS)),
        (("", DIGESTS[0]), "ECS did not report the digest of the image for all new tasks"),
        (("",), "ECS did not report the digest of the image for all new tasks"),
    ],
    ids=["different", "some without", "none"],
)
def test_without_one_digest_the_deploy_warns_and_a_promote_is_refused(
    shop: FakeCloud, api: Client, dry: DryClient, reported: tuple[str, ...], cause: str
) -> None:
    shop.containers.resolved[f"{NGINX}:1.27"] = reported
    done = api.finished(api.deploy("1.27", "dev", repouri=NGINX))
    assert done.operation["status"] == "SUCCEEDED"
    assert done.operation["warnings"] == [f"DEV 1.27: {cause}. {REFUSAL}"]
    assert "digest" not in done.environments["DEV"]
    assert (_service(shop).version, _service(shop).digest) == ("1.27", None)
    for caller in (api, dry):
        reply = caller.promote()
        assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
        assert reply.body["errorMessage"] == (
            "the digest of 1.27 in DEV of Shop is not on record: deploy 1.27 to it again, with the"
            " digest in repouri if the image is in another registry"
        )
    api.finished(api.deploy("1.27", "dev", repouri=f"{NGINX}:1.27@{DIGESTS[0]}"))
    api.finished(api.promote())
    assert shop.containers.running("Shop", "prod-2").image == f"{NGINX}@{DIGESTS[0]}"


@pytest.mark.parametrize(
    "error",
    [ThrottledError("slow"), UnreachableError("gone"), AccessDeniedError("no"), RefusedError("?")],
    ids=lambda error: type(error).__name__,
)
def test_a_read_that_fails_is_repeated(shop: FakeCloud, api: Client, error: AwsError) -> None:
    shop.wire.fail(READ, error, times=2)
    done = api.finished(api.deploy("1.27", "dev", repouri=NGINX))
    assert done.operation["status"] == "SUCCEEDED"
    assert "warnings" not in done.operation
    assert _service(shop).digest == done.environments["DEV"]["digest"]
    assert shop.wire.count(READ) == 3


def test_a_read_that_fails_until_the_deadline_ends_with_a_warning(
    shop: FakeCloud, api: Client
) -> None:
    shop.wire.fail(READ, AccessDeniedError("the role lacks the permission ecs:ListTasks"))
    reply = api.deploy("1.27", "dev", repouri=NGINX)
    for _ in range(3):
        waiting = api.status(reply.id)
    assert waiting.operation["waitingFor"] == "the role lacks the permission ecs:ListTasks"
    shop.clock.pass_(minutes=31)
    done = api.status(reply.id)
    assert done.operation["status"] == "SUCCEEDED"
    assert done.operation["warnings"] == [
        "DEV 1.27: ECS did not report the digest of the image for all new tasks. " + REFUSAL
    ]
    assert api.promote().status == 409


def test_an_abort_does_not_wait_for_the_digest(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail(READ, AccessDeniedError("no"))
    reply = api.deploy("1.27", "dev", repouri=NGINX)
    for _ in range(3):
        api.status(reply.id)
    aborted = api.abort(reply.id)
    assert aborted.operation["status"] == "SUCCEEDED"
    assert _service(shop).version == "1.27"


def test_a_worker_that_crashes_before_the_read_is_replaced(shop: FakeCloud, api: Client) -> None:
    reply = api.deploy("1.27", "dev", repouri=NGINX)
    shop.wire.fail(READ, Crash(), times=1)
    api.status(reply.id)
    with pytest.raises(Crash):
        api.status(reply.id)
    assert api.finished(reply).environments["DEV"]["digest"] == _service(shop).digest is not None


def test_an_environment_without_tasks_has_no_digest(shop: FakeCloud, api: Client) -> None:
    shop.containers.service("Shop", "dev").desired = 0
    done = api.finished(api.deploy("1.27", "dev", repouri=NGINX))
    assert "no task was started" in done.operation["warnings"][0]
    assert _service(shop).digest is None
    assert shop.wire.count(READ) == 0


@pytest.mark.parametrize("image", ["own", "with a digest"])
def test_a_known_digest_is_not_read(shop: FakeCloud, api: Client, image: str) -> None:
    further: dict[str, Any] = (
        {"repouri": f"{NGINX}@{DIGESTS[0]}"} if image == "with a digest" else {}
    )
    api.finished(api.deploy("1.0", "dev", "qa", **further))
    assert _service(shop).digest
    assert shop.wire.count(READ) == 0


def test_the_same_tag_is_always_rolled_out_again(shop: FakeCloud, api: Client) -> None:
    """Without a read of the registry, only new tasks show whether the tag was moved."""
    for digest in DIGESTS:
        shop.containers.resolved[f"{NGINX}:1.27"] = (digest,)
        before = shop.containers.service("Shop", "dev").primary.id
        done = api.finished(api.deploy("1.27", "dev", repouri=NGINX))
        assert done.environments["DEV"]["digest"] == digest == _service(shop).digest
        assert shop.containers.service("Shop", "dev").primary.id != before


def test_the_first_deploy_from_a_cache_has_the_reported_digest(
    shop: FakeCloud, api: Client
) -> None:
    shop.images.caches = ["hub"]
    done = api.finished(api.deploy("1.27", "dev", repouri=f"{REGISTRY}/hub/nginx"))
    assert done.environments["DEV"]["digest"] == _service(shop).digest is not None
