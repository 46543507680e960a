"""The translation of containers: the application's one, and its sidecars."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from devops_cli.translation import limits, members, task_members
from devops_cli.translation.facts import SERVICE, Note, Object, Path, Region

_ROUTED = "awsfirelens"
_HEALTH_CHECK = {
    name: treatment.field.rpartition(".")[2]
    for name, treatment in task_members.HEALTH_CHECK.items()
}
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# Options of awslogs that only say where the events go.
_LOG_PLACE = ("awslogs-group", "awslogs-region", "awslogs-stream-prefix", "awslogs-create-group")
_TAKEN = "app is the name of the application's container"
_LOG_OPTION = "the stack sets the options of awslogs"
_RESERVED = (
    "the service or ECS sets this variable; APPLICATION, ENVIRONMENT and PORT have own values"
)


class Containers:
    """The containers of a task definition, with the notes that their translation adds."""

    def __init__(
        self, definition: Object, application: Object, region: Region, notes: list[Note]
    ) -> None:
        self._region, self._notes = region, notes
        self._own = application
        containers = definition["containerDefinitions"]
        self._others = [each for each in containers if each is not application]
        # The name app is that of the application's container here.
        refused = limits.rule("sidecars", "name")["refused"]
        self._names = {
            each["name"]: f"{each['name']}-sidecar" if each["name"] in refused else each["name"]
            for each in self._others
        }

    def application(self, port: int | None) -> dict[str, Any]:
        """Return the settings of the application's container; `port` is the container port."""
        place, own = _place(self._own), self._own
        self._notes += members.notes(task_members.APPLICATION, own, place, SERVICE)
        found = self._common(own, place, SERVICE, {"PORT": str(port)})
        found["stopSeconds"] = own.get("stopTimeout")
        found["logs"] = self._logs(own, place)
        found["ulimits"] = self._ulimits(own, place)
        return _filled(found)

    def sidecars(self, port: int | None) -> list[dict[str, Any]]:
        """Return all other containers; `port` is the container port."""
        taken = {port: "the application's container"} if port else {}
        return [self._sidecar(each, number, taken) for number, each in enumerate(self._others)]

    def _sidecar(self, container: Object, number: int, taken: dict[int, str]) -> dict[str, Any]:
        place, at = _place(container), (*SERVICE, "sidecars", number)
        self._notes += members.notes(task_members.SIDECAR, container, place, at)
        name, image = self._names[container["name"]], container["image"]
        if name != container["name"]:
            remedy = "check variables and options that contain the old name"
            self._note(place, (*at, "name"), _TAKEN, remedy)
        self._image_note(image, place, (*at, "image"))
        self._log_notes(container, place, at)
        common = self._common(container, place, at)
        check, router = container.get("healthCheck"), container.get("firelensConfiguration")
        return _filled(
            {
                "name": name,
                "image": image,
                "essential": container.get("essential", True),
                "command": common.pop("command", None),
                "ports": self._ports(container, place, at, taken),
                "cpu": container.get("cpu"),
                "memory": container.get("memory"),
                **common,
                "healthCheck": check and self._health_check(check, place, at),
                "logRouter": router and _filled(dict(router)),
            }
        )

    def _common(
        self, container: Object, place: str, at: Path, same: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the settings that all containers have.

        `same` are variables to which the service gives the same values.
        """
        credentials = container.get("repositoryCredentials", {}).get("credentialsParameter")
        return {
            "command": container.get("command"),
            "environment": self._environment(container, place, at, same or {}),
            "secrets": self._secrets(container.get("secrets", ())),
            "registryCredentials": credentials,
            "dependsOn": self._dependencies(container, place, at),
        }

    def _environment(
        self, container: Object, place: str, at: Path, same: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the variables, without those that the service or ECS sets."""
        reserved = limits.rules()["reserved"]
        found = {}
        for each in container.get("environment", ()):
            name, value = each.get("name", ""), each.get("value", "")
            if name in reserved and same.get(name) == value:
                continue
            if name in reserved:
                remedy = "remove it from the program, or let the program read another variable"
                self._note(f"{place}.environment.{name}", at, _RESERVED, remedy, value)
                continue
            found[name] = value
        return found

    def _secrets(self, pairs: Iterable[Object]) -> dict[str, str]:
        return {each["name"]: self._arn(each["valueFrom"]) for each in pairs}

    def _arn(self, source: str) -> str:
        """Return the ARN of a secret or a parameter, which ECS accepts without its region."""
        region = self._region
        if source.startswith("arn:") or not all(region):
            return source
        head = f"arn:{region.partition}:ssm:{region.region}:{region.account}"
        return f"{head}:parameter/{source.removeprefix('/')}"

    def _dependencies(self, container: Object, place: str, at: Path) -> dict[str, str]:
        found = {}
        for each in container.get("dependsOn", ()):
            if each["containerName"] in self._names:
                found[self._names[each["containerName"]]] = each["condition"]
                continue
            remedy = "let the sidecar try again until the application listens"
            reason = "a sidecar cannot wait for the application's container"
            self._note(f"{place}.dependsOn", at, reason, remedy, dict(each))
        return found

    def _ports(self, container: Object, place: str, at: Path, taken: dict[int, str]) -> list[int]:
        found = []
        for number, each in enumerate(container.get("portMappings", ())):
            inner = f"{place}.portMappings.{number}"
            self._notes += members.notes(task_members.PORT_MAPPING, each, inner, at)
            port = each.get("containerPort")
            if port is None or each.get("protocol", "tcp") != "tcp" or port in found:
                continue
            if port in taken:
                reason = f"{port} is also the port of {taken[port]}, and all share one interface"
                remedy = "let the container listen on another port"
                self._note(inner, (*at, "ports"), reason, remedy)
            taken.setdefault(port, container["name"])
            found.append(port)
        return found

    def _health_check(self, check: Object, place: str, at: Path) -> dict[str, Any]:
        inner = f"{place}.healthCheck"
        self._notes += members.notes(task_members.HEALTH_CHECK, check, inner, at)
        command = check.get("command", ())
        if len(command) < 2 or command[0] not in ("CMD", "CMD-SHELL"):
            field = (*at, "healthCheck", "command")
            reason = "must be CMD or CMD-SHELL, then a command"
            self._note(inner, field, reason, "write CMD-SHELL in front of a line for the shell")
        return {
            name: check[member]
            for member, name in _HEALTH_CHECK.items()
            if check.get(member) is not None
        }

    def _logs(self, container: Object, place: str) -> dict[str, Any] | None:
        logging = container.get("logConfiguration", {})
        if logging.get("logDriver") != _ROUTED:
            self._log_notes(container, place, SERVICE)
            return None
        return _filled(
            {
                "driver": _ROUTED,
                "options": dict(logging.get("options", {})),
                "secrets": self._secrets(logging.get("secretOptions", ())),
            }
        )

    def _log_notes(self, container: Object, place: str, at: Path) -> None:
        """Add notes for logs that go to CloudWatch Logs here, but went elsewhere."""
        logging = container.get("logConfiguration", {})
        driver, inner = logging.get("logDriver", "awslogs"), f"{place}.logConfiguration"
        if driver != "awslogs":
            reason = f"the driver {driver} is not possible here: the logs go to CloudWatch Logs"
            remedy = "read them there, or send the application's logs to a sidecar with logRouter"
            self._note(inner, at, reason, remedy, dict(logging))
            return
        for name, value in logging.get("options", {}).items():
            if name not in _LOG_PLACE:
                remedy = "let the program write one line for each event, or use a log router"
                self._note(f"{inner}.{name}", at, _LOG_OPTION, remedy, value)

    def _ulimits(self, container: Object, place: str) -> dict[str, Any]:
        found = {}
        for each in container.get("ulimits", ()):
            if each["name"] in limits.rule("ulimits")["members"]:
                found[each["name"]] = {"soft": each["softLimit"], "hard": each["hardLimit"]}
                continue
            remedy = "run the program with the limits of Fargate"
            reason = "Fargate has only the limit nofile"
            self._note(f"{place}.ulimits.{each['name']}", SERVICE, reason, remedy, dict(each))
        return found

    def _image_note(self, image: str, place: str, at: Path) -> None:
        found = re.match(rf"{limits.rules()['ecrHost']}/", image)
        own = self._region
        is_own = found and all(
            getattr(own, name) in ("", found[name]) for name in ("account", "region")
        )
        if is_own or _DIGEST.search(image):
            return
        reason = (
            "an image outside of this ECR registry must have its digest, because its tag can move"
        )
        remedy = (
            "add @sha256:… to the image. `docker buildx imagetools inspect IMAGE` prints the digest"
            " of the tag; `aws ecs describe-tasks` prints that of the running container"
            " (imageDigest)"
        )
        self._note(f"{place}.image", at, reason, remedy)

    def _note(self, place: str, at: Path, reason: str, remedy: str, value: Any = None) -> None:
        self._notes.append(Note(place, at, reason, remedy, value))


def choose(definition: Object, named: str | None, balanced: str | None) -> tuple[Object, bool]:
    """Return the application's container, and whether another one was as likely.

    `named` is the choice of the person, `balanced` the container of the load balancer. Raises
    LookupError if the container does not exist.
    """
    containers: Sequence[Object] = definition["containerDefinitions"]
    if name := named or balanced:
        for each in containers:
            if each["name"] == name:
                return each, False
        raise LookupError(name)
    ordinary = [each for each in containers if "firelensConfiguration" not in each] or containers
    essential = [each for each in ordinary if each.get("essential", True)] or ordinary
    listening = [each for each in essential if each.get("portMappings")]
    candidates = listening or essential
    return candidates[0], len(candidates) > 1


def _place(container: Object) -> str:
    return f"containerDefinitions.{container['name']}"


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without missing and empty ones, and without the default of `essential`."""
    return {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in values.items()
        if value not in (None, {}, [], 0, False)
    }
