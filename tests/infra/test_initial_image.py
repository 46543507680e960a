"""The example of the first image: its program runs here, and its Dockerfile is read."""

from __future__ import annotations

import http.client
import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from devops_core.model.specification import FixedSettings
from tests.lab.templates import APPLICATION, ROOT, load, unroll

FOLDER = ROOT / "docs" / "examples" / "initial-image"
# The seconds after SIGTERM after which ECS kills a container (Amazon ECS Developer Guide,
# "stopTimeout": 30 by default); half of it leaves time on a slow machine.
STOP = 15
PATHS = ("/", "/health", "/a.b/c_d-e?full=1&x=%20", "/?", "/" + "x" * 1023)


@pytest.fixture(name="port")
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


@pytest.fixture(name="server")
def running(port: int) -> Iterator[subprocess.Popen[str]]:
    """The program with the variables of the application template."""
    environment = {"PORT": str(port), "APPLICATION": "Shop", "ENVIRONMENT": "prod-2"}
    command = [sys.executable, "-I", str(FOLDER / "server.py")]
    with subprocess.Popen(  # noqa: S603 - the program of the example
        command, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == f"listening on port {port}\n"
        yield process
        process.kill()


@pytest.fixture(name="connection")
def connected(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STOP)
    yield connection
    connection.close()


@pytest.mark.usefixtures("server")
def test_the_program_returns_200_for_each_path_of_a_health_check(
    connection: http.client.HTTPConnection,
) -> None:
    for method, path in [("GET", path) for path in PATHS] + [("HEAD", "/health")]:
        connection.request(method, path)
        with connection.getresponse() as response:
            assert (response.status, response.version) == (200, 11), path
            expected = b"first image: Shop prod-2\n" if method == "GET" else b""
            assert response.read() == expected


def test_the_program_ends_after_sigterm_although_a_connection_is_open(
    server: subprocess.Popen[str], connection: http.client.HTTPConnection
) -> None:
    connection.request("GET", "/health")
    connection.getresponse().read()
    server.send_signal(signal.SIGTERM)
    assert server.wait(STOP) == 0


def instructions() -> dict[str, list[str]]:
    """Return the arguments of the instructions of the Dockerfile by their names."""
    text = (FOLDER / "Dockerfile").read_text()
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    found: dict[str, list[str]] = {}
    for line in filter(None, joined.splitlines()):
        name, _, arguments = line.partition(" ")
        found.setdefault(name, []).append(arguments.strip())
    return found


def test_the_base_is_a_pinned_image_with_the_interpreter_of_the_command() -> None:
    found = instructions()
    (base,), (command,) = found["FROM"], found["CMD"]
    version = re.fullmatch(r"python:(3\.\d+)\.\d+-alpine3\.\d+@sha256:[0-9a-f]{64}", base)
    assert version
    interpreter, *options, program = json.loads(command)
    assert interpreter == f"python{version[1]}"
    assert options == ["-I"]
    (copied,) = found["COPY"]
    source, target = shlex.split(copied)
    assert (FOLDER / source).is_file()
    assert target == program
    (run,) = found["RUN"]
    assert f"setcap cap_net_bind_service=+ep /usr/local/bin/{interpreter} " in run


def test_the_container_is_not_root_and_has_the_default_port() -> None:
    found = instructions()
    (user,), (port,), (exposed,) = found["USER"], found["ENV"], found["EXPOSE"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    default = FixedSettings().container_port
    assert (port, exposed) == (f"PORT={default}", str(default))


def test_the_template_sets_the_variables_that_the_example_reads() -> None:
    """`ENVIRONMENT` of production is the slot, which is independent of live and idle."""
    template = unroll(load(APPLICATION), {"Environments": ["dev"]})
    definitions = [
        each["Properties"]["ContainerDefinitions"][0]["Environment"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::ECS::TaskDefinition"
    ]
    variables = [{each["Name"]: each["Value"] for each in some} for some in definitions]
    assert {"APPLICATION", "PORT", "ENVIRONMENT"} <= set.intersection(*map(set, variables))
    assert sorted(each["ENVIRONMENT"] for each in variables) == ["dev", "prod-1", "prod-2"]
