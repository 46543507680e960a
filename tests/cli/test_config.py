"""Where the service is: options, environment, file."""

from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devops_cli import config
from devops_cli.config import Profile
from devops_cli.failures import UsageError

FILE = """
[default]
api = https://default/dev/
aws_profile = 100%
[test]
api = https://test/dev
region = eu-central-1
api_key = key-of-test
[bare]
region = eu-west-3
"""
OF_ENVIRONMENT = dict.fromkeys(["DEVOPS_API_KEY"], "of-env")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "devops" / "config"
    file.parent.mkdir()
    file.write_text(FILE)
    return file


@pytest.mark.parametrize(
    ("options", "environment", "api"),
    [
        ({}, {}, "https://default/dev"),
        ({"profile": "test"}, {}, "https://test/dev"),
        ({}, {"DEVOPS_PROFILE": "test"}, "https://test/dev"),
        ({}, {"DEVOPS_API": "https://env/dev"}, "https://env/dev"),
        ({}, {"DEVOPS_API": "https://env/dev", "DEVOPS_PROFILE": "test"}, "https://env/dev"),
        ({"profile": "test"}, {"DEVOPS_API": "https://env/dev"}, "https://test/dev"),
        ({"profile": "bare"}, {"DEVOPS_API": "https://env/dev"}, "https://env/dev"),
        ({"api": "https://option/dev"}, {"DEVOPS_API": "https://env/dev"}, "https://option/dev"),
        ({"api": "https://option/dev", "profile": "test"}, {}, "https://option/dev"),
    ],
)
def test_an_option_goes_before_the_environment_and_that_before_the_file(
    file: Path, options: dict[str, str], environment: dict[str, str], api: str
) -> None:
    assert config.resolve({"DEVOPS_CONFIG": str(file)} | environment, **options).api == api


def test_a_byte_order_mark_at_the_start_of_the_file_is_ignored(file: Path) -> None:
    file.write_text(f"\ufeff{FILE.lstrip()}", encoding="utf-8")
    assert config.resolve({"DEVOPS_CONFIG": str(file)}).api == "https://default/dev"


@pytest.mark.parametrize(
    ("options", "environment", "key"),
    [
        ({"profile": "test"}, {}, "key-of-test"),
        ({"profile": "test"}, OF_ENVIRONMENT, "key-of-test"),
        ({}, {"DEVOPS_PROFILE": "test"} | OF_ENVIRONMENT, "of-env"),
        ({}, OF_ENVIRONMENT, "of-env"),
        ({"profile": "test", "api": "https://test/dev/"}, {}, "key-of-test"),
        ({"profile": "test", "api": "https://elsewhere/dev"}, {}, ""),
        ({}, {"DEVOPS_PROFILE": "test", "DEVOPS_API": "https://elsewhere/dev"}, ""),
    ],
)
def test_the_key_of_a_profile_goes_to_its_own_address_alone(
    file: Path, options: dict[str, str], environment: dict[str, str], key: str
) -> None:
    assert config.resolve({"DEVOPS_CONFIG": str(file)} | environment, **options).api_key == key


LOOPBACK = [
    "https://host/dev",
    "http://127.0.0.1:4566/dev",
    "http://127.9.9.9/dev",
    "http://[::1]:4566/dev",
    "http://localhost:4566/dev",
    "http://LOCALHOST/dev",
]
REMOTE = [
    "http://host/dev",
    "HTTP://host/dev",
    "http://10.0.0.1/dev",
    "http://0.0.0.0/dev",
    "http://127.0.0.1.example.com/dev",
    "http://localhost.example.com/dev",
    "http://[::ffff:10.0.0.1]/dev",
]


@pytest.mark.parametrize("address", LOOPBACK)
def test_an_api_key_is_sent_with_encryption_or_to_this_machine(address: str) -> None:
    found = config.resolve({"DEVOPS_CONFIG": "/nowhere"} | OF_ENVIRONMENT, api=address)
    assert (found.api, found.api_key) == (address, "of-env")


@pytest.mark.parametrize("address", REMOTE)
@pytest.mark.parametrize("source", ["option", "variable", "profile"])
def test_an_api_key_is_not_sent_over_http_to_another_machine(
    tmp_path: Path, source: str, address: str
) -> None:
    file, options = tmp_path / "config", {}
    environment = {"DEVOPS_CONFIG": str(file)}
    if source == "profile":
        file.write_text(f"[test]\napi = {address}\napi_key = of-file\n")
        options["profile"] = "test"
    elif source == "variable":
        environment |= {"DEVOPS_API": address} | OF_ENVIRONMENT
    else:
        environment |= OF_ENVIRONMENT
        options["api"] = address
    with pytest.raises(UsageError, match="the API key is not sent to") as refused:
        config.resolve(environment, **options)
    assert "https://" in refused.value.hints[0]
    assert "of-" not in f"{refused.value} {refused.value.hints}"


