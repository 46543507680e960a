"""The translation of an existing ECS service to a specification."""

from __future__ import annotations

from typing import Any

from devops_cli import rules
from devops_cli.translation import containers, hints, limits, services, tasks
from devops_cli.translation.facts import (
    SERVICE,
    Described,
    Note,
    Object,
    Path,
    Region,
    Translation,
)

# The order of the members in the file: first those that describe all tasks.
_ORDER = (
    "containerPort", "healthCheckPath", "architecture", "cpu", "memory", "desiredCount", "scaling",
    "startSeconds", "stopSeconds", "rolloutMinutes", "taskRole", "command", "environment",
    "secrets", "registryCredentials", "dependsOn", "logs", "ephemeralStorageGiB", "ulimits",
    "sidecars",
)  # fmt: skip
_TEAM = "technicalTeam"
_FOREIGN_TAGS = ("aws:", "devops:")


def translate(
    described: Described,
    name: str | None = None,
    *,
    container: str | None = None,
    team: str | None = None,
    email: str | None = None,
) -> Translation:
    """Return the document of a service with notes for everything that has no translation.

    `name`, `team` and `email` are those of the application. `container` is the container whose
    image is deployed, by default that of the load balancer. Raises LookupError if it does not
    exist.
    """
    notes: list[Note] = []
    general = _general(described, name, team, email, notes)
    found = _service(described, container, notes)
    service = {each: found[each] for each in _ORDER if each in found}
    notes += limits.invalid_values(service)
    notes += _sums(service)
    notes += hints.hints(service)
    return Translation({**general, "service": service}, notes)


def _service(described: Described, container: str | None, notes: list[Note]) -> dict[str, Any]:
    definition = described.definition
    balanced = services.entry(described.service).get("containerName")
    own, is_guess = containers.choose(definition, container, balanced)
    place = f"containerDefinitions.{own['name']}"
    notes.append(
        Note(
            f"{place}.image",
            SERVICE,
            "a specification does not contain the image of the application",
            "create the application, then deploy this image: devops deploy NAME --env dev"
            " --image IMAGE --version TAG",
            own["image"],
        )
    )
    if balanced not in (None, own["name"]):
        reason = f"the load balancer sends its requests to the container {balanced}"
        remedy = f"let {own['name']} accept them at containerPort, or use --container {balanced}"
        notes.append(Note("service.loadBalancers", SERVICE, reason, remedy))
    if is_guess:
        reason = "several containers can be the application's one"
        notes.append(Note(place, SERVICE, reason, "if it is another one, use --container NAME"))
    region = _region(described)
    task = tasks.task(definition, notes)
    rest = services.service(described, own, notes)
    all_containers = containers.Containers(definition, own, region, notes)
    port = rest.get("containerPort")
    settings = {**task, **rest, **all_containers.application(port)}
    sidecars = all_containers.sidecars(port)
    return {**settings, **({"sidecars": sidecars} if sidecars else {})}


def _region(described: Described) -> Region:
    """Return the region of a service; a file for a registration has no ARN with a region."""
    definition, own = described.definition, described.service
    arns = [own.get("serviceArn", ""), definition.get("taskDefinitionArn", "")]
    arns += [each.get("targetGroupArn", "") for each in own.get("loadBalancers", ())]
    arns += [definition.get("executionRoleArn", ""), definition.get("taskRoleArn", "")]
    found = Region.of(*arns)
    logs = [each.get("logConfiguration", {}) for each in definition["containerDefinitions"]]
    named = [each.get("options", {}).get("awslogs-region", "") for each in logs]
    return found._replace(region=found.region or next(filter(None, named), ""))


def _general(
    described: Described, name: str | None, team: str | None, email: str | None, notes: list[Note]
) -> dict[str, Any]:
    """Return the members of a document about the application."""
    found: dict[str, Any] = {}
    suggested = described.service.get("serviceName") or described.definition.get("family", "")
    if name or rules.fits("name", suggested):
        found["applicationName"] = name or suggested
    else:
        reason, remedy = (
            "the name is missing",
            "write applicationName: NAME, or use devops init NAME",
        )
        notes.append(Note("applicationName", (), reason, remedy, suggested))
    if email:
        found["email"] = email
    else:
        remedy = "write email: team@example.com, or use --email"
        notes.append(Note("email", (), "the address of the owners is missing", remedy))
    tags = _tags(described, notes)
    if team:
        tags[_TEAM] = team
    if _TEAM not in tags:
        reason, remedy = "the team of the application is missing", (
            f"write {_TEAM}: TEAM into tags, or use --team"
        )  # fmt: skip
        notes.append(Note(f"tags.{_TEAM}", ("tags",) if tags else (), reason, remedy))
    if tags:
        found["tags"] = tags
    return found


def _tags(described: Described, notes: list[Note]) -> dict[str, str]:
    """Return the tags of the task definition and the service, without those of AWS."""
    found = {}
    for each in (*described.tags, *described.service.get("tags", ())):
        key, value = each.get("key", ""), each.get("value", "")
        if key.startswith(_FOREIGN_TAGS):
            continue
        if not rules.fits("team", key) or not rules.fits("team", value):
            remedy = "write another value"
            reason = "tags have no such value here"
            notes.append(Note(f"tags.{key}", (), reason, remedy, value))
            continue
        found[key] = value
    return found


def _sums(service: Object) -> list[Note]:
    """Return a note if sidecars leave nothing of the task for the application."""
    at: Path = (*SERVICE, "sidecars")
    found = []
    for member in ("cpu", "memory"):
        needed = sum(each.get(member, 0) for each in service.get("sidecars", ()))
        if needed >= service[member]:
            whole = service[member]
            reason = f"the sidecars need {needed} of {whole}, and the application needs a part"
            remedy = f"write a larger {member} of the task, or smaller ones of the sidecars"
            found.append(Note("cpu, memory", at, reason, remedy))
    return found
