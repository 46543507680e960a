"""The recipes for build servers pass hostile values unchanged, and leave no temporary files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from markdown_it import MarkdownIt

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
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        requests: list[Request] = self.server.requests  # type: ignore[attr-defined]
        requests.append((self.path, dict(self.headers.items()), content))
        self.server.methods.append(self.command)  # type: ignore[attr-defined]
        self.send_response(self.server.statuses.pop(0))  # type: ignore[attr-defined]
        body = b'{"warnings": ["no task"]}\n'
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"7"')
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as running:
        running.requests, running.statuses = [], [400]  # type: ignore[attr-defined]
        running.methods = []  # type: ignore[attr-defined]
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
        cwd=tmp_path,
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


def test_the_script_replaces_the_revision_that_it_has_read(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    text = '{"email": "ü@b.example",\n "description": "@x"}'
    (tmp_path / "app.json").write_text(text)
    server.statuses = [200, 202, 200, 200]  # type: ignore[attr-defined]
    done = deploy(server, tmp_path, "a/b", "dev", "1.0")
    assert (done.returncode, done.stdout) == (0, '{"warnings": ["no task"]}\n')
    assert server.methods == ["GET", "PUT", "PUT", "POST"]  # type: ignore[attr-defined]
    _, *puts, (_, last, _) = requests(server)
    assert {path for path, _, _ in puts} == {"/dev/stacks/a%2Fb/spec"}
    assert {content.decode() for _, _, content in puts} == {text}
    assert {headers["If-Match"] for _, headers, _ in puts} == {'"7"'}
    (key,) = {headers["Idempotency-Key"] for _, headers, _ in puts}
    assert key != last["Idempotency-Key"]


@pytest.mark.parametrize("statuses", [[404], [200, 412], [200, 424]])
def test_the_script_does_not_deploy_without_the_specification(
    server: ThreadingHTTPServer, tmp_path: Path, statuses: list[int]
) -> None:
    (tmp_path / "app.json").write_text("{}")
    server.statuses = [*statuses]  # type: ignore[attr-defined]
    done = deploy(server, tmp_path, "Shop", "dev", "1.0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no task" in done.stderr
    assert len(requests(server)) == len(statuses)


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
        (folder / "ci").symlink_to(recipes.RECIPES)
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

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the action."""
        lines = (self._folder / "unnamed.outputs").read_text().splitlines()
        assert all("=" in line for line in lines)
        return dict(line.split("=", 1) for line in lines)

    def summary(self) -> str:
        """Return the job summary of the action."""
        return (self._folder / "summary").read_text()

    def reset(self) -> None:
        """Remove the job summary."""
        (self._folder / "summary").unlink()

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
    assert runner.calls() == [["deploy", *options, "--json", "--", value]]


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
    text = "::error::the input command is not deploy, promote or swap\n"
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
    assert lines == text.splitlines()
    assert token not in again.stdout


def test_the_action_checks_the_order_first(runner: Runner) -> None:
    newer = 40 * "f"
    status = {"stack": {"environments": [{"environment": "STAGE", "version": newer}]}}
    step = action(environment="dev,stage", version=40 * "0", order="stage")
    done = runner.run(step, TEXT=json.dumps(status))
    assert (done.returncode, runner.outputs()) == (1, {})
    assert runner.calls() == [["status", "--json", "--", "Shop"]]
    start, *lines, last = done.stdout.splitlines()
    assert start.startswith("::stop-commands::")
    assert last == f"::{start.rpartition('::')[2]}::"
    assert lines[-1] == f"stage runs {newer}, which is not a predecessor of {40 * '0'}"


@pytest.mark.parametrize("name", ["app.yml", "a b.yml", "--help", "$(id)"])
def test_the_action_applies_a_file_before_the_deploy(
    runner: Runner, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).touch()
    step = action(
        environment="dev", version="1.0", api="https://x.example", specification=name, timeout="5m",
    )  # fmt: skip
    done = runner.run(step)
    assert done.returncode == 0, done.stderr
    common = ["--timeout=5m", "--api=https://x.example"]
    applied, deployed = runner.calls()
    assert applied == ["apply", *common, f"--file={name}", "--yes", "--", "Shop"]
    assert deployed[0] == "deploy"


