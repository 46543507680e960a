"""Output at the end of an operation: the environments, the reasons of a failure, the next step."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from devops_cli import durations
from devops_cli.follow import Snapshot
from devops_cli.responses import SUCCEEDED, Object, get_object, get_objects, get_text, get_texts
from devops_cli.show import progress, swaps, texts
from devops_cli.show.texts import Command

_PROMOTABLE = ("STAGE", "QA", "DEV")  # in the order in which the service chooses a source


def outcome(snapshot: Snapshot, command: Command) -> Iterator[RenderableType]:
    """Yield the lines and the table of an operation that has ended."""
    operation = snapshot.operation
    yield headline(operation)
    succeeded = get_text(operation, "status") == SUCCEEDED
    if not succeeded:
        yield from reasons(operation)
        yield from container_logs(operation)
    yield from warnings(operation)
    yield from environment_table(operation, snapshot.stack)
    if succeeded:
        yield from _digest(operation)
        yield from _revision(operation)
    yield from warmup(operation)
    if not succeeded:
        yield from swaps.state(operation)
    yield from swaps.affected(operation)
    yield from (_next_step if succeeded else _after_failure)(operation, command)


def while_in_progress(operation: Object, command: Command) -> Iterator[str]:
    """Yield the hints for an operation in progress: the commands that wait for it or change it."""
    arguments = (get_text(operation, "applicationName"), get_text(operation, "id"))
    yield f"Wait for its end: {command('wait', *arguments)}"
    kind = get_text(operation, "kind")
    returns = get_text(operation, "phase") == "RETURNING" or get_text(operation, "abortedBy")
    if kind != "delete" and not returns:  # CloudFormation cannot stop a delete
        label = "Roll back:" if kind == "swap" else "Abort it:"
        yield f"{label:17} {command('abort', *arguments)}"
    yield from swaps.hints(operation, command)


def headline(operation: Object) -> Text:
    """Return a line with kind, application, status, duration and id of an operation."""
    took = get_object(operation, "took").get("untilEnded")
    after = f" after {durations.format_duration(took)}" if isinstance(took, int | float) else ""
    return texts.sentence(
        texts.text(f"{texts.title(operation)} ", "bold"),
        texts.state(get_text(operation, "status")),
        f"{after}  ",
        texts.text(get_text(operation, "id"), "dim"),
    )


def reasons(operation: Object) -> Iterator[Text]:
    """Yield the reasons of a failure, then those of environments that they do not contain.

    The slots of a swap have one reason, without their roles: the record has those of a success.
    """
    found, swap = get_texts(operation, "reasons"), get_text(operation, "kind") == "swap"
    for reason in found:
        yield texts.text(f"  {reason}", "red")
    for each in get_objects(operation, "environments"):
        reason = get_text(each, "reason")
        if not reason or any(reason in other for other in found):
            continue
        if swap:
            found.append(reason)
        yield texts.text(f"  {reason if swap else f'{progress.label(each)}: {reason}'}", "red")


def container_logs(operation: Object) -> Iterator[Text]:
    """Yield the log of each container that failed: its group and stream, and its last lines."""
    for each in get_objects(operation, "environments"):
        if log := get_object(each, "containerLog"):
            lines = get_texts(log, "lines")
            place = f"{get_text(log, 'group')} {get_text(log, 'stream')}{':' if lines else ''}"
            yield texts.text(f"  {progress.label(each)}: container log {place}")
            yield from (texts.text(f"    {line}", "dim") for line in lines)


def warnings(found: Object) -> Iterator[Text]:
    """Yield the warnings of an operation or a plan; a pipeline can search for "Warning: "."""
    for warning in get_texts(found, "warnings"):
        yield texts.text(f"Warning: {warning}", "yellow")


def environment_table(operation: Object, stack: Object) -> Iterator[RenderableType]:
    """Yield a table with the current state of the environments of an operation that exist.

    If the application could not be read, the table has the release of the operation. A failed
    create and a delete leave no environments, or a part of them, which only the application shows.
    """
    kind, succeeded = get_text(operation, "kind"), get_text(operation, "status") == SUCCEEDED
    if kind == "delete" and succeeded:
        return  # a new application can have the same name
    removed = kind == "delete" or (kind == "create" and not succeeded)
    deleted = get_texts(get_object(operation, "stack"), "removed") if succeeded else []
    lines: list[list[str | Text]] = []
    for each in get_objects(operation, "environments"):
        if get_text(each, "environment") in deleted:
            continue
        current = progress.current_state(stack, each)
        if current:
            lines.append(_current_row(current))
        elif not removed:
            lines.append(_recorded_row(each))
    if lines:
        columns = ("ENV", "SLOT", "STATUS", "VERSION", "TASKS", "HEALTHY", "URL")
        yield texts.Rows(columns, lines, named=2)


def _current_row(current: Object) -> list[str | Text]:
    tasks, status = get_object(current, "tasks"), get_text(current, "status")
    return [
        get_text(current, "environment"),
        get_text(current, "slot"),
        texts.state("" if status == "ACTIVE" else status),
        progress.running_version(current),
        progress.task_count(tasks),
        get_text(tasks, "healthy"),
        get_text(current, "url"),
    ]


def _recorded_row(each: Object) -> list[str | Text]:
    done = get_text(each, "status") == SUCCEEDED
    return [
        get_text(each, "environment"),
        get_text(each, "slot"),
        "",
        get_text(each, "version" if done else "previousVersion") or texts.FIRST_IMAGE,
        "",
        "",
        get_text(each, "url"),
    ]


def _digest(operation: Object) -> Iterator[Text]:
    """Yield the digest of a deploy or a promote, which a pipeline passes to the next command."""
    rollout = texts.command_name(operation) in ("deploy", "promote")
    found = {get_text(each, "digest") for each in get_objects(operation, "environments")}
    if rollout and len(found) == 1 and (digest := found.pop()):
        yield texts.text(f"Digest: {digest}", "dim")


def _revision(operation: Object) -> Iterator[Text]:
    """Yield the revision of the specification that customers, or the idle slot, have afterwards."""
    kind, revision = texts.command_name(operation), get_text(operation, "spec")
    if kind in ("promote", "swap", "update") and revision:
        yield texts.text(f"Specification: revision {revision}", "dim")


def warmup(operation: Object) -> Iterator[Text]:
    """Yield a line for each page that was fetched before a swap: status or error, and seconds."""
    for each in get_objects(operation, "warmup"):
        result = get_text(each, "status") or get_text(each, "reason")
        yield texts.text(
            f"  warm-up {get_text(each, 'path')}: {result}, {get_text(each, 'seconds')} s", "dim"
        )


def _next_step(operation: Object, command: Command) -> Iterator[Text]:
    kind, name = texts.command_name(operation), get_text(operation, "applicationName")
    found = {get_text(each, "environment"): each for each in get_objects(operation, "environments")}
    if kind == "create":
        env = next((each for each in ("DEV", "QA", "STAGE") if each in found), "DEV").lower()
        line = command("deploy", name, "--env", env, "--version", "VERSION")
        yield _hint("Next, after pushing an image: ", line)
    elif kind == "deploy" and (source := next((e for e in _PROMOTABLE if e in found), "")):
        # A version whose tasks were not started cannot be promoted.
        if get_text(found[source], "reason"):
            return
        line = command("promote", name, "--from", source.lower())
        yield _hint("Next, to promote it to the idle production slot: ", line)
    elif kind == "update" and (pending := get_texts(operation, "pending")):
        # The idle slot can have the settings already, so the next command is not always a promote.
        line = command("diff", name)
        yield _hint(f"Production lacks {', '.join(pending)}. The changes and the next step: ", line)
    elif kind == "promote":
        options = _release_options(found.get("PROD-BLUE"))
        line = command("swap", name, *options, *_revision_option(operation))
        yield _hint("Next, to make it live: ", line)
    elif kind == "swap":
        idle, live = found.get("PROD-BLUE"), found.get("PROD-GREEN")
        # Slots with the same image differ only in their settings.
        options = () if _same_image(idle, live) else _release_options(idle, live)
        line = command("swap", name, *(options or ("--back",)))
        # After a rollback, the idle slot has the release that was bad.
        yield _hint("To return to the previous release, until the next promote: ", line)


def _after_failure(operation: Object, command: Command) -> Iterator[Text]:
    name, identifier = get_text(operation, "applicationName"), get_text(operation, "id")
    yield _hint("Events: ", command("events", name, "--operation", identifier))


def _release_options(environment: Object | None, other: Object | None = None) -> tuple[str, ...]:
    """Return the options for a release, with the digest if the other slot has the same version."""
    version, digest = get_text(environment, "version"), get_text(environment, "digest")
    same = bool(digest) and other is not None and get_text(other, "version") == version
    return (*(("--version", version) if version else ()), *(("--digest", digest) if same else ()))


def _revision_option(operation: Object) -> tuple[str, ...]:
    """Return the option for the revision of a promote; all releases have the first one."""
    revision = operation.get("spec")
    return ("--spec", str(revision)) if isinstance(revision, int) and revision > 1 else ()


def _same_image(one: Object | None, other: Object | None) -> bool:
    names = ("version", "digest")
    return all(
        get_text(one, name) and get_text(one, name) == get_text(other, name) for name in names
    )


def _hint(text: str, line: str) -> Text:
    return texts.sentence(text, texts.command(line))
