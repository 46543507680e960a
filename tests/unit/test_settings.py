"""The configuration of the installation."""

from __future__ import annotations

import pytest

from devops_core.access import AccessPolicy
from devops_core.settings import Settings, TemplateLocation
from tests.lab.environment import VARIABLES

OPTIONAL = {
    "PUBLIC_URL", "REQUIRED_TAGS", "LOG_RETENTION_DAYS", "PRODUCTION_SCHEME", "CERTIFICATE_ARN",
    "ACCESS_POLICY", "MAX_VCPUS", "SECRET_KEYS", "ECS_EXEC",
}  # fmt: skip


@pytest.mark.parametrize(
    ("url", "bucket", "key"),
    [
        ("s3://bucket/application.yml", "bucket", "application.yml"),
        ("s3://bucket/a/b.yml", "bucket", "a/b.yml"),
        ("https://bucket.s3.amazonaws.com/a/b.yml", "bucket", "a/b.yml"),
        ("https://bucket.s3.eu-west-1.amazonaws.com/a.yml", "bucket", "a.yml"),
        ("https://bucket.s3-eu-west-1.amazonaws.com/a.yml", "bucket", "a.yml"),
        ("https://bucket.s3.dualstack.eu-west-1.amazonaws.com/a.yml", "bucket", "a.yml"),
        ("https://bucket.s3.cn-north-1.amazonaws.com.cn/a.yml", "bucket", "a.yml"),
        ("https://my.s3-files.s3.eu-west-1.amazonaws.com/a.yml", "my.s3-files", "a.yml"),
        ("https://s3.amazonaws.com/bucket/a/b.yml", "bucket", "a/b.yml"),
        ("https://s3.eu-west-1.amazonaws.com/bucket/a.yml", "bucket", "a.yml"),
        ("https://s3-eu-west-1.amazonaws.com/bucket/a.yml", "bucket", "a.yml"),
        ("https://bucket.s3.amazonaws.com/a%20b.yml", "bucket", "a b.yml"),
    ],
    ids=["s3", "s3 with folders", "virtual-hosted", "with region", "region with hyphen",
         "dual stack", "China", "a bucket with .s3 in its name", "path style",
         "path style with region", "path style with hyphen", "encoded key"],
)  # fmt: skip
def test_takes_the_url_of_a_template_apart(url: str, bucket: str, key: str) -> None:
    assert TemplateLocation.parse(url) == TemplateLocation(url=url, bucket=bucket, key=key)


@pytest.mark.parametrize(
    "url",
    ["", "application.yml", "s3://bucket", "s3://bucket/", "s3:///key", "/bucket/key",
     "http://bucket.s3.amazonaws.com/a.yml", "https://example.com/a.yml",
     "https://bucket.s3.example.com/a.yml", "https://bucket.s3.amazonaws.com/",
     "https://s3.amazonaws.com/bucket", "https://s3.amazonaws.com/bucket/",
     "https://ec2.amazonaws.com/bucket/a.yml", "https://s3.amazonaws.com.evil.org/b/a.yml"],
)  # fmt: skip
def test_refuses_what_is_not_in_s3(url: str) -> None:
    with pytest.raises(ValueError, match="is not the URL of an S3 object"):
        TemplateLocation.parse(url)


@pytest.mark.parametrize("more", ["?versionId=abc", "#part"])
def test_refuses_a_version_that_it_would_not_read(more: str) -> None:
    with pytest.raises(ValueError, match="must not have a query or a fragment"):
        TemplateLocation.parse(f"https://bucket.s3.amazonaws.com/a.yml{more}")


def test_reads_every_setting() -> None:
    settings = Settings.from_environment(VARIABLES)

    assert settings.template.bucket == "ecs-cf-bucket"
    assert settings.tables.training_da == "ECS_Inventory_TrainingDA"
    assert settings.required_tags == ("costCentre", "owner")
    assert settings.access.teams == {"payments": ("arn:aws:iam::123456789012:role/payments-*",)}
    assert settings.public_url == "https://deploy.example.com/dev"
    assert settings.region == "eu-west-1"
    assert settings.max_vcpus == 64
    assert settings.ecs_exec is True
    assert settings.secret_keys == (
        "arn:aws:kms:eu-west-1:123456789012:key/1",
        "arn:aws:kms:eu-west-1:123456789012:key/2",
    )


@pytest.mark.parametrize("name", sorted(set(VARIABLES) - OPTIONAL))
def test_a_missing_setting_is_named(name: str) -> None:
    rest = {key: value for key, value in VARIABLES.items() if key != name}

    with pytest.raises(KeyError, match=name):
        Settings.from_environment(rest)


def test_optional_settings_have_defaults() -> None:
    rest = {key: value for key, value in VARIABLES.items() if key not in OPTIONAL}

    settings = Settings.from_environment(rest)

    assert settings.required_tags == ()
    assert (settings.public_url, settings.certificate) == ("", "")
    assert (settings.log_retention_days, settings.production_scheme) == ("30", "internal")
    assert settings.access == AccessPolicy()
    assert settings.max_vcpus is None
    assert settings.secret_keys == ()
    assert settings.ecs_exec is False


def test_an_unusable_template_is_refused_when_the_function_starts() -> None:
    with pytest.raises(ValueError, match="'nowhere'"):
        Settings.from_environment(VARIABLES | {"TEMPLATE_URL": "nowhere"})


def test_a_policy_that_is_not_understood_is_refused_when_the_function_starts() -> None:
    with pytest.raises(ValueError, match="ACCESS_POLICY is not JSON"):
        Settings.from_environment(VARIABLES | {"ACCESS_POLICY": "{"})