def test_the_action_applies_nothing_without_the_file_or_for_other_commands(
    runner: Runner, tmp_path: Path
) -> None:
    runner.run(action(environment="dev", version="1.0", specification="app.yml"))
    (tmp_path / "app.yml").touch()
    runner.run(action(command="promote", specification="app.yml"))
    runner.run(action(environment="dev", version="1.0"))
    assert [arguments[0] for arguments in runner.calls()] == ["deploy", "promote", "deploy"]


def test_the_action_does_not_deploy_after_a_refused_file(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "app.yml").touch()
    step = action(environment="dev", version="1.0", specification="app.yml")
    done = runner.run(step, TEXT="::error::x", EXIT="3")
    assert (done.returncode, runner.outputs()) == (3, {})
    assert [arguments[0] for arguments in runner.calls()] == ["apply"]
    start, *_, last = done.stdout.splitlines()
    assert last == f"::{start.rpartition('::')[2]}::"


def test_a_warning_is_one_annotation(runner: Runner) -> None:
    response = {"operation": {"warnings": ["5%0A::error::x\n::error::y\r", "two"]}}
    done = runner.run(action(command="promote"), TEXT=json.dumps(response))
    *_, first, second = done.stdout.splitlines()
    assert first == "::warning::5%250A::error::x%0A::error::y%0D"
    assert second == "::warning::two"


# The id of an operation, and the address of an environment.
_OPERATION, _URL = (
    "01JN8EY4M00000000000000001",
    "http://Shop-dev-1.eu-west-1.elb.amazonaws.com:8080",
)
_DIGESTS = f"sha256:{64 * 'a'}", f"sha256:{64 * 'b'}"


def _part(environment: str, version: str = "1.0", digest: str = _DIGESTS[0]) -> dict[str, str]:
    return {"environment": environment, "version": version, "digest": digest, "url": _URL}


def _operation(*parts: dict[str, str], status: str = "SUCCEEDED", **more: Any) -> dict[str, Any]:
    return {"operation": {"id": _OPERATION, "status": status, "environments": [*parts], **more}}


_ALL = {"operation": _OPERATION, "version": "1.0", "digest": _DIGESTS[0], "url": _URL}
_OLD = _part("PROD-BLUE", "0.9", _DIGESTS[1])


