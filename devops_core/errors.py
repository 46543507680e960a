"""The hierarchy of errors: each has a stable code, an HTTP status and a message for people.

Messages leave the account in responses and logs. So they contain no ARNs, no stack traces, not the
account number, and no characters that control a terminal.
"""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

# The account of an ARN may be empty, "aws" (AWS managed policies) or a wildcard.
_ARN = re.compile(
    r"arn:aws[a-z-]*:([a-z0-9-]+):[a-z0-9*-]*:[a-z0-9*]*:([A-Za-z0-9_./:*-]*[A-Za-z0-9_*])"
)

# Characters of names in Secrets Manager and in the SSM parameter store (Secrets Manager API,
# CreateSecret; Systems Manager API, PutParameter), without punctuation at the end.
_NAME = r"[A-Za-z0-9/_+=.@:*-]*[A-Za-z0-9/_+=@*-]"
# Names of secrets and parameters: in ARNs, in messages of IAM about actions of both services, in
# the message of the ECS agent about missing parameters, in dynamic references of templates and in
# the message of CloudFormation about them ("Parameters: [ssm:name:1] cannot be found").
_SECRET_NAMES = (
    (rf"arn:aws[a-z-]*:secretsmanager:[^:\s]*:[^:\s]*:secret:{_NAME}", "secretsmanager <secret>"),
    (rf"arn:aws[a-z-]*:ssm:[^:\s]*:[^:\s]*:parameter/?{_NAME}", "ssm <parameter>"),
    (rf"(secretsmanager:[A-Za-z]+ on resource: )(?!secretsmanager <){_NAME}", r"\1<secret>"),
    (rf"(ssm:[A-Za-z]+ on resource: )(?!ssm <){_NAME}", r"\1<parameter>"),
    (rf"((?i:invalid (?:ssm )?parameters): ?){_NAME}(?:, ?{_NAME})*", r"\1<parameter>"),
    (r"\{\{resolve:(secretsmanager|ssm|ssm-secure):[^}]*\}\}", r"{{resolve:\1:<secret>}}"),
    (r"\[(ssm|ssm-secure|secretsmanager):[^\]]*\]", r"[\1:<parameter>]"),
)
# Each of these patterns needs one of these words. Other texts need no compiled patterns.
_SECRET_WORDS = ("secretsmanager", "ssm", "arameters:")

# Control characters (C0, DEL, C1), line and paragraph separators, characters that change the
# direction of text (Unicode Standard Annex 9, "Directional Formatting Characters"), and surrogates,
# which encoders reject.
CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Return `text` in one line, with a question mark for each control character."""
    return CONTROL.sub("?", re.sub(r"[\t\n\r]+", " ", text))


def redact(text: str) -> str:
    """Return printable text with ARNs shortened to `service resource`, without the account number.

    It contains no names of secrets and parameters either. The number is that of this installation,
    from its environment. Other numbers stay, because a version can have twelve digits, such as
    202611282309.
    """
    text = printable(text)
    if any(word in text for word in _SECRET_WORDS):
        for pattern, replacement in _SECRET_NAMES:
            text = re.sub(pattern, replacement, text)
    without_arns = _ARN.sub(lambda found: f"{found[1]} {found[2]}", text)
    account = os.environ.get("ACCOUNT_ID")
    if not account or account not in without_arns:
        return without_arns
    # Not within a longer word, such as a digest or an id; an underscore ends a word here.
    return re.sub(rf"(?<![A-Za-z0-9]){account}(?![A-Za-z0-9])", "<account>", without_arns)


def brief(text: str) -> str:
    """Return a caller's text for an error message: redacted, then cut to 64 characters."""
    return redact(CONTROL.sub("?", text))[:64]


def no_application(name: str, existing: str | None = None) -> str:
    """Return the message for a missing application; `existing` may differ from it only in case."""
    missing = f"there is no application {brief(name)} (names are case-sensitive)"
    return f"{missing}: did you mean {existing}?" if existing and existing != name else missing


def trace() -> str:
    """Return the traceback of the error that is being handled, with each line redacted."""
    return "\n".join(map(redact, traceback.format_exc().splitlines()))


def redacted(value: Any) -> Any:
    """Return a JSON value with all of its strings redacted, also the names of members."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(name): redacted(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(member) for member in value]
    return value


class DevOpsError(Exception):
    """Base class of all errors that callers receive.

    `code` is stable and upper case, `http_status` the status of the response, `retry_after` the
    seconds in its Retry-After header or None, `details` further members of its JSON body.
    """

    code: ClassVar[str] = "INTERNAL"
    http_status: ClassVar[int] = 500
    retry_after: ClassVar[int | None] = None

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(redact(message))
        self.message = redact(message)
        self.details: dict[str, Any] = redacted(details)

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the error response."""
        return {"errorMessage": self.message, "code": self.code, **self.details}


class InvalidRequestError(DevOpsError):
    """400: the request is invalid; `problems` lists every `(field, message)` at once."""

    code = "INVALID_REQUEST"
    http_status = 400

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        errors = [{"field": field, "message": message} for field, message in problems]
        summary = "; ".join(f"{problem['field']}: {problem['message']}" for problem in errors)
        super().__init__(f"The request is not valid: {summary}", errors=errors)


