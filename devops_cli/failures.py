"""What may go wrong, each with its exit code and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from devops_cli import exits
from devops_cli.exits import Exit

if TYPE_CHECKING:
    from devops_cli.answers import Answer


class CliError(Exception):
    """Something that ends the command: a sentence, and lines that say what to do.

    `answer` is what the service said, if it is that which ends the command.
    """

    code = Exit.FAILED
    answer: Answer | None = None

    def __init__(self, message: str, *hints: str) -> None:
        super().__init__(message)
        self.hints: Sequence[str] = hints


class UsageError(CliError):
    """The command, or what it was set up with, cannot be right."""

    code = Exit.USAGE


class NothingThereError(CliError):
    """What the command is about is not there."""

    code = Exit.CONFLICT


class CredentialsError(CliError):
    """There are credentials, but they cannot be had or used."""

    code = Exit.DENIED


class TimedOutError(CliError):
    """The operation is still in progress, and the time to wait for it is over."""

    code = Exit.TIMED_OUT


class UnreachableError(CliError):
    """No answer: the network, a name, a certificate, or a service that does not speak."""


class NotTheServiceError(CliError):
    """An answer that is none of the service: a page of a proxy, another service."""


class ApiError(CliError):
    """An answer of the service that is an error."""

    answer: Answer

    def __init__(self, answer: Answer, *hints: str) -> None:
        super().__init__(answer.error_message, *hints)
        self.answer = answer
        self.code = exits.of_status(answer.status)
