"""The trusted certificates, and the errors of TLS servers and of a proxy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import botocore.session
import pytest
from typer.testing import Result

from devops_cli import certificates, signing
from devops_cli.config import Profile
from tests.lab.prepared_service import KEYS, Clock, Service, Source, answer, run
from tests.lab.raw_server import raw_server
from tests.lab.tls import Authority, connect_proxy, counted

STACKS = b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"stacks": []}'
DEPLOY = ("deploy", "Shop", "--env=dev", "--version=1.1")
BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "Other Root")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def listing(port: int, clock: Clock | None = None, **environment: str) -> Result:
    address = f"https://localhost:{port}/dev"
    return run(None, "ls", environment={"DEVOPS_API": address} | environment, clock=clock)


@pytest.mark.parametrize("name", BUNDLES[:3])
def test_a_variable_names_the_trusted_certificates(authority: Authority, name: str) -> None:
    with raw_server(lambda: STACKS, counted(authority.server(), [])) as port:
        result = listing(port, None, **{name: str(authority.file)})
    assert (result.exit_code, result.stdout) == (0, "No applications.\n"), result.stderr


@pytest.mark.parametrize("name", BUNDLES)
def test_a_variable_can_name_a_directory(authority: Authority, tmp_path: Path, name: str) -> None:
    (tmp_path / authority.hashed_name).write_bytes(authority.file.read_bytes())
    with raw_server(lambda: STACKS, counted(authority.server(), [])) as port:
        assert listing(port, None, **{name: str(tmp_path)}).exit_code == 0


@pytest.mark.parametrize("first", range(3))
def test_the_first_variable_decides(authority: Authority, other: Authority, first: int) -> None:
    right, wrong = str(authority.file), str(other.file)
    with raw_server(lambda: STACKS, counted(authority.server(), [])) as port:
        later = {name: wrong for name in BUNDLES[first + 1 :]}
        assert listing(port, None, **{BUNDLES[first]: right}, **later).exit_code == 0
        later = {name: right for name in BUNDLES[first + 1 :]}
        result = listing(port, None, **{BUNDLES[first]: wrong}, **later)
    assert result.exit_code == 1
    assert f"The trusted certificates are from {BUNDLES[first]}={wrong}.\n" in result.stderr


@pytest.mark.parametrize("variables", [(), BUNDLES[:1], BUNDLES[1:2], BUNDLES[:2]])
def test_the_order_of_the_setting_and_the_variables_is_that_of_botocore(
    authority: Authority, other: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    variables: tuple[str, ...],
) -> None:  # fmt: skip
    configuration = tmp_path / "config"
    configuration.write_text(f"[profile p]\nca_bundle = {authority.file}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    environment = dict.fromkeys(variables, str(other.file))
    for name in BUNDLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.Session(profile="p")
    session.set_credentials(KEYS.access_key, KEYS.secret_key)
    client = session.create_client("sts", region_name="eu-west-1")
    source = signing.credential_source(Profile(aws_profile="p"))
    trust = certificates.load(environment, source.ca_bundle)
    assert trust.source.partition("=")[2] == client._endpoint.http_session._verify


def test_the_setting_of_the_aws_cli_names_the_trusted_certificates(authority: Authority) -> None:
    with raw_server(lambda: STACKS, counted(authority.server(), [])) as port:
        source = Source(None, ca_bundle=str(authority.file))
        environment = {"DEVOPS_API": f"https://localhost:{port}/dev"}
        result = run(None, "ls", environment=environment, source=source)
    assert (result.exit_code, result.stdout) == (0, "No applications.\n"), result.stderr


def test_a_missing_file_of_the_setting_is_named(tmp_path: Path) -> None:
    source = Source(None, ca_bundle=str(tmp_path / "missing.pem"))
    result = run(Service(), "ls", source=source)
    assert result.exit_code == 2
    assert f"ca_bundle: {tmp_path}/missing.pem: No such file or directory" in result.stderr
    assert "remove it from the configuration file of the AWS CLI" in result.stderr


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("/nowhere/ca.pem", "{name}: /nowhere/ca.pem: No such file or directory"),
        (__file__, f"{{name}}: {__file__} has no valid certificates"),
    ],
)
def test_a_variable_that_is_not_valid_is_one_message(name: str, value: str, fault: str) -> None:
    service = Service()
    result = run(service, "ls", environment={name: value})
    assert (result.exit_code, service.requests) == (2, [])
    remedy = f"Set {name} to a file with certificates in PEM format, or remove it: unset {name}"
    assert result.stderr == f"Error: {fault.format(name=name)}\n{remedy}\n"


def test_a_later_variable_that_is_not_valid_has_no_effect(authority: Authority) -> None:
    service = Service()
    service.on("GET", "/stacks", answer(stacks=[]))
    bundles = {"AWS_CA_BUNDLE": str(authority.file), "REQUESTS_CA_BUNDLE": ""}
    assert run(service, "ls", environment=bundles).exit_code == 0


CLOCK = "Check the clock of this machine."
ADDRESS = "Check the address: its host must be a name in the certificate."
BUNDLE = "set AWS_CA_BUNDLE to a file with its root certificate in PEM format."


@pytest.mark.parametrize(
    ("host", "days", "signed", "trusted", "reason", "remedy"),
    [
        ("localhost", -1, True, True, "certificate has expired", CLOCK),
        ("example.com", 1, True, True, "Hostname mismatch", ADDRESS),
        ("localhost", 1, False, True, "self-signed certificate", BUNDLE),
        ("localhost", 1, True, False, "unable to get local issuer certificate", BUNDLE),
    ],
)
@pytest.mark.parametrize("arguments", [("ls",), DEPLOY, (*DEPLOY, "--queue")])
def test_a_certificate_error_is_reported_once_with_the_remedy(
    authority: Authority, host: str, days: int, *, signed: bool, trusted: bool, reason: str,
    remedy: str, arguments: tuple[str, ...],
) -> None:  # fmt: skip
    context = authority.server(host, lifetime=timedelta(days=days), signed=signed)
    connections, clock = list[int](), Clock()
    with raw_server(lambda: STACKS, counted(context, connections)) as port:
        address = f"https://localhost:{port}/dev"
        environment = {"DEVOPS_API": address}
        if trusted:
            environment["AWS_CA_BUNDLE"] = str(authority.file)
        result = run(None, *arguments, environment=environment, clock=clock)
    assert (result.exit_code, len(connections), clock.pauses) == (1, 1, [])
    assert f"Error: the certificate of {address} cannot be verified: {reason}" in result.stderr
    assert result.stderr.count("cannot be verified") == 1
    assert remedy in result.stderr
    # No request was sent.
    assert "--idempotency-key" not in result.stderr


def deploy_before_another_certificate(
    authority: Authority, response: bytes, further: int
) -> Result:
    """Deploy through a server whose certificate is valid for the first connection only.

    It accepts a number of `further` connections.
    """
    contexts = iter([authority.server(), *[authority.server("example.com")] * further])
    with raw_server(
        lambda: response, lambda each: next(contexts).wrap_socket(each, server_side=True)
    ) as port:
        environment = {
            "DEVOPS_API": f"https://localhost:{port}/dev",
            "AWS_CA_BUNDLE": str(authority.file),
        }
        return run(None, *DEPLOY, environment=environment)


def test_after_an_unknown_result_of_a_write_a_certificate_error_names_the_key(
    authority: Authority,
) -> None:
    result = deploy_before_another_certificate(authority, b"", further=1)
    assert result.exit_code == 1
    assert "cannot be verified: Hostname mismatch" in result.stderr
    assert "--idempotency-key" in result.stderr


def test_a_certificate_error_during_a_wait_ends_the_wait(authority: Authority) -> None:
    operation = (
        b'{"operation": {"id": "01JN8EY4M00000000000000001", "applicationName": "Shop",'
        b' "status": "IN_PROGRESS", "kind": "deploy"}}'
    )
    accepted = b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n%b" % (
        len(operation),
        operation,
    )
    result = deploy_before_another_certificate(authority, accepted, further=9)
    assert result.exit_code == 1
    assert result.stderr.count("cannot be verified: Hostname mismatch") == 1
    assert "devops wait Shop 01JN8EY4M00000000000000001" in result.stderr


def test_a_proxy_relays_the_certificate(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        raw_server(lambda: STACKS, counted(authority.server(), [])) as port,
        connect_proxy() as (proxy, targets),
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy}")
        trusted = listing(port, AWS_CA_BUNDLE=str(authority.file))
        clock = Clock()
        untrusted = listing(port, clock=clock)
    assert trusted.exit_code == 0, trusted.stderr
    assert targets == [f"localhost:{port}"] * 2
    assert (untrusted.exit_code, clock.pauses) == (1, [])
    assert untrusted.stderr.count("cannot be verified") == 1
    assert BUNDLE in untrusted.stderr


# The response of AssumeRole: AWS Security Token Service API Reference.
_ASSUMED = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>
<SecretAccessKey>x</SecretAccessKey><SessionToken>x</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>
</AssumeRoleResponse>"""


