"""The commands of the laptop cloud; the Makefile calls them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tools.laptop import callers, cloud, deploy, images, logs, state
from tools.laptop.clock import MINUTE


def up(options: argparse.Namespace) -> None:
    """Start the laptop cloud and install the service, unless it is running already."""
    running = cloud.running(options.directory)
    if running and (options.directory / "env").exists():
        print(
            f"The laptop cloud is already running; stop it with `make down`.\n\n{_about(running)}"
        )
        return
    start_options = cloud.Options(
        *(options.port, options.lambda_endpoint, options.docker, options.keep, options.auth),
        minute=MINUTE / options.speed,
    )
    started = cloud.start(options.directory, start_options)
    if (options.directory / "env").exists():
        if started.auth and not callers.exist(started.directory):
            deploy.write_caller_environments(started)
        print(f"The laptop cloud has restored its state.\n\n{_about(started)}")
        return
    print(f"The emulator runs at {started.endpoint}; installing the service ...", flush=True)
    deploy.deploy(started, initial_image=options.repouri or deploy.INITIAL_IMAGE)
    print(f"The service is ready.\n\n{_about(started)}")


def down(options: argparse.Namespace) -> None:
    """Stop the laptop cloud and all of its processes."""
    stopped = cloud.stop(options.directory)
    print("Stopped." if stopped else "Nothing was running.")


def show_logs(options: argparse.Namespace) -> None:
    """Print the log lines of the Lambda functions."""
    client = deploy.client(_running(options.directory), "logs")
    for line in logs.lines(client, follow=options.follow):
        if not line.is_routine and line.is_about(options.application, options.operation):
            print(line, flush=True)


def push(options: argparse.Namespace) -> None:
    """Push an image to the laptop cloud's ECR."""
    ecr = deploy.client(_running(options.directory), "ecr")
    digest = images.push_reference(ecr, options.image, options.behaviour or "")
    print(f"{options.image}@{digest}")


def _about(running: cloud.Cloud) -> str:
    file, *others = state.environments(running.directory)
    text = f"{file.read_text()}\nThese variables are in {file}: set -a; . {file}; set +a"
    if others:
        text += f"\nOther callers: {' '.join(map(str, sorted(others)))}"
    return text


def _running(directory: Path) -> cloud.Cloud:
    running = cloud.running(directory)
    if running is None:
        raise cloud.CloudError("the laptop cloud is not running: start it with `make up`")
    return running


def _port(text: str) -> int:
    """Parse a TCP port; 0 means any free port."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _address(text: str) -> str:
    """Parse the URL of a server; an empty text means the emulator itself."""
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise argparse.ArgumentTypeError(
            f"{text} is not a URL: write it with http://, as in http://127.0.0.1:9000"
        )
    return text


def _speed(text: str) -> float:
    """Parse the speed of the clock; with 60, a minute lasts a second."""
    if not text.isdecimal() or not 1 <= int(text) <= 60:
        raise argparse.ArgumentTypeError("the speed is a number from 1 to 60")
    return float(text)


def _errors(text: str) -> str:
    """Parse a percentage of failing requests, and return the behaviour of the image."""
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError("the share of errors is a number from 1 to 100")
    return f"errors={int(text)}"


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m tools.laptop", description=__doc__)
    parser.add_argument(
        "--directory", type=Path, default=cloud.DIRECTORY, help="directory of the laptop cloud"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("up", help=up.__doc__)
    command.set_defaults(run=up)
    command.add_argument("--port", type=_port, default=0, help="0, the default, uses a free port")
    command.add_argument(
        "--lambda-endpoint", type=_address, default="", help="endpoint for the functions' AWS calls"
    )
    command.add_argument("--docker", action="store_true", help="run tasks as real containers")
    command.add_argument("--keep", action="store_true", help="keep the state after a stop")
    command.add_argument(
        "--auth", action="store_true", help="require signatures and enforce IAM policies"
    )
    command.add_argument(
        "--speed", type=_speed, default=1.0, help="the time runs so many times as fast as real time"
    )
    command.add_argument("--repouri", default="", help="first image of a new application")
    commands.add_parser("down", help=down.__doc__).set_defaults(run=down)
    command = commands.add_parser("logs", help=show_logs.__doc__)
    command.set_defaults(run=show_logs)
    command.add_argument("--follow", action="store_true", help="wait for further lines")
    command.add_argument("--application", metavar="NAME", help="only lines about this application")
    command.add_argument("--operation", metavar="ID", help="only lines about this operation")
    command = commands.add_parser("push", help=push.__doc__)
    command.set_defaults(run=push)
    command.add_argument("image", metavar="REPOSITORY:TAG")
    for behaviour, effect in (
        ("crash", "the task exits at start"),
        ("unhealthy", "the task fails its health checks"),
    ):
        command.add_argument(
            f"--{behaviour}", dest="behaviour", action="store_const", const=behaviour, help=effect
        )
    command.add_argument(
        "--errors",
        dest="behaviour",
        type=_errors,
        metavar="PERCENT",
        help="this share of the requests for / fails with status 500",
    )
    return parser


def main() -> int:
    """Run one command; return the exit status."""
    options = parser().parse_args()
    try:
        options.run(options)
    except (cloud.CloudError, images.PushError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
