"""Notes about values that fit only one environment, or that should be secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from devops_cli.translation.facts import SERVICE, Note

# The words of environments in names and values, with the environments of a specification.
_ENVIRONMENTS = {
    "prod": "prod", "production": "prod", "prd": "prod", "live": "prod",
    "stage": "stage", "staging": "stage", "stg": "stage",
    "qa": "qa", "dev": "dev", "development": "dev",
    "training": "training",
}  # fmt: skip
_SECRET = re.compile(r"(?i)password|passwd|secret|token|api[_-]?key|private[_-]?key|credential")
# The maps of texts in a container, with the remedy for a secret in them.
_STORE = "store the value in Secrets Manager, and write its ARN into"
_CLEAR = {
    ("environment",): f"{_STORE} secrets",
    ("logs", "options"): f"{_STORE} logs.secrets",
    ("logRouter", "options"): f"{_STORE} secrets of the router, whose configuration can use it",
}
_MAPS = (*_CLEAR, ("secrets",))


def is_secret(name: str) -> bool:
    """Return whether a name is like that of a secret."""
    return bool(_SECRET.search(name))


def hints(service: Mapping[str, Any]) -> Iterator[Note]:
    """Yield a note for each value of one environment, and for each variable like a secret."""
    for at, parts in (
        (SERVICE, service),
        *(
            ((*SERVICE, "sidecars", number), each)
            for number, each in enumerate(service.get("sidecars", ()))
        ),
    ):
        for path in _MAPS:
            for name, value in _map(parts, path).items():
                field = (*at, *path, name)
                yield from _environment(field, value)
                if path in _CLEAR and value and is_secret(name):
                    reason = (
                        "the name is that of a secret, and this file is not a place for secrets"
                    )
                    yield Note(_named(field), field, reason, _CLEAR[path])
    if role := service.get("taskRole"):
        yield from _environment((*SERVICE, "taskRole"), role)


def _map(parts: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, str]:
    for name in path:
        parts = parts.get(name, {})
    return parts


def _environment(at: tuple[str | int, ...], value: str) -> Iterator[Note]:
    words = re.findall("[a-z]+", value.lower())
    found = [_ENVIRONMENTS[each] for each in words if each in _ENVIRONMENTS]
    if found:
        yield Note(
            _named(at),
            at,
            f"the value seems to be that of {found[0]}, and all environments receive it",
            f"move it to overrides.{found[0]}, and write the values of the others",
        )


def _named(at: tuple[str | int, ...]) -> str:
    return ".".join(map(str, at))
