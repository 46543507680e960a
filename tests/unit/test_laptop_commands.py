"""The command line of the laptop cloud."""

from __future__ import annotations

import pytest

from tools.laptop.__main__ import parser


def test_a_port_is_taken() -> None:
    assert parser().parse_args(["up", "--port", "4566"]).port == 4566


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_what_is_no_port_is_told_in_a_sentence(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["up", f"--port={port}"])
    assert "a port is a number from 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:9000", "https://localhost"])
def test_lambdas_call_aws_where_they_are_told(address: str) -> None:
    assert parser().parse_args(["up", f"--lambda-endpoint={address}"]).lambda_endpoint == address


@pytest.mark.parametrize("address", ["127.0.0.1:9000", "nonsense", "http://", "ftp://there"])
def test_what_is_no_address_is_told_before_anything_starts(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["up", f"--lambda-endpoint={address}"])
    assert f"{address} is not a URL" in capsys.readouterr().err
