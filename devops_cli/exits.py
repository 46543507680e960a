"""The exit codes of `devops`."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The result of a command, for scripts."""

    SUCCEEDED = 0
    FAILED = 1
    USAGE = 2
    CONFLICT = 3
    DENIED = 4
    TIMED_OUT = 5
    INTERRUPTED = 130  # 128 plus the number of SIGINT, the convention of shells


MEANINGS = {
    Exit.SUCCEEDED: "succeeded",
    Exit.FAILED: "the operation or the service failed, no response was received, or diff found"
    " differences",
    Exit.USAGE: "the command or the request is not valid (400, 413, 422, 428)",
    Exit.CONFLICT: "conflict with the current state (409, 412), or not found (404)",
    Exit.DENIED: "not authorised (401, 403)",
    Exit.TIMED_OUT: "the operation was still in progress after --timeout",
    Exit.INTERRUPTED: "interrupted; the operation continues",
}

_OF_STATUS = {
    400: Exit.USAGE,
    401: Exit.DENIED,
    403: Exit.DENIED,
    404: Exit.CONFLICT,
    409: Exit.CONFLICT,
    412: Exit.CONFLICT,
    413: Exit.USAGE,  # the body exceeds the limit of API Gateway or of the service
    422: Exit.USAGE,
    428: Exit.USAGE,
}


def from_status(status: int) -> Exit:
    """Return the exit code for the HTTP status of an error response."""
    return _OF_STATUS.get(status, Exit.FAILED)
