"""Starts and stops the laptop cloud: the emulator process and its child processes.

A laptop cloud has a directory (`.local` by default) with its lock, its record, its log and the
temporary files of the emulator. Tests use other directories.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tools.laptop import processes, state
from tools.laptop.clock import MINUTE, Clock

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / ".local"
PYTHON = ROOT / ".local" / "venv" / "bin" / "python"
HOST = "127.0.0.1"
REGION = "eu-west-1"
ACCOUNT = "000000000000"
API_ID = "devops"  # patches.api assigns it to the first REST API
API_STAGE = "dev"
START_LIMIT = 60.0  # seconds; a start takes one or two
STOP_LIMIT = 10.0  # seconds until remaining processes are killed

_children: dict[int, subprocess.Popen[bytes]] = {}  # launchers that this process must reap


class CloudError(Exception):
    """The laptop cloud cannot be started or used; the message names the remedy."""


@dataclass(frozen=True)
class Cloud:
    """A laptop cloud that is running, or was running when it was looked up.

    `auth` is whether calls must be signed and IAM policies are enforced for callers and functions.
    `clock` has its time.
    """

    directory: Path
    pid: int
    port: int
    auth: bool = False
    clock: Clock = field(default_factory=Clock)

    @property
    def endpoint(self) -> str:
        """The URL of every AWS service."""
        return f"http://{HOST}:{self.port}"

    @property
    def api_url(self) -> str:
        """The URL of the deployment service, including the stage; valid after the deployment."""
        return f"{self.endpoint}/restapis/{API_ID}/{API_STAGE}/_user_request_"

    @property
    def environment(self) -> dict[str, str]:
        """The variables for a client: URLs of service and AWS, root credentials, region."""
        return {
            "API_URL": self.api_url,
            "DEVOPS_API": self.api_url,  # read by the command line
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",  # nosec B105 - known key of the emulator, not a secret
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }


@dataclass(frozen=True)
class Options:
    """Options of a start.

    `port` 0 uses a free port. `lambda_endpoint` is the endpoint for the AWS calls of the functions,
    by default the emulator. `docker` runs tasks as real containers. `keep` restores the state at
    the start and saves it at the stop; without it the laptop cloud starts empty. `auth` enables
    authentication. `minute` is the duration of a minute of the laptop cloud in seconds: with 3, its
    time runs 20 times as fast, for AWS and for the functions of the service. Health checks, limits
    of requests and starts of processes remain real.
    """

    port: int = 0
    lambda_endpoint: str = ""
    docker: bool = False
    keep: bool = False
    auth: bool = False
    minute: float = MINUTE


def start(
    directory: Path = DIRECTORY, options: Options | None = None, *, owned: bool = False
) -> Cloud:
    """Return the laptop cloud of a directory; start it unless it is running.

    An `owned` laptop cloud stops when this process ends, even if it is killed.

    Raises:
        CloudError: the port is in use, the virtual environment is missing, or the start failed.

    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "starting").open("w") as start_lock:
        fcntl.flock(start_lock, fcntl.LOCK_EX)  # concurrent starts return the same laptop cloud
        return running(directory) or _launch(directory.resolve(), options or Options(), owned)


