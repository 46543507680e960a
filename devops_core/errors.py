"""One tree of errors: each has a code for programs, an HTTP status, and a message for the person.

Messages never contain an ARN, an account number or a stack trace: they leave the account in
answers and in the log. Nor do they contain what a terminal obeys instead of showing it.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

# The account of an ARN may be empty, "aws" (AWS managed policies) or a wildcard.
_ARN = re.compile(
    r"arn:aws[a-z-]*:([a-z0-9-]+):[a-z0-9*-]*:[a-z0-9*]*:([A-Za-z0-9_./:*-]*[A-Za-z0-9_*])"
)
# Not inside a longer word, which is a digest or an id; an underscore ends a word here.
_ACCOUNT = re.compile(r"(?<![A-Za-z0-9])\d{12}(?![A-Za-z0-9])")

# Control characters (C0, DEL, C1), ends of lines and paragraphs, what turns the direction of
# writing around (Unicode Standard Annex 9, "Directional Formatting Characters"), and halves of a
# surrogate pair, which no encoder takes.
CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Return `text` in one line, with a question mark for each character that is to be obeyed."""
    return CONTROL.sub("?", re.sub(r"[\t\n\r]+", " ", text))


def redact(text: str) -> str:
    """Return printable text with ARNs cut to `service resource`, without account numbers."""
    without_arns = _ARN.sub(lambda found: f"{found[1]} {found[2]}", printable(text))
    return _ACCOUNT.sub("<account>", without_arns)


def brief(text: str) -> str:
    """Return what a caller wrote as an error may repeat it: redacted, then cut."""
    return redact(CONTROL.sub("?", text))[:64]


def trace() -> str:
    """Return the traceback of the error that is being handled, each line of it redacted."""
    return "\n".join(map(redact, traceback.format_exc().splitlines()))


def redacted(value: Any) -> Any:
    """Return a value of JSON with all its texts redacted; the names of members stay."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: redacted(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(member) for member in value]
    return value


class DevOpsError(Exception):
    """Base of all errors that a caller may see.

    `code` is stable and upper case; `http_status` what the API answers; `retry_after` seconds for
    the Retry-After header, or None; `details` further members of the JSON answer.
    """

    code: ClassVar[str] = "INTERNAL"
    http_status: ClassVar[int] = 500
    retry_after: ClassVar[int | None] = None

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(redact(message))
        self.message = redact(message)
        self.details: dict[str, Any] = redacted(details)

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the error answer."""
        return {"errorMessage": self.message, "code": self.code, **self.details}


class InvalidRequestError(DevOpsError):
    """400: the request is malformed; `problems` lists every `(field, message)` at once."""

    code = "INVALID_REQUEST"
    http_status = 400

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        errors = [{"field": field, "message": message} for field, message in problems]
        summary = "; ".join(f"{problem['field']}: {problem['message']}" for problem in errors)
        super().__init__(f"The request is not valid: {summary}", errors=errors)


class ForbiddenError(DevOpsError):
    """403: the installation's teams or production approvers do not have this caller."""

    code = "FORBIDDEN"
    http_status = 403


class NotFoundError(DevOpsError):
    """404: a GET for something that is not there."""

    code = "NOT_FOUND"
    http_status = 404


class ConflictError(DevOpsError):
    """409: the request is well formed, but what it needs is not so."""

    code = "CONFLICT"
    http_status = 409


class UnknownApplicationError(ConflictError):
    """409: no application of that name."""

    code = "NO_SUCH_APPLICATION"


class UnknownEnvironmentError(ConflictError):
    """409: the application was created without that environment."""

    code = "NO_SUCH_ENVIRONMENT"


class AlreadyExistsError(ConflictError):
    """409: an application of that name exists."""

    code = "ALREADY_EXISTS"

    @classmethod
    def of(cls, application: str, there: str, holder: str | None = None) -> AlreadyExistsError:
        """Return the error for a name that `there` has; `holder` is the operation at work on it."""
        exists = f"application {there} exists already"
        if there != application:
            return cls(
                f"{exists}, and {application} differs from it only in upper and lower case, which"
                " image repositories do not tell apart"
            )
        if holder is None:
            return cls(exists)
        return cls(
            f"{exists}; operation {holder} is at work on it",
            operation={"id": holder, "applicationName": application},
        )


class BusyError(ConflictError):
    """409: another operation holds a row that this one needs; `operation` names it."""

    code = "BUSY"

    def __init__(self, environment: str, application: str, operation_id: str) -> None:
        super().__init__(
            f"{environment} of {application} is held by operation {operation_id},"
            " which is in progress",
            operation={"id": operation_id, "applicationName": application},
        )


class NotDeployableError(ConflictError):
    """409: nothing to promote, image missing, or the environment is in no state for it."""

    code = "NOT_DEPLOYABLE"


class ImageNotFoundError(NotDeployableError):
    """409: the image is not in this account's ECR."""

    code = "IMAGE_NOT_FOUND"


class NotReadyError(ConflictError):
    """409: blue cannot go live; `reasons` lists what is missing."""

    code = "NOT_READY"

    def __init__(self, message: str, reasons: Sequence[str]) -> None:
        super().__init__(f"{message}: {'; '.join(reasons)}", reasons=reasons)


class ChangedMeanwhileError(ConflictError):
    """409: the inventory changed between looking and claiming; calling again is safe."""

    code = "CHANGED_MEANWHILE"


class AlreadyEndedError(ConflictError):
    """409: an operation that has ended cannot be aborted."""

    code = "ALREADY_ENDED"


class NotAbortableError(ConflictError):
    """409: nothing can stop an operation of this kind."""

    code = "NOT_ABORTABLE"


class IdempotencyMismatchError(DevOpsError):
    """422: the Idempotency-Key was used before with another request."""

    code = "IDEMPOTENCY_KEY_REUSED"
    http_status = 422


class AwsError(DevOpsError):
    """AWS did not do what an adapter asked. 502 when it reaches a caller."""

    code = "AWS_ERROR"
    http_status = 502


class ThrottledError(AwsError):
    """503: AWS throttles beyond the SDK's own retries."""

    code = "THROTTLED"
    http_status = 503
    retry_after = 5


class UnreachableError(AwsError):
    """503: no answer from AWS, or 5xx: whether the call took effect is not known."""

    code = "AWS_UNREACHABLE"
    http_status = 503
    retry_after = 5


class AccessDeniedError(AwsError):
    """AWS refuses the service's own role. An operation waits for the permission to come."""

    code = "ACCESS_DENIED"


class RefusedError(AwsError):
    """AWS refuses the call for good: repeating the same call gives the same answer."""

    code = "REFUSED"


class LostClaimError(Exception):
    """Another worker moved the operation on meanwhile: stop and leave it alone. Never an answer."""
