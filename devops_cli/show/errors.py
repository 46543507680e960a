"""An error in words: what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from devops_cli.answers import part, parts, word, words
from devops_cli.failures import ApiError, CliError
from devops_cli.show import texts
from devops_cli.show.texts import Command


def lines(error: CliError, command: Command) -> Iterator[Text]:
    """Yield the lines that tell of an error; `command` makes command lines to go on with."""
    if isinstance(error, ApiError):
        yield from _of_the_service(error, command)
    else:
        yield texts.sentence(texts.text("Error: ", "bold red"), str(error))
    for hint in error.hints:
        yield texts.text(hint)


def _of_the_service(error: ApiError, command: Command) -> Iterator[Text]:
    body = error.answer.body
    faults, reasons = parts(body, "errors"), words(body, "reasons")
    # With faults of fields the message is the list of them, in one line.
    said = "the request is not valid" if faults else str(error)
    about = texts.text(f" ({error.answer.status} {word(body, 'code')}".rstrip() + ")", "dim")
    yield texts.sentence(texts.text("Error: ", "bold red"), said, about)
    for each in faults:
        yield texts.sentence(
            "  ", texts.text(word(each, "field"), "bold"), f": {word(each, 'message')}"
        )
    for reason in reasons:
        yield texts.text(f"  {reason}")
    holder = part(body, "operation")
    if holder and error.answer.status == 409:
        name, operation = word(holder, "applicationName"), word(holder, "id")
        yield texts.sentence("Wait for its end: ", texts.command(command("wait", name, operation)))