@contextmanager
def sts(authority: Authority, connections: list[int]) -> Iterator[int]:
    """A server of the Security Token Service with a certificate of the authority."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(
        _ASSUMED
    )
    with raw_server(lambda: head + _ASSUMED, counted(authority.server(), connections)) as port:
        yield port


@pytest.mark.parametrize(
    ("name", "code"), [("AWS_CA_BUNDLE", 0), ("REQUESTS_CA_BUNDLE", 0), ("UNUSED", 4)]
)
def test_the_calls_for_credentials_use_the_same_certificates(
    authority: Authority, tmp_path: Path, name: str, code: int
) -> None:
    configuration = tmp_path / "config"
    configuration.write_text(
        "[profile user]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = x\n"
        "[profile r]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = user\n"
    )
    connections: list[int] = []
    with sts(authority, connections) as port, raw_server(lambda: STACKS) as service:
        done = subprocess.run(
            [sys.executable, "-m", "devops_cli.main", "ls"],
            env={
                "PATH": os.environ["PATH"],
                "DEVOPS_API": f"http://127.0.0.1:{service}/dev",
                "DEVOPS_CONFIG": str(tmp_path / "none"),
                "AWS_CONFIG_FILE": str(configuration),
                "AWS_PROFILE": "r",
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_ENDPOINT_URL_STS": f"https://localhost:{port}",
                "AWS_MAX_ATTEMPTS": "1",
                name: str(authority.file),
            },
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert connections
    if code:
        assert done.stderr.count("Error:") == 1
        assert "the AWS credentials cannot be used: SSL validation failed" in done.stderr
        assert BUNDLE in done.stderr
        assert "aws sso login" not in done.stderr
