"""The container definitions of a task definition: the application's container and its sidecars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from devops_core.model.specification import EnvironmentSettings
from devops_core.naming import EcrRegistry, Image

Container = Mapping[str, Any]

_OWNED_VARIABLES = ("environment.", "secrets.")
_OWNED_SIDECARS = "sidecars."
_AWSLOGS = "awslogs"
_STREAM_PREFIX = "awslogs-stream-prefix"
# The defaults of ECS (ECS API, HealthCheck). DescribeTaskDefinition returns them, so a definition
# that names them has no difference from the described one.
_HEALTH_CHECK = {
    "intervalSeconds": ("interval", 30),
    "timeoutSeconds": ("timeout", 5),
    "retries": ("retries", 3),
    "startSeconds": ("startPeriod", None),
}


def configured_containers(
    containers: Sequence[Container],
    name: str,
    settings: EnvironmentSettings,
    owned: Sequence[str],
) -> list[Container]:
    """Return the containers with the settings of an environment.

    `name` is that of the application's container. The settings define their sidecars completely;
    an `owned` sidecar that they lack is removed. Other containers, which belong to a custom
    template, do not change.
    """
    logs = _awslogs(containers, name)
    sidecars = {each["name"]: _sidecar(each, logs) for each in settings.sidecars}
    gone = {
        each.removeprefix(_OWNED_SIDECARS) for each in owned if each.startswith(_OWNED_SIDECARS)
    }
    result: list[Container] = []
    for each in containers:
        if each["name"] == name:
            result.append(_application(each, settings, owned, logs))
        elif each["name"] in sidecars:
            result.append(sidecars.pop(each["name"]))
        elif each["name"] not in gone:
            result.append(each)
    return [*result, *sidecars.values()]


def container_settings(containers: Sequence[Container], name: str) -> dict[str, Any]:
    """Return the settings of containers, by their names in a specification, None for none.

    `name` is that of the application's container. `logs` is None for the log driver awslogs.
    """
    (own,) = (each for each in containers if each["name"] == name)
    others = [each for each in containers if each["name"] != name]
    logging = own.get("logConfiguration", {})
    logs = {
        "driver": logging.get("logDriver"),
        "options": logging.get("options", {}),
        "secrets": mapping(logging.get("secretOptions", ()), "valueFrom"),
    }
    return {
        "registryCredentials": _credentials_of(own),
        "dependsOn": _dependencies_of(own) or None,
        "logs": logs if logging and logs["driver"] != _AWSLOGS else None,
        "sidecars": [_settings_of_sidecar(each) for each in others] or None,
        "ulimits": {
            each["name"]: {"soft": each["softLimit"], "hard": each["hardLimit"]}
            for each in own.get("ulimits", ())
        }
        or None,
    }


def secret_values(container: Container) -> list[str]:
    """Return all references of a container to secrets."""
    logging = container.get("logConfiguration", {})
    pairs_ = (*container.get("secrets", ()), *logging.get("secretOptions", ()))
    credentials = _credentials_of(container)
    return [*(each["valueFrom"] for each in pairs_), *([credentials] if credentials else ())]


def changed(
    values: Mapping[str, Any],
    changes: Mapping[str, Any],
    removable: Mapping[str, tuple[str, Any]],
    owned: Sequence[str],
) -> dict[str, Any]:
    """Return values with changes; a `removable` one is removed if it is owned and not wanted.

    `removable` has a member of the values and the wanted value, None for none, by setting.
    """
    result = {**values, **changes}
    for setting, (member, wanted) in removable.items():
        if wanted is not None:
            result[member] = wanted
        elif setting in owned:
            result.pop(member, None)
    return result


def mapping(values: Iterable[Mapping[str, str]], value: str) -> dict[str, str]:
    """Return pairs of AWS as a map of names to values."""
    # ECS requires only the name of a variable (ECS API, KeyValuePair).
    return {each["name"]: each.get(value, "") for each in values}


def pairs(values: Mapping[str, str], key: str, value: str) -> list[dict[str, str]]:
    """Return a map as pairs of AWS, whose members are named by `key` and `value`."""
    return [{key: name, value: values[name]} for name in values]


def _application(
    container: Container,
    settings: EnvironmentSettings,
    owned: Sequence[str],
    logs: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the application's container with the settings of an environment.

    The variables and secrets replace those of the same name, because ECS refuses a name that is
    both (RegisterTaskDefinition).
    """
    dropped = {*settings.environment, *settings.secrets, *settings.unset}
    dropped |= {name.partition(".")[2] for name in owned if name.startswith(_OWNED_VARIABLES)}
    changes: dict[str, Any] = {}
    for member, value, wanted in (
        ("environment", "value", settings.environment),
        ("secrets", "valueFrom", settings.secrets),
    ):
        kept = [pair for pair in container.get(member, []) if pair["name"] not in dropped]
        found = [*kept, *pairs(dict(sorted(wanted.items())), "name", value)]
        if found or member in container:
            changes[member] = found
    credentials = _credentials(settings.registry_credentials, container["image"])
    if settings.registry_credentials and not credentials:
        owned = [*owned, "registryCredentials"]
    removable = {
        "command": ("command", list(settings.command) if settings.command else None),
        "stopSeconds": ("stopTimeout", settings.stop_seconds),
        "dependsOn": ("dependsOn", _dependencies(settings.depends_on) or None),
        "ulimits": ("ulimits", _ulimits(settings.ulimits) or None),
        "registryCredentials": ("repositoryCredentials", credentials),
        "logs": ("logConfiguration", _logging(container, settings, owned, logs)),
    }
    return changed(container, changes, removable, owned)