def test_an_address_without_encryption_needs_no_api_key() -> None:
    found = config.resolve({"DEVOPS_CONFIG": "/nowhere"}, api="http://host/dev")
    assert (found.api, found.api_key) == ("http://host/dev", "")


def test_the_rest_of_a_profile_comes_along(file: Path) -> None:
    where = {"DEVOPS_CONFIG": str(file)}
    assert config.resolve(where).aws_profile == "100%"
    assert config.resolve(where, profile="test").region == "eu-central-1"
    assert config.resolve(where, profile="test", region="eu-west-2").region == "eu-west-2"


def test_a_key_is_not_printed_by_accident() -> None:
    key = "sesame"
    assert key not in repr(Profile(api_key=key))


def test_without_an_address_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not configured") as told:
        config.resolve({"DEVOPS_CONFIG": str(tmp_path / "none")})
    said = "\n".join(told.value.hints)
    assert "devops config set api https://" in said
    assert "DEVOPS_API" in said
    assert "--api" in said


def test_the_hint_for_a_profile_without_an_address_names_the_profile(file: Path) -> None:
    with pytest.raises(UsageError, match="not configured") as error:
        config.resolve({"DEVOPS_CONFIG": str(file)}, profile="bare")
    assert error.value.hints[1].endswith("/dev --profile bare")


def test_an_unknown_profile_is_an_error_that_names_the_others(file: Path) -> None:
    with pytest.raises(
        UsageError, match=r"no profile 'prod' in .*; its profiles: default, test, bare"
    ):
        config.resolve({"DEVOPS_CONFIG": str(file)}, profile="prod", api="https://option/dev")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "ftp://there",
        "https://",
        "https://host:0",
        "https://host:port",
        "https://[::1",
        "https://host/dev?x=1",
        "https://host/dev#x",
        "https://me@host/dev",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a valid address"):
        config.parse_address(text)


@pytest.mark.parametrize("key", ["schlüssel", "a\nb"])
def test_what_cannot_be_a_header_is_no_key(key: str) -> None:
    with pytest.raises(UsageError, match="API key"):
        config.resolve({"DEVOPS_API_KEY": key}, api="https://host/dev")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[default]\napi", "contains parsing errors"),
        ("api = x", "no section headers"),
        ("[default]\ncolour = red\n", "has unknown settings: colour"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(UsageError, match=said) as told:
        config.load(file)
    assert str(file) in str(told.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=str(tmp_path)):
        config.load(tmp_path)


def test_the_file_is_where_applications_have_theirs() -> None:
    assert config.path({}).parts[-2:] == ("devops", "config")


def test_settings_are_kept_for_the_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config"
    config.store(file, "test", "api", " https://host/dev/ ")
    config.store(file, "test", "api_key", "100%")
    assert config.load(file) == {"test": Profile(api="https://host/dev", api_key="100%")}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


@contextmanager
def full_disk() -> Iterator[None]:
    """Let each write to a file fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_failed_write_leaves_no_temporary_file(file: Path) -> None:
    with full_disk(), pytest.raises(UsageError, match=r"cannot be written: .*File too large"):
        config.store(file, "test", "api_key", "key")
    assert list(file.parent.iterdir()) == [file]
    assert file.read_text() == FILE


def test_a_profile_goes_with_its_last_setting(file: Path) -> None:
    config.store(file, "bare", "api", None)
    assert "bare" in config.load(file)
    config.store(file, "bare", "region", None)
    config.store(file, "nobody", "region", None)
    assert set(config.load(file)) == {"default", "test"}


@pytest.mark.parametrize(
    ("name", "key", "value", "said"),
    [
        ("default", "colour", "red", "unknown setting 'colour'"),
        ("default", "region", "a\nb", "one line"),
        ("a]b", "region", "a", "one line"),
        (" ", "region", "a", "one line"),
        ("default", "api", "nonsense", "not a valid address"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    file: Path, name: str, key: str, value: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        config.store(file, name, key, value)
    assert file.read_text() == FILE


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.symlink_to(tmp_path / "missing")
    with pytest.raises(UsageError, match=r"cannot be written: .*folder"):
        config.store(folder / "config", "default", "region", "eu-west-1")


@pytest.mark.parametrize(
    ("address", "stack"),
    [
        ("https://abcde12345.execute-api.eu-west-1.amazonaws.com/dev", "devops-ecs-dev"),
        ("http://127.0.0.1:4566/restapis/devops/test/_user_request_", "devops-ecs-test"),
        ("https://deploy.example.com", "devops-ecs-"),
    ],
)
def test_the_name_of_the_stack_contains_the_stage(address: str, stack: str) -> None:
    assert config.stack_of(address) == stack
