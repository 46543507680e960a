"""The exceptions of the command line, each with its exit code and hints for the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from devops_cli import exits
from devops_cli.exits import Exit

if TYPE_CHECKING:
    from devops_cli.responses import Response


class CliError(Exception):
    """An error that ends the command, with a message and hints, one line each.

    `response` is the service's response, if there is one. `may_be_accepted` is whether the service
    may have accepted the request, although the command did not receive its response.
    """

    code = Exit.FAILED
    response: Response | None = None
    may_be_accepted = False

    def __init__(self, message: str, *hints: str) -> None:
        super().__init__(message)
        self.hints: Sequence[str] = hints


class UsageError(CliError):
    """The command or the configuration is not valid."""

    code = Exit.USAGE


class OperationNotFoundError(CliError):
    """The operation that the command needs does not exist."""

    code = Exit.CONFLICT


class CredentialsError(CliError):
    """Credentials are configured, but they cannot be loaded or used."""

    code = Exit.DENIED


class TimedOutError(CliError):
    """The operation is still in progress after the time-out."""

    code = Exit.TIMED_OUT


class StoppedError(CliError):
    """The person has interrupted the command."""

    code = Exit.INTERRUPTED


class UnreachableError(CliError):
    """No response was received: a network, name or time-out error."""


class CertificateError(CliError):
    """The certificate of the server cannot be verified, so no request was sent."""


class NotTheServiceError(CliError):
    """The response does not come from the service, but for example from a proxy."""


class ApiError(CliError):
    """An error response of the service.

    `places` has the file and the line of each field of the request that comes from a file.
    """

    response: Response
    places: Mapping[str, str] = {}

    def __init__(self, response: Response, *hints: str) -> None:
        super().__init__(response.error_message, *hints)
        self.response = response
        self.code = exits.from_status(response.status)