def _logging(
    container: Container,
    settings: EnvironmentSettings,
    owned: Sequence[str],
    logs: Mapping[str, Any] | None,
) -> dict[str, Any] | None:
    """Return the log configuration of the application's container, None for an unchanged one."""
    wanted = settings.logs or {}
    if wanted.get("driver", _AWSLOGS) != _AWSLOGS:
        secrets = pairs(dict(sorted(wanted.get("secrets", {}).items())), "name", "valueFrom")
        return {
            "logDriver": wanted["driver"],
            "options": dict(wanted.get("options", {})),
            **({"secretOptions": secrets} if secrets else {}),
        }
    present = container.get("logConfiguration", {}).get("logDriver")
    restores = (settings.logs or "logs" in owned) and logs and present != _AWSLOGS
    if restores and logs:
        return _with_prefix(logs, container["name"])
    return dict(container["logConfiguration"]) if present == _AWSLOGS else None


def _awslogs(containers: Sequence[Container], name: str) -> Mapping[str, Any] | None:
    """Return the configuration of the log driver awslogs for the environment, None without one.

    It is that of the application's container. If its logs go elsewhere, a sidecar has it: a log
    router always logs to CloudWatch.
    """
    ordered = sorted(containers, key=lambda each: each["name"] != name)
    found = (each.get("logConfiguration", {}) for each in ordered)
    return next((each for each in found if each.get("logDriver") == _AWSLOGS), None)


def _with_prefix(logs: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {**logs, "options": {**logs.get("options", {}), _STREAM_PREFIX: prefix}}


def _sidecar(sidecar: Mapping[str, Any], logs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the container definition of a sidecar.

    It names the defaults that DescribeTaskDefinition returns, so that a comparison with the
    described one finds only real differences.
    """
    secrets = pairs(dict(sorted(sidecar.get("secrets", {}).items())), "name", "valueFrom")
    router, check = sidecar.get("logRouter"), sidecar.get("healthCheck")
    optional = {
        "command": sidecar.get("command") or None,
        "memory": sidecar.get("memory"),
        "secrets": secrets or None,
        "dependsOn": _dependencies(sidecar.get("dependsOn", {})) or None,
        "healthCheck": _health_check(check) if check else None,
        "repositoryCredentials": _credentials(sidecar.get("registryCredentials"), sidecar["image"]),
        "firelensConfiguration": _firelens(router) if router else None,
        "logConfiguration": _with_prefix(logs, sidecar["name"]) if logs else None,
    }
    return {
        "name": sidecar["name"],
        "image": sidecar["image"],
        "essential": sidecar.get("essential", False),
        "cpu": sidecar.get("cpu", 0),
        "portMappings": [
            {"containerPort": port, "hostPort": port, "protocol": "tcp"}
            for port in sidecar.get("ports", ())
        ],
        "environment": pairs(dict(sorted(sidecar.get("environment", {}).items())), "name", "value"),
        "mountPoints": [],
        "volumesFrom": [],
        **{member: value for member, value in optional.items() if value is not None},
    }


def _settings_of_sidecar(container: Container) -> dict[str, Any]:
    """Return a container as a sidecar of a specification; settings without a value are missing."""
    check, router = container.get("healthCheck"), container.get("firelensConfiguration")
    found = {
        "image": container["image"],
        "essential": container.get("essential", True),
        "command": container.get("command"),
        "environment": mapping(container.get("environment", ()), "value"),
        "secrets": mapping(container.get("secrets", ()), "valueFrom"),
        "ports": [each["containerPort"] for each in container.get("portMappings", ())],
        "cpu": container.get("cpu"),
        "memory": container.get("memory"),
        "dependsOn": _dependencies_of(container),
        "healthCheck": check
        and {"command": check["command"]}
        | {name: check.get(member) for name, (member, _) in _HEALTH_CHECK.items()},
        "registryCredentials": _credentials_of(container),
        "logRouter": router and {"type": router["type"], "options": router.get("options", {})},
    }
    return {"name": container["name"]} | {
        name: value for name, value in found.items() if value or value is False
    }


def _health_check(check: Mapping[str, Any]) -> dict[str, Any]:
    times = {member: check.get(name, usual) for name, (member, usual) in _HEALTH_CHECK.items()}
    return {"command": list(check["command"])} | {
        member: value for member, value in times.items() if value is not None
    }


def _firelens(router: Mapping[str, Any]) -> dict[str, Any]:
    options = router.get("options", {})
    return {"type": router["type"], **({"options": dict(options)} if options else {})}


def _credentials(arn: str | None, image: str) -> dict[str, str] | None:
    """Return the credentials of a registry, None for an image in ECR.

    They do not apply to ECR, which the execution role reads (Amazon ECS Developer Guide, "Using
    non-AWS container images in Amazon ECS").
    """
    try:
        in_ecr = EcrRegistry.of_host(Image.parse(image).host) is not None
    except ValueError:
        # Another tool can deploy an image that a request cannot name.
        in_ecr = False
    return {"credentialsParameter": arn} if arn and not in_ecr else None


def _credentials_of(container: Container) -> str | None:
    found: str | None = container.get("repositoryCredentials", {}).get("credentialsParameter")
    return found


def _ulimits(limits: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "softLimit": limits[name]["soft"], "hardLimit": limits[name]["hard"]}
        for name in sorted(limits)
    ]


def _dependencies(conditions: Mapping[str, str]) -> list[dict[str, str]]:
    return pairs(dict(sorted(conditions.items())), "containerName", "condition")


def _dependencies_of(container: Container) -> dict[str, str]:
    return {each["containerName"]: each["condition"] for each in container.get("dependsOn", ())}
