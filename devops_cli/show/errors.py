"""Error messages: the reason, the fields with faults, and hints."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from devops_cli.failures import ApiError, CliError
from devops_cli.responses import get_object, get_objects, get_text, get_texts
from devops_cli.show import texts
from devops_cli.show.texts import Command


def lines(error: CliError, command: Command) -> Iterator[Text]:
    """Yield the lines of an error message; `command` builds the command lines of the hints."""
    if isinstance(error, ApiError):
        yield from _service_error(error, command)
    else:
        yield texts.sentence(texts.text("Error: ", "bold red"), str(error))
    for hint in error.hints:
        yield texts.text(hint)


def _service_error(error: ApiError, command: Command) -> Iterator[Text]:
    body = error.response.body
    faults, reasons = get_objects(body, "errors"), get_texts(body, "reasons")
    # If fields have faults, or there are reasons, the message repeats all of them in one line.
    repeated = faults and error.response.status != 403
    message = "the request is not valid" if repeated else str(error)
    message = message.removesuffix(f": {'; '.join(reasons)}") if reasons else message
    code = texts.text(f" ({error.response.status} {get_text(body, 'code')}".rstrip() + ")", "dim")
    yield texts.sentence(texts.text("Error: ", "bold red"), message, code)
    for each in faults:
        field = get_text(each, "field")
        place = _place(error, field)
        yield texts.sentence(
            f"  {place}: " if place else "  ",
            texts.text(field, "bold"),
            f": {get_text(each, 'message')}",
        )
    for reason in reasons:
        yield texts.text(f"  {reason}")
    holder = get_object(body, "operation")
    if holder and error.response.status == 409:
        name, operation = get_text(holder, "applicationName"), get_text(holder, "id")
        yield texts.sentence("Wait for its end: ", texts.command(command("wait", name, operation)))
        if get_text(body, "code") == "BUSY":
            line = command("abort", name, operation)
            yield texts.sentence("Abort it:         ", texts.command(line))


def _place(error: ApiError, field: str) -> str:
    """Return the place of a field in a file, or of the object that lacks it; empty without one."""
    while field and field not in error.places:
        field = field.rpartition(".")[0]
    return error.places.get(field, "")
