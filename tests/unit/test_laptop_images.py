"""Image references, manifests, task addresses and restarts of the laptop cloud."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tools.laptop import images
from tools.laptop.addresses import Addresses
from tools.laptop.patches.restarts import Restarts
from tools.laptop.registry import ImageMissingError, Reference, Registry

HOST = "000000000000.dkr.ecr.eu-west-1.amazonaws.com"


class Scoped(dict[tuple[str, str, str], Any]):
    """The emulator's dictionary by account, region and key."""

    def get_scoped(self, *key: str) -> Any:
        account, region, name = key
        return self.get((account, region, name))


def registry(*pushed: tuple[str, str]) -> Registry:
    stored = [
        {
            "imageDigest": f"sha256:{tag}",
            "imageTags": [tag],
            "imageManifest": images.manifest("app", tag, behaviour),
        }
        for tag, behaviour in pushed
    ]
    held = Scoped({("000000000000", "eu-west-1", "app"): stored})
    return Registry(SimpleNamespace(_images=held))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app", Reference("app", "latest")),
        ("app:1.0", Reference("app", "1.0")),
        ("host:5000/app", Reference("host:5000/app", "latest")),
        ("host:5000/app:1.0", Reference("host:5000/app", "1.0")),
        ("app@sha256:ab", Reference("app", "", "sha256:ab")),
        ("app:1.0@sha256:ab", Reference("app", "1.0", "sha256:ab")),
    ],
)
def test_reference_is_split(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected


@pytest.mark.parametrize("reference", [f"{HOST}/app:1.0.0.1", f"{HOST}/app@sha256:1.0.0.1"])
def test_pushed_image_is_found_by_tag_and_by_digest(reference: str) -> None:
    image = registry(("1.0.0.0", ""), ("1.0.0.1", "crash")).resolve(reference)
    assert (image.digest, image.version, image.behaviour) == ("sha256:1.0.0.1", "1.0.0.1", "crash")


def test_word_in_the_tag_sets_the_behaviour_too() -> None:
    assert registry(("2-unhealthy", "")).resolve(f"{HOST}/app:2-unhealthy").behaviour == "unhealthy"


@pytest.mark.parametrize(
    "reference",
    [
        f"{HOST}/app:2",
        f"{HOST}/app@sha256:2",
        f"{HOST}/other:1",
        "public.ecr.aws/library/app:is-missing",
    ],
)
def test_image_that_was_not_pushed_is_missing(reference: str) -> None:
    with pytest.raises(ImageMissingError, match="failed to resolve ref"):
        registry(("1", "")).resolve(reference)


def test_image_of_another_registry_exists_and_keeps_its_version_behind_its_digest() -> None:
    one = registry()
    by_tag = one.resolve("public.ecr.aws/devops/welcome:1")
    assert one.resolve(f"public.ecr.aws/devops/welcome@{by_tag.digest}") == by_tag


def test_equal_tags_in_two_repositories_have_different_manifests() -> None:
    assert images.manifest("one", "1.0") != images.manifest("two", "1.0")


def test_tasks_never_share_an_address_and_reuse_the_oldest_last() -> None:
    addresses = Addresses(0x1234)
    first, second = addresses.acquire(), addresses.acquire()
    addresses.release(first)
    assert (first, second, addresses.acquire()) == ("127.18.52.1", "127.18.52.2", "127.18.52.3")


def test_failing_task_is_restarted_later_and_later_until_one_is_healthy() -> None:
    restarts = Restarts()
    delays = []
    for _ in range(12):
        restarts.failed("cluster/service")
        delays.append(restarts.delay("cluster/service"))
    assert delays[:6] == [0, 0, 0, 0.5, 1.0, 2.0]
    assert delays[-1] == 30.0
    restarts.recovered("cluster/service")
    assert restarts.delay("cluster/service") == 0
