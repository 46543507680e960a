"""Containers without a container engine: each container is a process with a loopback address.

The classes implement the part of docker-py that MiniStack uses, with its names and return types.
The package `standin/docker` provides them under the name that MiniStack imports.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.laptop.addresses import Addresses, bindable_port
from tools.laptop.registry import Image

PROGRAM = Path(__file__).with_name("task_server.py")
START_TIMEOUT = 30.0  # seconds until a task program accepts connections
TASK_ARN = "com.amazonaws.ecs.task-arn"
CONTAINER_NAME = "com.amazonaws.ecs.container-name"


class Log:
    """The output of a process, readable while the process runs."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._closed = False
        self._changed = threading.Condition()

    def fill(self, stream: Any) -> None:
        """Read `stream` to its end; runs in a separate thread."""
        for line in stream:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def tail(self, count: int | str) -> bytes:
        """Return the last `count` lines; "all" returns all lines."""
        with self._changed:
            return b"".join(self._lines if count == "all" else self._lines[-int(count) :])

    def follow(self) -> Iterator[bytes]:
        """Yield every line, and wait for further lines until the process ends."""
        for position in itertools.count():
            with self._changed:
                while not self._closed and len(self._lines) <= position:
                    self._changed.wait()
                line = self._lines[position : position + 1]
            if not line:
                return
            yield line[0]


class Container:
    """A running or ended task program (docker-py: `docker.models.containers.Container`)."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, port: int, **about: Any):
        self.id = secrets.token_hex(32)
        self.name: str = about["name"]
        self.labels: dict[str, str] = about["labels"]
        self.image_digest: str = about["image_digest"]
        self.address = address
        self.port = port
        self.removed = False
        self._process = process
        self._log = Log()
        threading.Thread(target=self._log.fill, args=(process.stdout,), daemon=True).start()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def status(self) -> str:
        """`running` or `exited`."""
        return "running" if self._process.poll() is None else "exited"

    @property
    def attrs(self) -> dict[str, Any]:
        """The part of `docker inspect` that MiniStack reads."""
        return {
            "State": {"Status": self.status, "ExitCode": self._process.returncode},
            "NetworkSettings": {"Networks": {"laptop": {"IPAddress": self.address}}},
        }

    def reload(self) -> None:
        """Do nothing, because `status` always reads the process."""

    def wait(self) -> dict[str, int]:
        """Wait for the end of the process and return `{"StatusCode": n}`."""
        return {"StatusCode": self._process.wait()}

    def logs(self, *, stream: bool = False, tail: int | str = "all", **_: Any) -> Any:
        """Return the output as bytes, or with `stream` as an iterator over lines."""
        return self._log.follow() if stream else self._log.tail(tail)

    def stop(self, timeout: float = 10) -> None:
        """Send SIGTERM, and SIGKILL after `timeout` seconds."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def remove(self, *, v: bool = False, force: bool = False) -> None:
        """Remove the container; with `force` also a running one."""
        del v  # these containers have no volumes
        if force:
            self._signal(signal.SIGKILL)
            self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        self.removed = True

    def wait_until_listening(self) -> None:
        """Wait until the port accepts connections, the program ends, or START_TIMEOUT is over."""
        deadline = time.monotonic() + START_TIMEOUT
        pause = threading.Event()
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((self.address, self.port), timeout=1).close()
            except OSError:
                pause.wait(0.01)
            else:
                return

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)


class Engine:
    """Starts containers and keeps them until they are removed.

    Args:
        addresses: assigns the loopback addresses of the tasks.
        task_port: maps (task ARN, container name) to the container port.

    """

    def __init__(self, addresses: Addresses, task_port: Any) -> None:
        self._addresses = addresses
        self._task_port = task_port
        self._containers: dict[str, Container] = {}
        self._ports: dict[tuple[str, int], int] = {}

    def run(self, reference: str, image: Image, options: dict[str, Any]) -> Container:
        """Start a container and return it when it accepts connections or has ended."""
        labels = options.get("labels") or {}
        port = self._task_port(labels.get(TASK_ARN, ""), labels.get(CONTAINER_NAME, ""))
        address = self._addresses.acquire()
        bound = self._ports[address, port] = bindable_port(address, port)
        process = _start(address, bound, _environment(reference, image, options))
        container = Container(
            process,
            address,
            bound,
            name=options.get("name") or "task",
            labels=labels,
            image_digest=image.digest,
        )
        self._containers[container.id] = container
        container.wait_until_listening()
        return container

    def all(self) -> list[Container]:
        """Return all containers, including ended ones."""
        self._forget_removed()
        return list(self._containers.values())

    def bound_port(self, address: str, port: int) -> int:
        """Return the real port of the container that serves `address:port`."""
        return self._ports.get((address, port), port)

    def stop_all(self) -> None:
        """Kill all containers, at the stop of the laptop cloud."""
        for container in self.all():
            container.remove(force=True)
        self._forget_removed()

    def _forget_removed(self) -> None:
        for container in [c for c in list(self._containers.values()) if c.removed]:
            if self._containers.pop(container.id, None):
                self._addresses.release(container.address)


def _environment(reference: str, image: Image, options: dict[str, Any]) -> dict[str, str]:
    variables = {
        name: str(value).replace("host.docker.internal", "127.0.0.1")
        for name, value in (options.get("environment") or {}).items()
    }
    description = {
        "IMAGE": reference,
        "VERSION": image.version,
        "BEHAVIOUR": image.behaviour,
        "COMMAND": json.dumps(options.get("command") or []),
    }
    marker = {"LAPTOP_CLOUD": os.environ.get("LAPTOP_CLOUD", "")}
    return {"PATH": os.defpath, **variables, **description, **marker}


def _start(address: str, port: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start the task program; it ends when the pipe to its standard input is closed."""
    return subprocess.Popen(  # noqa: S603 - our own program, no shell
        [sys.executable, "-I", "-S", "-u", str(PROGRAM), address, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )
