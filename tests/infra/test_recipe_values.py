"""The recipes for build servers pass hostile values unchanged, and leave no temporary files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.lab.laptop import recipes
from tests.lab.laptop.recipes import Step
from tests.lab.prepared_service import Service, run

VALUES = [
    "1.0",
    'a"b',
    "a\\",
    'x", "environment": ["prod"], "y": "',
    "a\nX-Injected: b",
    "a\r\nb",
    "ü\u2028",
    "-x",
    "--data=@/etc/hostname",
    "--help",
    "@/etc/hostname",
    "$(id)`id`;id|id&&id",
    "' '",
    "a b  c\t*",
    "%s%n",
    "::error::x",
    "##[error]x",
]
REGION = "eu-west-1"
Request = tuple[str, dict[str, str], bytes]


class Recorder(BaseHTTPRequestHandler):
    """Records each request and returns the next prepared status."""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        requests: list[Request] = self.server.requests  # type: ignore[attr-defined]
        requests.append((self.path, dict(self.headers.items()), content))
        self.send_response(self.server.statuses.pop(0))  # type: ignore[attr-defined]
        body = b'{"warnings": ["no task"]}\n'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as running:
        running.requests, running.statuses = [], [400]  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def deploy(
    server: ThreadingHTTPServer,
    tmp_path: Path,
    *arguments: str,
    credentials: Credentials | None = None,
    build: str = "17",
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run deploy.sh with temporary files in a folder, which must be empty afterwards."""
    keys = credentials or Credentials("AKIDEXAMPLE", "not-real")
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    done = subprocess.run(  # noqa: S603 - our own recipe
        [str(recipes.RECIPES / "deploy.sh"), *arguments],
        env={
            "PATH": os.environ["PATH"],
            "API_URL": f"http://127.0.0.1:{server.server_port}/dev",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            **({"AWS_SESSION_TOKEN": keys.token} if keys.token else {}),
            "BUILD_ID": build,
            "TMPDIR": str(temporary),
            "no_proxy": "*",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert not list(temporary.iterdir())
    return done


def requests(server: ThreadingHTTPServer) -> list[Request]:
    found: list[Request] = server.requests  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_script_sends_each_value_unchanged(
    server: ThreadingHTTPServer, tmp_path: Path, value: str
) -> None:
    done = deploy(server, tmp_path, value, value, value)
    assert done.returncode == 1, done.stderr  # the status is 400
    [(path, headers, content)] = requests(server)
    assert path == "/dev/stacks/deploy"
    assert json.loads(content) == {
        "applicationName": value, "environment": [value], "version": value,
    }  # fmt: skip
    assert headers["Idempotency-Key"].isalnum()
    assert {name.lower() for name in headers} == {
        "host", "user-agent", "accept", "content-length", "content-type", "prefer",
        "idempotency-key", "authorization", "x-amz-date",
    }  # fmt: skip


def test_the_script_repeats_a_call_with_the_same_key_until_its_end(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    server.statuses = [202, 202, 200]  # type: ignore[attr-defined]
    done = deploy(server, tmp_path, "Shop", "dev", "1.0")
    assert (done.returncode, done.stdout) == (0, '{"warnings": ["no task"]}\n')
    assert done.stderr == '"warnings": ["no task"]\n'
    assert len({headers["Idempotency-Key"] for _, headers, _ in requests(server)}) == 1


def test_each_other_call_of_the_script_has_another_key(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    calls = [
        ("Shop", "dev", "1.0", "17"),
        ("Shop", "dev", "1.0", "18"),
        ("Shop", "dev", "1.0-17", "17"),
        ("Shop-dev", "1.0", "17", "17"),
        ("Shop", "qa", "1.0", "17"),
    ]
    server.statuses = [200] * len(calls)  # type: ignore[attr-defined]
    for *arguments, build in calls:
        deploy(server, tmp_path, *arguments, build=build)
    assert len({headers["Idempotency-Key"] for _, headers, _ in requests(server)}) == len(calls)


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("AKIDEXAMPLE", 'a"b\\c'),
        Credentials("AKIDEXAMPLE", "a\\"),
        Credentials("AKIDEXAMPLE", "a b#c:d/e+f&g"),
        Credentials("AKIDEXAMPLE", "plain", 'to"ken\\'),
    ],
)
def test_the_script_signs_with_each_secret(
    server: ThreadingHTTPServer, tmp_path: Path, credentials: Credentials
) -> None:
    deploy(server, tmp_path, "Shop", "dev", "1.0", credentials=credentials)
    [(path, headers, content)] = requests(server)
    found = {name.lower(): value for name, value in headers.items()}
    authorization = found["authorization"]
    signed = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
    url = f"http://127.0.0.1:{server.server_port}{path}"
    request = AWSRequest("POST", url, {name: found[name] for name in signed}, content)
    request.context["timestamp"] = found["x-amz-date"]
    judge = SigV4Auth(credentials, "execute-api", REGION)
    text = judge.string_to_sign(request, judge.canonical_request(request))
    assert authorization.endswith(f"Signature={judge.signature(text, request)}")
    assert found.get("x-amz-security-token") == credentials.token


SCRIPT = (recipes.RECIPES / "deploy.sh").read_text()
READ = sorted(
    set(re.findall(r"\$\{?([A-Z_]+)", SCRIPT)) - {"APPLICATION", "ENVIRONMENT", "VERSION"}
)


@pytest.mark.parametrize("value", ["", " ", "\n\t"], ids=repr)
@pytest.mark.parametrize("name", READ)
def test_the_script_refuses_an_empty_variable(
    server: ThreadingHTTPServer, tmp_path: Path, name: str, value: str
) -> None:
    done = deploy(server, tmp_path, "Shop", "dev", "1.0", **{name: value})
    assert (done.returncode, done.stderr) == (2, f"{name} is missing or empty\n")
    assert requests(server) == []


@pytest.mark.parametrize("value", ["", " "], ids=repr)
@pytest.mark.parametrize("name", ["APPLICATION", "ENVIRONMENT", "VERSION"])
def test_the_script_refuses_an_empty_argument(
    server: ThreadingHTTPServer, tmp_path: Path, name: str, value: str
) -> None:
    arguments = {"APPLICATION": "Shop", "ENVIRONMENT": "dev", "VERSION": "1.0", name: value}
    done = deploy(server, tmp_path, *arguments.values())
    assert (done.returncode, done.stderr) == (2, f"{name} is missing or empty\n")
    assert requests(server) == []


@pytest.mark.parametrize("arguments", [[], ["Shop", "dev"], ["Shop", "dev", "1.0", "qa"]])
def test_the_script_requires_three_arguments(
    server: ThreadingHTTPServer, tmp_path: Path, arguments: list[str]
) -> None:
    done = deploy(server, tmp_path, *arguments)
    assert (done.returncode, done.stderr) == (
        2,
        "usage: deploy.sh APPLICATION ENVIRONMENT VERSION\n",
    )
    assert requests(server) == []


def test_the_variables_of_the_script_are_looked_at() -> None:
    assert {"API_URL", "BUILD_ID", "AWS_REGION", "AWS_SESSION_TOKEN"} < set(READ)


# A program in place of `devops` that stores its arguments and prints the text in a variable.
_DEVOPS = """#!/usr/bin/env bash
{ printf '%s\\0' "$@"; printf '\\1'; } >> "$ARGUMENTS"
printf '%s\\n' "${TEXT:-}"
printf '%s\\n' "${TEXT:-}" >&2
exit "${EXIT:-0}"
"""


class Runner:
    """The folder of a build server with a program in place of `devops`."""

    def __init__(self, folder: Path) -> None:
        self.temporary = folder / "temporary"
        self.commands = self.temporary / "devops-ecs" / "bin"
        self.commands.mkdir(parents=True)
        program = self.commands / "devops"
        program.write_text(_DEVOPS)
        program.chmod(0o755)
        (self.commands / "python").symlink_to(sys.executable)
        (folder / ".devops").symlink_to(self.temporary / "devops-ecs")
        self._folder, self._arguments = folder, folder / "arguments"

    def run(self, step: Step, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a step; no temporary file may remain."""
        environment = {
            "PATH": f"{self.commands}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(self.temporary),
            "ARGUMENTS": str(self._arguments),
        }
        merged = Step(step.script, {**step.variables, "PATH": environment["PATH"]}, step.shell)
        done = merged.run(environment | variables, self._folder)
        assert list(self.temporary.iterdir()) == [self.temporary / "devops-ecs"]
        return done

    def calls(self) -> list[list[str]]:
        """Return the arguments of each call of the program."""
        if not self._arguments.exists():
            return []
        calls = self._arguments.read_bytes().split(b"\1")[:-1]
        return [[each.decode() for each in call.split(b"\0")[:-1]] for call in calls]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def action(**inputs: str) -> Step:
    """Return the step of the action that calls `devops`."""
    _, step = recipes.action({"application": "Shop", **inputs})
    return step


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_action_passes_each_value_as_its_own_argument(runner: Runner, value: str) -> None:
    inputs = ("application", "environment", "version", "image", "api", "timeout")
    done = runner.run(action(command="deploy", **dict.fromkeys(inputs, value)))
    assert done.returncode == 0, done.stderr
    options = [f"--{name}={value}" for name in ("timeout", "api", "env", "image", "version")]
    assert runner.calls() == [["deploy", *options, "--", value]]


@pytest.mark.parametrize("name", ["--help", "-h", "--dry-run", "-x", "--", "@x"])
def test_a_name_of_the_action_is_never_an_option(runner: Runner, name: str) -> None:
    """The real command line judges the arguments."""
    runner.run(action(command="swap", application=name, version=name))
    [arguments] = runner.calls()
    service = Service()
    result = run(service, *arguments)
    assert (result.exit_code, service.requests) == (2, [])
    assert "Usage: devops swap" in result.stderr
    assert "Make the idle" not in result.output  # the help of the command


@pytest.mark.parametrize("value", ["x", "promote\n::error::x", "-x", "delete"])
def test_an_unknown_command_of_the_action_is_refused(runner: Runner, value: str) -> None:
    done = runner.run(action(command=value))
    text = "::error::the input for COMMAND is not deploy, promote or swap\n"
    assert (done.returncode, done.stdout, runner.calls()) == (2, text, [])


@pytest.mark.parametrize("code", ["0", "1"])
@pytest.mark.parametrize(
    "text",
    ["::set-output name=x::y", "x\n::add-mask::y", "##[set-output name=x]y", "::stop-commands::x"],
)
def test_a_text_of_the_service_is_no_workflow_command(runner: Runner, text: str, code: str) -> None:
    """GitHub ignores commands between `stop-commands` with a token and the token."""
    step = action(command="promote")
    done = runner.run(step, TEXT=text, EXIT=code)
    again = runner.run(step, TEXT=text, EXIT=code)
    assert (done.returncode, done.stderr) == (int(code), "")
    first, *lines, last = done.stdout.splitlines()
    start, _, token = first.rpartition("::")
    assert (start, last) == ("::stop-commands", f"::{token}::")
    assert len(token) == 32
    assert sorted(lines) == sorted(text.splitlines() * 2)
    assert token not in again.stdout


def test_a_warning_is_one_annotation(runner: Runner) -> None:
    done = runner.run(action(command="promote"), TEXT="Warning: 5%0A::error::x\nother")
    *_, first, second = done.stdout.splitlines()
    assert first == second == "::warning::5%250A::error::x"


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("recipe", [recipes.gitlab, recipes.jenkins, recipes.codebuild])
def test_a_recipe_passes_the_version_as_one_argument(
    runner: Runner, recipe: Callable[[str], list[Step]], value: str
) -> None:
    digest = f"sha256:{64 * '0'}"
    promoted = {"operation": {"environments": [{"digest": digest}]}}
    for step in recipe(value):
        done = runner.run(step, TEXT=json.dumps(promoted))
        assert done.returncode == 0, done.stderr
    option = f"--version={value}"
    assert runner.calls() == [
        ["deploy", "MyDevOpsAPI", "--env", "dev,stage", option],
        ["promote", "MyDevOpsAPI", "--from", "stage", option, "--json"],
        ["swap", "MyDevOpsAPI", option, f"--digest={digest}"],
    ]