class PreconditionRequiredError(DevOpsError):
    """428: a call that replaces a document does not name the revision that it replaces."""

    code = "PRECONDITION_REQUIRED"
    http_status = 428


class PreconditionFailedError(DevOpsError):
    """412: the specification has another revision than the caller expects."""

    code = "PRECONDITION_FAILED"
    http_status = 412


class ForbiddenError(DevOpsError):
    """403: the caller is missing from the teams or production approvers of the installation.

    `errors` lists the fields with secrets or roles that the team of the application cannot use.
    """

    code = "FORBIDDEN"
    http_status = 403


class CrossSiteError(ForbiddenError):
    """403: a web page sent the request, and callers are not authenticated."""

    code = "CROSS_SITE"


class NotFoundError(DevOpsError):
    """404: a GET for a resource that does not exist."""

    code = "NOT_FOUND"
    http_status = 404


class ConflictError(DevOpsError):
    """409: the request is valid, but the current state does not meet its preconditions."""

    code = "CONFLICT"
    http_status = 409


class UnknownApplicationError(ConflictError):
    """409: the application does not exist."""

    code = "NO_SUCH_APPLICATION"


class UnknownEnvironmentError(ConflictError):
    """409: the application was created without this environment."""

    code = "NO_SUCH_ENVIRONMENT"


class AlreadyExistsError(ConflictError):
    """409: the name of the application is in use."""

    code = "ALREADY_EXISTS"

    @classmethod
    def of(cls, application: str, existing: str, holder: str | None = None) -> AlreadyExistsError:
        """Return the error for an `existing` application; the operation `holder` holds its rows."""
        exists = f"the application {existing} already exists"
        if existing != application:
            return cls(
                f"{exists}, and {application} differs from it only in upper and lower case, but"
                " names of image repositories are lower case: choose another name"
            )
        if holder is None:
            return cls(f"{exists}: choose another name")
        return cls(
            f"{exists}: its operation {holder} is in progress",
            operation={"id": holder, "applicationName": application},
        )


# The name of an application's record in messages.
SPECIFICATION = "the specification"


class BusyError(ConflictError):
    """409: another operation, in the member `operation`, holds a required row or the record."""

    code = "BUSY"

    def __init__(
        self, held: str, application: str, operation_id: str, remedy: str = "wait for its end"
    ) -> None:
        super().__init__(
            f"{held} of {application} is held by operation {operation_id}: {remedy}",
            operation={"id": operation_id, "applicationName": application},
        )


class NotDeployableError(ConflictError):
    """409: nothing to promote, a missing image, or an environment that cannot be deployed to."""

    code = "NOT_DEPLOYABLE"


class ImageNotFoundError(NotDeployableError):
    """409: the image is not in this account's ECR."""

    code = "IMAGE_NOT_FOUND"


class NotReadyError(ConflictError):
    """409: blue cannot go live; `reasons` lists the unmet conditions."""

    code = "NOT_READY"

    def __init__(self, message: str, reasons: Sequence[str]) -> None:
        super().__init__(f"{message}: {'; '.join(reasons)}", reasons=reasons)


class AmbiguousError(ConflictError):
    """409: different releases of both slots match the request; `reasons` describes them."""

    code = "AMBIGUOUS"

    def __init__(self, message: str, reasons: Sequence[str]) -> None:
        super().__init__(f"{message}: {'; '.join(reasons)}", reasons=reasons)


class ChangedMeanwhileError(ConflictError):
    """409: the inventory changed between the read and the claim; the caller can retry."""

    code = "CHANGED_MEANWHILE"


class AlreadyEndedError(ConflictError):
    """409: the operation has ended, so it cannot be aborted."""

    code = "ALREADY_ENDED"


class NotBlockedError(ConflictError):
    """409: the operation can still end by itself or by an abort."""

    code = "NOT_BLOCKED"


class NotAbortableError(ConflictError):
    """409: operations of this kind cannot be aborted."""

    code = "NOT_ABORTABLE"


class IdempotencyMismatchError(DevOpsError):
    """422: the Idempotency-Key was used with a different request."""

    code = "IDEMPOTENCY_KEY_REUSED"
    http_status = 422


class AwsError(DevOpsError):
    """502: an AWS call of an adapter failed."""

    code = "AWS_ERROR"
    http_status = 502


class ThrottledError(AwsError):
    """503: AWS throttled a call and all of the SDK's retries."""

    code = "THROTTLED"
    http_status = 503
    retry_after = 5


class UnreachableError(AwsError):
    """503: no response from AWS, or 5xx. It is unknown whether the call took effect."""

    code = "AWS_UNREACHABLE"
    http_status = 503
    retry_after = 5


class AccessDeniedError(AwsError):
    """502: the service's role lacks a permission. An operation waits until the role has it."""

    code = "ACCESS_DENIED"


class RefusedError(AwsError):
    """502: AWS refuses the call, and would refuse the same call again."""

    code = "REFUSED"


class LostClaimError(Exception):
    """Another worker has changed the operation, so this worker must stop. Never a response."""
