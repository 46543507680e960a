"""Versions whose tag usually moves, such as `latest`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.cloud import REGISTRY

NGINX = "public.ecr.aws/nginx/nginx"
DIGEST = f"sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("version", "repouri", "tag"),
    [
        ("latest", None, "latest"),
        ("Main", None, "Main"),
        ("latest", NGINX, "latest"),
        ("friday", f"{NGINX}:stable", "stable"),
    ],
)
def test_a_deploy_of_a_moving_tag_has_a_warning(
    shop: FakeCloud, api: Client, dry: DryClient, version: str, repouri: str | None, tag: str
) -> None:
    shop.push(version)
    shop.containers.resolved[f"{NGINX}:{tag}"] = (DIGEST,)
    members: dict[str, Any] = {"repouri": repouri} if repouri else {}
    expected = f"the tag {tag} usually moves: "
    (planned,) = dry.deploy(version, "dev", **members).body["plan"]["warnings"]
    (warning,) = api.finished(api.deploy(version, "dev", **members)).operation["warnings"]
    assert warning == planned
    assert warning.startswith(expected)


@pytest.mark.parametrize(
    ("version", "repouri"),
    [("1.0", None), ("latest-1", None), ("latest", f"{NGINX}@{DIGEST}"), ("latest", f"{NGINX}:1")],
)
def test_a_deploy_of_a_fixed_image_has_no_warning(
    shop: FakeCloud, api: Client, version: str, repouri: str | None
) -> None:
    shop.push(version)
    shop.containers.resolved[f"{NGINX}:1"] = (DIGEST,)
    members: dict[str, Any] = {"repouri": repouri} if repouri else {}
    done = api.finished(api.deploy(version, "dev", **members))
    assert "warnings" not in done.operation


def test_after_the_move_of_a_tag_a_promote_is_refused_and_a_deploy_runs_another_image(
    shop: FakeCloud, api: Client
) -> None:
    first = shop.images.push("shop", "latest", "first")
    api.finished(api.deploy("latest", "dev"))
    second = shop.images.push("shop", "latest", "second")
    shop.images.push("shop", "", "first")
    refused = api.promote()
    assert (refused.status, refused.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert first in refused.body["errorMessage"]
    assert "has no tag" in refused.body["errorMessage"]
    api.finished(api.deploy("latest", "dev"))
    assert shop.containers.running("Shop", "dev").image == f"{REGISTRY}/shop@{second}"
