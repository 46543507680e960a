"""Names and their rules."""

from __future__ import annotations

import pytest

from devops_core.naming import (
    DEPLOYABLE,
    EcrRegistry,
    Environment,
    Image,
    family,
    output_key,
    repository_name,
    service_name,
)

ACCOUNT, REGION = "123456789012", "eu-west-1"
ECR = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("uri", "image"),
    [
        ("nginx", Image("nginx")),
        ("nginx:1.27", Image("nginx", "1.27")),
        ("nginx:1", Image("nginx", "1")),
        ("nginx:2024", Image("nginx", "2024")),
        ("localhost:5000/app", Image("localhost:5000/app")),
        ("localhost:5000/app:1", Image("localhost:5000/app", "1")),
        ("registry.example.com:443/a/b-c/d_e.f:v1", Image("registry.example.com:443/a/b-c/d_e.f",
                                                          "v1")),
        (f"{ECR}/team/app:Release_1.0-RC", Image(f"{ECR}/team/app", "Release_1.0-RC")),
        (f"{ECR}/app@{DIGEST}", Image(f"{ECR}/app", None, DIGEST)),
        (f"{ECR}/app:1.0@{DIGEST}", Image(f"{ECR}/app", "1.0", DIGEST)),
    ],
    ids=["name", "tag", "numeric tag", "year as tag", "port", "port and tag", "nested path", "ECR",
         "digest", "tag and digest"],
)  # fmt: skip
def test_parses_an_image(uri: str, image: Image) -> None:
    assert Image.parse(uri) == image


@pytest.mark.parametrize(
    "uri",
    ["", " ", "Nginx", "registry/App", "nginx:", "nginx:-1", "nginx:.1", "a//b", "/a", "a/",
     "a:1:2", f"a@{DIGEST[:-1]}", f"a@{DIGEST.upper()}", "a@sha512:00", "a\n",
     "a b", "https://registry/app", "registry:port/app", f"a:{'x' * 129}"],
)  # fmt: skip
def test_refuses_what_is_no_image(uri: str) -> None:
    with pytest.raises(ValueError, match="is not an image reference"):
        Image.parse(uri)


@pytest.mark.parametrize(
    ("image", "uri", "pinned"),
    [
        (Image("a"), "a", "a"),
        (Image("a", "1"), "a:1", "a:1"),
        (Image("a", None, DIGEST), f"a@{DIGEST}", f"a@{DIGEST}"),
        (Image("a", "1", DIGEST), "a:1", f"a@{DIGEST}"),
    ],
    ids=["name", "tag", "digest", "tag and digest"],
)
def test_writes_an_image_for_people_and_pinned(image: Image, uri: str, pinned: str) -> None:
    assert (image.uri, image.pinned) == (uri, pinned)


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        (f"{ECR}/app", "app"),
        (f"{ECR}/team/app", "team/app"),
        (f"{ACCOUNT}.dkr.ecr-fips.{REGION}.amazonaws.com/app", "app"),
        (f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com.cn/app", "app"),
        (f"{ACCOUNT}.dkr-ecr.{REGION}.on.aws/app", "app"),
        (f"{ECR}:443/team/app", "team/app"),
        (f"999999999999.dkr.ecr.{REGION}.amazonaws.com/app", None),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app", None),
        (f"{ECR}.example.com/app", None),
        (ECR, None),
        ("public.ecr.aws/nginx/nginx", None),
        ("nginx", None),
    ],
    ids=["one name", "a path", "FIPS", "China", "dual stack", "a port",
         "another account", "another region",
         "a longer host", "no path", "public registry", "Docker Hub"],
)  # fmt: skip
def test_tells_what_is_in_this_accounts_registry(repository: str, name: str | None) -> None:
    assert Image(repository, "1").ecr_repository(EcrRegistry(ACCOUNT, REGION)) == name


def test_names_made_from_the_application() -> None:
    assert family("MyApp", "prod-1") == "MyApp-prod-1"
    assert repository_name("MyApp") == "myapp"
    assert output_key("prod-1", "Url") == "prod1Url"
    assert output_key("dev", "ServiceArn") == "devServiceArn"


def test_environments_know_production_and_their_service() -> None:
    assert [name for name in Environment if name.is_production] == [
        Environment.PROD_BLUE, Environment.PROD_GREEN,
    ]  # fmt: skip
    assert [service_name(name) for name in DEPLOYABLE] == ["dev", "qa", "stage", "training", "da"]


def test_the_longest_names_fit_a_load_balancer_and_a_target_group() -> None:
    application = "A" * 22

    assert max(len(family(application, name)) for name in ("training", "prod-1")) <= 32
