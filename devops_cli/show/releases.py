"""The releases of the two production slots before a swap."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from devops_cli.responses import Object, get_text
from devops_cli.show import texts


def exchange(idle: Object, live: Object) -> Iterator[RenderableType]:
    """Yield a table with the release that a swap makes live and the one that leaves."""
    yield texts.Rows(
        ("", "SLOT", "VERSION", "SPEC", "REPOSITORY", "DIGEST"),
        [["goes live", *_release(idle)], ["leaves", *_release(live)]],
        named=2,
    )
    if not get_text(idle, "version"):
        yield texts.text(
            f"{get_text(idle, 'slot')} runs the first image of the application, a placeholder:"
            " no release was promoted to this slot.",
            "yellow",
        )


def named(environment: Object) -> str:
    """Return the version of an environment with its digest, as far as they are known."""
    version = get_text(environment, "version") or f"the {texts.FIRST_IMAGE}"
    digest = get_text(environment, "digest")
    return f"{version} ({digest})" if digest else version


def _release(environment: Object) -> list[str]:
    return [
        get_text(environment, "slot"),
        get_text(environment, "version") or texts.FIRST_IMAGE,
        get_text(environment, "spec"),
        repository(get_text(environment, "image")),
        get_text(environment, "digest"),
    ]


def repository(image: str) -> str:
    """Return an image without its tag and its digest; a registry can have a port."""
    path = image.partition("@")[0]
    name, colon, tag = path.rpartition(":")
    return name if colon and "/" not in tag else path
