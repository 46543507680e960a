"""The parts of reads that only the team of an application and admins receive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devops_core.http.request import Request
    from devops_core.model.inventory import Application

    View = dict[str, Any]

# The policy of a swap, its alarms and the paths of its warm-up are parts of the specification.
_HIDDEN = (
    "alarmStates", "containerLog", "digest", "ignoredAlarms", "image", "policy", "repository",
    "warmup",
)  # fmt: skip
# Members whose texts can name an image, for example an error of a pull, or an alarm.
_TEXTS = (
    "drift", "message", "previousVersion", "reason", "reasons", "version", "waitingFor", "warnings",
)  # fmt: skip
# An image reference with a registry, or a digest.
_REFERENCE = re.compile(
    r"(?:https?://)?[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/[\w.-]+)+(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?"
    r"|sha256:[0-9a-f]+"
)
_CONCEALED = "<image>"
# A setting in a text, for example of a warning about changes by another tool: the member, and the
# name of a variable.
_VARIABLE = re.compile(r"\b(environment|secrets|secretOptions|options)\.[^\s,;]+")

# Names of alarms in the texts of a swap. They can have any characters.
_ALARM = re.compile(
    r"(the alarm ).+?(?= is in the state ALARM| does not exist|, whose state could not be read)"
    r"|(alarms that do not exist: ).+"
)


def visible(request: Request, views: Iterable[View]) -> list[View]:
    """Return views of applications, operations or events as the caller may see them.

    Logs, images, digests, policies of swaps and names of variables and alarms are removed from
    those of other teams. Each view has `applicationName`.
    """
    access, found = request.cloud.settings.access, list(views)
    if access.owns(request.caller, None):
        return found
    applications = _applications(request, found)
    return [
        view if access.owns(request.caller, _team(view, applications)) else concealed(view)
        for view in found
    ]


def _applications(request: Request, views: Iterable[View]) -> dict[str, Application | None]:
    """Return the application of each view without a team, None if it does not exist any more."""
    names = list(dict.fromkeys(v["applicationName"] for v in views if "technicalTeam" not in v))
    if not names:
        return {}
    from devops_core.naming import PRODUCTION

    inventories = request.cloud.listing.inventories(names, PRODUCTION)
    return {name: inventory.application for name, inventory in zip(names, inventories, strict=True)}


def _team(view: View, applications: Mapping[str, Application | None]) -> str | None:
    """Return the team of a view, None if its application was deleted.

    An operation or event before the present create belongs to an earlier application of the same
    name, which can have had another team. The ids of operations are in the order of their times.
    """
    if "technicalTeam" in view:
        return str(view["technicalTeam"])
    application = applications[view["applicationName"]]
    operation = view.get("operation") or view["id"]
    if application is None or operation < (application.creation or ""):
        return None
    return application.technical_team


def concealed(view: View) -> View:
    """Return a view without the hidden members, and its texts without names."""
    images = {image.partition("@")[0] for image in _images(view)}
    names = sorted({*images, *(image.rpartition(":")[0] or image for image in images)}, key=len)
    pattern = "|".join([*map(re.escape, reversed(names)), _REFERENCE.pattern])
    result: View = _without_images(view, re.compile(pattern))
    return result


def _images(value: Any) -> Iterator[str]:
    """Yield the images and repositories of a view."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            if name in ("image", "repository"):
                yield str(member)
            else:
                yield from _images(member)
    elif isinstance(value, list):
        for member in value:
            yield from _images(member)


def _without_images(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, list):
        return [_without_images(member, pattern) for member in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: _text(member, pattern) if name in _TEXTS else _without_images(member, pattern)
        for name, member in value.items()
        if name not in _HIDDEN
    }


def _text(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, list):
        return [_text(member, pattern) for member in value]
    if not isinstance(value, str):
        return value
    text = _ALARM.sub(r"\1\2<alarm>", value)
    return _VARIABLE.sub(r"\1", pattern.sub(_CONCEALED, text))