def running(directory: Path = DIRECTORY) -> Cloud | None:
    """Return the running laptop cloud of a directory; None if none is running."""
    try:
        with (directory / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        record = json.loads((directory / "cloud.json").read_text())
        return Cloud(directory.resolve(), **record | {"clock": Clock(**record["clock"])})
    return None


def stop(directory: Path = DIRECTORY) -> bool:
    """Stop the laptop cloud and its processes; return whether any process was running.

    This also stops the processes of a launcher that was killed.
    """
    directory = directory.resolve()
    cloud = running(directory)
    if cloud is not None:
        os.kill(cloud.pid, signal.SIGTERM)
        _wait(lambda: running(directory) is None, STOP_LIMIT)
    remaining = processes.started_by(directory)
    if not _wait(lambda: not processes.started_by(directory), STOP_LIMIT / 2 if remaining else 0):
        processes.kill(processes.started_by(directory))
        _wait(lambda: not processes.started_by(directory), STOP_LIMIT)
    if cloud is not None and cloud.pid in _children:
        child = _children.pop(cloud.pid)
        child.communicate()
    state.save(directory)
    for file in (directory / "cloud.json", *state.environments(directory)):
        file.unlink(missing_ok=True)
    return bool(cloud or remaining)


@contextmanager
def started(directory: Path, options: Options | None = None) -> Iterator[Cloud]:
    """Run a laptop cloud during a `with` block, at most until this process ends."""
    cloud = start(directory, options, owned=True)
    try:
        yield cloud
    finally:
        stop(directory)


def _launch(directory: Path, options: Options, owned: bool) -> Cloud:
    if not PYTHON.exists():
        raise CloudError("the emulator is not installed: run `make setup` first")
    port, clock = _port(directory, options), _clock(directory, options)
    _clean_up(directory)
    if options.keep:
        state.restore(directory, port, clock)
    else:
        state.remove(directory)
    with (directory / "cloud.log").open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            [str(PYTHON), "-m", "tools.laptop.launcher"],
            cwd=ROOT,
            env=_launcher_environment(directory, port, options)
            | clock.environment
            | {"LAPTOP_OWNED": str(int(owned))},
            # The launcher stops when the last process with the other end of this pipe has ended.
            stdin=subprocess.PIPE if owned else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    cloud = Cloud(directory, process.pid, port, options.auth, clock)
    record = {name: value for name, value in asdict(cloud).items() if name != "directory"}
    (directory / "cloud.json").write_text(json.dumps(record))
    _wait(lambda: _is_ready(cloud) or process.poll() is not None, START_LIMIT)
    if process.poll() is not None or not _is_ready(cloud):
        stop(directory)
        raise CloudError(f"the emulator did not start:\n{_end_of_log(directory)}")
    return cloud


def _port(directory: Path, options: Options) -> int:
    kept = state.port(directory) if options.keep else 0
    if kept and options.port not in (0, kept):
        raise CloudError(f"the saved state belongs to port {kept}: leave PORT= out")
    port = kept or options.port or _free_port()
    if not _is_free(port):
        raise CloudError(
            f"port {port} is in use: choose another with PORT=, or leave PORT= out for a free port"
        )
    return port


def _clock(directory: Path, options: Options) -> Clock:
    """Return a clock that starts now, or that of the saved state, whose times must not recur."""
    kept = state.clock(directory) if options.keep else None
    if kept and kept.minute != options.minute:
        raise CloudError(
            f"a minute of the saved state has {kept.minute:g} seconds, not {options.minute:g}:"
            " use the same speed, or start without KEEP=1"
        )
    return kept or Clock(time.time(), options.minute)


def _clean_up(directory: Path) -> None:
    """Remove the temporary files of earlier Lambda workers."""
    shutil.rmtree(directory / "tmp", ignore_errors=True)
    (directory / "tmp").mkdir()


def _end_of_log(directory: Path) -> str:
    log = directory / "cloud.log"
    return "\n".join([*log.read_text().splitlines()[-5:], f"(from {log})"])


def _launcher_environment(directory: Path, port: int, options: Options) -> dict[str, str]:
    """Return the environment of the launcher and the Lambda workers.

    It contains no variables of the user except PATH.
    """
    endpoint = f"http://{HOST}:{port}"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(directory / "tmp"),
        "TMPDIR": str(directory / "tmp"),
        "LANG": "C.UTF-8",
        "LAPTOP_CLOUD": str(directory),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": HOST,
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        # Each request through a load balancer and each Lambda invocation occupies a thread. With
        # the default of 64, a hundred slow pages would block the Lambda invocations.
        "MINISTACK_WORKER_THREADS": "512",
        "AWS_ENDPOINT_URL": options.lambda_endpoint or endpoint,
        "AWS_SECRET_ACCESS_KEY": "test",  # nosec B105 - known key of the emulator, not a secret
        "AWS_EC2_METADATA_DISABLED": "true",
        # The names of the load balancers are not in the DNS; the emulator is the proxy to them.
        "http_proxy": endpoint,
        "no_proxy": HOST,
        **_option_environment(directory, options),
    }


def _option_environment(directory: Path, options: Options) -> dict[str, str]:
    """Return the variables of the launcher that depend on the options."""
    chosen = {
        "LAPTOP_DOCKER": str(int(options.docker)),
        "AUTH": str(options.auth).lower(),
    }
    if not options.docker:
        # Other services of the emulator must not find the replacement of the engine.
        chosen["DOCKER_HOST"] = f"unix://{directory}/no-docker.sock"
    return chosen | (state.environment(directory) if options.keep else {})


def _is_ready(cloud: Cloud) -> bool:
    try:
        with urllib.request.urlopen(f"{cloud.endpoint}/_ministack/ready", timeout=2) as response:  # nosec B310 # noqa: S310 - our own http URL
            return bool(response.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition is true; return whether it became true in time."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() >= deadline:
            return False
        pause.wait(0.05)
    return True
