"""The exit codes of `devops`."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command has come to, for scripts."""

    SUCCEEDED = 0
    FAILED = 1
    USAGE = 2
    CONFLICT = 3
    DENIED = 4
    TIMED_OUT = 5
    INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it


MEANINGS = {
    Exit.SUCCEEDED: "succeeded",
    Exit.FAILED: "failed: the operation, the service, or no answer",
    Exit.USAGE: "the command or the request is not valid (400, 422)",
    Exit.CONFLICT: "not as things are now (409), or not there (404)",
    Exit.DENIED: "not authorised (401, 403)",
    Exit.TIMED_OUT: "still in progress when --timeout was over",
    Exit.INTERRUPTED: "interrupted; an operation goes on",
}

_OF_STATUS = {
    400: Exit.USAGE,
    401: Exit.DENIED,
    403: Exit.DENIED,
    404: Exit.CONFLICT,
    409: Exit.CONFLICT,
    413: Exit.USAGE,  # the body is larger than API Gateway takes
    422: Exit.USAGE,
}


def of_status(status: int) -> Exit:
    """Return the exit code for the HTTP status of an error."""
    return _OF_STATUS.get(status, Exit.FAILED)
