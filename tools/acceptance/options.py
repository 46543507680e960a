"""The options of the acceptance test."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tools.acceptance.checks import Image
from tools.acceptance.service import Limits

# Public images whose pages differ: nginx sends its version in the header Server. The name of the
# host is that of Docker's official images in Amazon ECR Public.
_REPOSITORY = "public.ecr.aws/docker/library/nginx"
IMAGES = (f"{_REPOSITORY}:1.26-alpine", f"{_REPOSITORY}:1.27-alpine")
# A tag that no repository has, so that the tasks cannot start.
MISSING_TAG = "devops-acceptance-missing"
DIRECTORY = Path(".local") / "acceptance"
_IMAGE = re.compile(r"([^\s@]+):([A-Za-z0-9_][A-Za-z0-9._-]{0,127})")
_DESCRIPTION = """Runs the life of a small application on an installation of the service, and writes
a report. Creates an application with two environments, and always deletes it. docs/acceptance.md
has the permissions, the cost and the duration."""
_EXITS = """Exit codes: 0 passed, 1 a check failed or the removal is incomplete, 2 usage,
130 interrupted."""


@dataclass(frozen=True)
class Options:
    """The options of a run."""

    api: str
    profile: str
    region: str
    first: Image
    second: Image
    failing: Image
    port: int
    health_path: str
    page_proxy: str
    team: str
    email: str
    tags: Mapping[str, str]
    limits: Limits
    drift_limit: timedelta
    directory: Path
    remove: bool


def parse(arguments: Sequence[str]) -> Options:
    """Return the options; end the program with 2 if they are not valid."""
    found = _parser().parse_args(arguments)
    first, second = found.images
    return Options(
        api=found.api,
        profile=found.profile,
        region=found.region,
        first=first,
        second=second,
        failing=found.failing or Image(first.repository, MISSING_TAG),
        port=found.port,
        health_path=found.health_path,
        page_proxy=found.page_proxy,
        team=found.team,
        email=found.email,
        tags=dict(found.tag),
        limits=Limits(
            operation=timedelta(minutes=found.limit),
            failing=timedelta(minutes=found.failing_limit),
            permission=timedelta(minutes=found.permission_limit),
        ),
        drift_limit=timedelta(minutes=found.drift),
        directory=found.directory,
        remove=found.remove,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make acceptance ARGS=...", description=_DESCRIPTION, epilog=_EXITS
    )
    _add_connection(parser.add_argument_group("installation").add_argument)
    _add_application(parser.add_argument_group("application").add_argument)
    _add_limits(parser.add_argument_group("time limits, in minutes").add_argument)
    parser.add_argument(
        "--directory",
        type=Path,
        default=DIRECTORY,
        metavar="PATH",
        help="directory of the report and of the state; default: %(default)s",
    )
    parser.add_argument("--remove", action="store_true", help="only complete an earlier removal")
    return parser


def _add_connection(add: Callable[..., object]) -> None:
    add("--api", default="", metavar="URL", help="address; or set DEVOPS_API or API_URL")
    add("--profile", default="", metavar="NAME", help="profile of `devops config`")
    add("--region", default="", metavar="REGION", help="region, if the address has none")
    add("--page-proxy", default="", metavar="URL", help="HTTP proxy for the pages")


def _add_application(add: Callable[..., object]) -> None:
    images = [*map(_image, IMAGES)]
    default = " ".join(IMAGES)
    add(
        "--images",
        nargs=2,
        type=_image,
        default=images,
        metavar=("FIRST", "SECOND"),
        help=f"two images with different pages; default: {default}",
    )
    add(
        "--failing",
        type=_image,
        metavar="IMAGE",
        help=f"an image that does not start; default: FIRST with the tag {MISSING_TAG}",
    )
    add("--port", type=int, default=80, help="port of the containers; default: %(default)s")
    add(
        "--health-path",
        default="/",
        metavar="PATH",
        help="health check path of all images; default: %(default)s",
    )
    add("--team", default="acceptance", help="tag technicalTeam; default: %(default)s")
    add("--email", default="acceptance@example.com", help="owner; default: %(default)s")
    add("--tag", action="append", type=_tag, default=[], metavar="KEY=VALUE",
        help="further tag; repeatable")  # fmt: skip


def _add_limits(add: Callable[..., object]) -> None:
    limits = {
        "--limit": (30, "abort an operation after this time"),
        "--failing-limit": (15, "abort the deploy of the failing image after this time"),
        "--permission-limit": (2, "abort an operation that lacks a permission for this time"),
        "--drift": (10, "longest wait for the drift check; 0 does not wait"),
    }
    for name, (minutes, text) in limits.items():
        shown = f"{text}; default: {minutes}"
        add(name, type=_minutes, default=float(minutes), metavar="N", help=shown)


def _image(text: str) -> Image:
    found = _IMAGE.fullmatch(text)
    if not found or "/" in found[2]:
        raise argparse.ArgumentTypeError(f"{text!r} is not an image with a tag")
    return Image(found[1], found[2])


def _tag(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1
    if not 0 <= minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes")
    return minutes
