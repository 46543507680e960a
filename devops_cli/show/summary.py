"""The end of an operation: what runs where now, why it failed, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from devops_cli import durations
from devops_cli.answers import SUCCEEDED, Object, part, parts, word, words
from devops_cli.follow import Snapshot
from devops_cli.show import progress, texts
from devops_cli.show.texts import Command

_PROMOTABLE = ("STAGE", "QA", "DEV")  # as the service chooses, the first one it has


def ended(snapshot: Snapshot, command: Command) -> Iterator[RenderableType]:
    """Yield what is said about an operation that has ended."""
    operation = snapshot.operation
    yield headline(operation)
    succeeded = word(operation, "status") == SUCCEEDED
    if not succeeded:
        yield from why(operation)
    if not (succeeded and word(operation, "kind") == "delete"):
        yield runs(operation, snapshot.stack)
    yield from warmup(operation)
    yield from (_next if succeeded else _after_failure)(operation, command)


def headline(operation: Object) -> Text:
    """Return the sentence that says how an operation stands."""
    took = part(operation, "took").get("untilEnded")
    after = f" after {durations.spoken(took)}" if isinstance(took, int | float) else ""
    return texts.sentence(
        texts.text(f"{texts.about(operation)} ", "bold"),
        texts.state(word(operation, "status")),
        f"{after}  ",
        texts.text(word(operation, "id"), "dim"),
    )


def why(operation: Object) -> Iterator[Text]:
    """Yield why an operation failed: its reasons, and those of environments not among them."""
    reasons = words(operation, "reasons")
    for reason in reasons:
        yield texts.text(f"  {reason}", "red")
    for each in parts(operation, "environments"):
        reason = word(each, "reason")
        if reason and not any(reason in told for told in reasons):
            yield texts.text(f"  {progress.name_of(each)}: {reason}", "red")


def runs(operation: Object, stack: Object) -> RenderableType:
    """Return the table of what runs where now, in the environments of an operation."""
    lines: list[list[str | Text]] = []
    for each in parts(operation, "environments"):
        there = progress.now(stack, each)
        tasks = part(there, "tasks")
        done = word(each, "status") == SUCCEEDED
        # Without the application itself the operation knows it: what it did, or what was before.
        version = (
            word(there, "version")
            if there
            else word(each, "version" if done else "previousVersion")
        )
        lines.append(
            [
                word(there, "environment") or word(each, "environment"),
                word(each, "slot"),
                version or progress.FIRST_IMAGE,
                progress.running(tasks),
                word(tasks, "healthy"),
                word(there, "url") or word(each, "url"),
            ]
        )
    return texts.Rows(("ENV", "SLOT", "VERSION", "TASKS", "HEALTHY", "URL"), lines, named=2)


def warmup(operation: Object) -> Iterator[Text]:
    """Yield what the pages answered that were fetched before a swap."""
    for each in parts(operation, "warmup"):
        said = word(each, "status") or word(each, "reason")
        yield texts.text(
            f"  warm-up {word(each, 'path')}: {said}, {word(each, 'seconds')} s", "dim"
        )


def _next(operation: Object, command: Command) -> Iterator[Text]:
    kind, name = texts.kind(operation), word(operation, "applicationName")
    there = {word(each, "environment"): each for each in parts(operation, "environments")}
    if kind == "create":
        env = next((each for each in ("DEV", "QA", "STAGE") if each in there), "DEV").lower()
        line = command("deploy", name, "--env", env, "--version", "VERSION")
        yield _step("Next, when an image is pushed: ", line)
    elif kind == "deploy" and (source := next((e for e in _PROMOTABLE if e in there), "")):
        line = command("promote", name, "--from", source.lower())
        yield _step("Next, to bring it to production blue: ", line)
    elif kind == "promote":
        line = command("swap", name, *_version(there.get("PROD-BLUE")))
        yield _step("Next, to make it live: ", line)
    elif kind == "swap":
        line = command("swap", name, *_version(there.get("PROD-BLUE")))
        yield _step("The way back, as long as nothing is promoted: ", line)


def _after_failure(operation: Object, command: Command) -> Iterator[Text]:
    name, identifier = word(operation, "applicationName"), word(operation, "id")
    yield _step("What happened: ", command("events", name, "--operation", identifier))


def _version(of: Object | None) -> tuple[str, ...]:
    version = word(of, "version")
    return ("--version", version) if version else ()


def _step(said: str, line: str) -> Text:
    return texts.sentence(said, texts.command(line))