@pytest.mark.parametrize(
    ("command", "response", "outputs"),
    [
        ("deploy", _operation(_part("DEV"), _part("STAGE")), _ALL),
        ("promote", _operation(_part("PROD-BLUE")), _ALL),
        ("swap", _operation(_part("PROD-GREEN"), _OLD), _ALL),
        ("swap", _operation(_OLD, _part("PROD-GREEN")), _ALL),
        ("swap", {"operation": None, "message": "1.0 is already live"}, {"version": "1.0"}),
        ("deploy", _operation(_part("DEV"), status="FAILED"), {"operation": _OPERATION}),
        ("deploy", _operation(_part("DEV"), status="IN_PROGRESS"), {"operation": _OPERATION}),
        ("deploy", {"errorMessage": "busy", "code": "BUSY"}, {}),
        ("deploy", _operation(), {"operation": _OPERATION}),
        ("deploy", {"operation": 5}, {}),
        ("deploy", [], {}),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("code", ["0", "1", "3"])
def test_the_action_has_outputs(
    runner: Runner, command: str, response: Any, outputs: dict[str, str], code: str
) -> None:
    """Also if the step fails, for example because the operation fails or is still in progress."""
    step = action(command=command, version="1.0")
    done = runner.run(step, TEXT=json.dumps(response), EXIT=code)
    assert done.returncode == int(code)
    assert runner.outputs() == outputs


@pytest.mark.parametrize("text", ["", "<h1>Bad gateway</h1>", "{", "[" * 100_000], ids=len)
def test_the_action_without_a_response_has_no_outputs(runner: Runner, text: str) -> None:
    done = runner.run(action(command="deploy"), TEXT=text, EXIT="1")
    assert (done.returncode, runner.outputs()) == (1, {})
    assert "no response" in runner.summary()


HOSTILE = [
    "x\noperation=y", "x\r\nb", "<script>alert(1)</script>", "</code></li></ul><h1>x", "`a` **b**",
    "x\n\n# heading\n[a](http://b)", "![a](http://b/c.png)",
    "| a | b |", "&lt;b&gt;", "@octocat #1",
    "<!-- x", "\u2028\u202e x", "</pre>", "<details open>", "EOF\nEOF", "::error::x", "]]>",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_a_text_of_the_service_does_not_become_an_output(runner: Runner, text: str) -> None:
    part = {"environment": text, "version": text, "digest": text, "url": f"http://{text}"}
    response = _operation(part)
    response["operation"]["id"] = text
    runner.run(action(command="deploy"), TEXT=json.dumps(response))
    assert runner.outputs() == {}


class _Texts(HTMLParser):
    """Collects the tags of a page, and the texts inside of code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.code: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert not attributes
        self.tags.append(tag)
        self.code += [""] if tag == "code" else []

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "code" and data.strip():
            self.code[-1] += data


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_a_text_of_the_service_is_only_code_in_the_summary(runner: Runner, text: str) -> None:
    """The judge is a parser of CommonMark, which lets HTML blocks through."""
    names = ("environment", "slot", "status", "version", "digest", "url")
    response = _operation(dict.fromkeys(names, text), reasons=[text], warnings=[text], status=text)
    runner.run(action(command="deploy"), TEXT=json.dumps({**response, "errorMessage": text}))
    plain = {
        **_operation(dict.fromkeys(names, "x"), reasons=["x"], status="x"),
        "errorMessage": "x",
    }
    judge = MarkdownIt("commonmark", {"html": True}).enable("table")
    seen = _Texts(judge.render(runner.summary()))
    runner.reset()
    runner.run(action(command="deploy"), TEXT=json.dumps(plain))
    assert seen.tags == _Texts(judge.render(runner.summary())).tags
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    assert [each for each in seen.code if each == line] == [line] * (len(names) + 2)


def test_the_summary_has_the_reasons_and_the_environments(runner: Runner) -> None:
    failed = _operation(_part("DEV"), status="FAILED", reasons=["exit code 1"])
    runner.run(action(command="deploy"), TEXT=json.dumps(failed), EXIT="1")
    code = _Texts(MarkdownIt("commonmark", {"html": True}).render(runner.summary())).code
    assert code[:3] == ["deploy of Shop", "FAILED", _OPERATION]
    assert {"DEV", "1.0", _URL, "exit code 1"} < set(code)


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("recipe", [recipes.gitlab, recipes.jenkins, recipes.codebuild])
def test_a_recipe_passes_the_version_as_one_argument(
    runner: Runner, recipe: Callable[[str], list[Step]], value: str
) -> None:
    digest = f"sha256:{64 * '0'}"
    response = {
        "operation": {"environments": [{"digest": digest}]},
        # Without a version every commit is newer.
        "stack": {"environments": [{"environment": "STAGE"}, {"live": True}, {"live": False}]},
    }
    for step in recipe(value):
        done = runner.run(step, TEXT=json.dumps(response))
        assert done.returncode == 0, done.stderr
    status = ["status", "--json", "--", "MyDevOpsAPI"]
    release = [f"--version={value}", f"--digest={digest}"]
    assert runner.calls() == [
        status,
        ["deploy", "MyDevOpsAPI", "--env", "dev,stage", release[0], "--json"],
        status,
        ["promote", "MyDevOpsAPI", "--from", "stage", *release],
        ["swap", "MyDevOpsAPI", *release],
    ]
