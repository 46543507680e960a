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
_SECRET = re.compile(r"(?i)(?:password|passwd|secret|token|api_?key|private_?key|credential)")
_VALUES = ("environment", "secrets")


def hints(service: Mapping[str, Any]) -> Iterator[Note]:
    """Yield a note for each value of one environment, and for each variable like a secret."""
    for at, parts in (
        (SERVICE, service),
        *(
            ((*SERVICE, "sidecars", number), each)
            for number, each in enumerate(service.get("sidecars", ()))
        ),
    ):
        for member in _VALUES:
            for name, value in parts.get(member, {}).items():
                yield from _environment((*at, member, name), value)
        for name, value in parts.get("environment", {}).items():
            if value and _SECRET.search(name):
                yield Note(
                    _named((*at, "environment", name)),
                    (*at, "environment", name),
                    "the name is that of a secret, and this file is not a place for secrets",
                    "store the value in Secrets Manager, and write its ARN into secrets",
                )
    if role := service.get("taskRole"):
        yield from _environment((*SERVICE, "taskRole"), role)


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
