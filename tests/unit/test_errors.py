"""The tree of errors: nothing that leaves the account names it."""

from __future__ import annotations

import pytest

from devops_core import errors
from devops_core.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    BusyError,
    ConflictError,
    DevOpsError,
    InvalidRequestError,
    NotReadyError,
    ThrottledError,
    brief,
    printable,
    redact,
    trace,
)

ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (f"role arn:aws:iam::{ACCOUNT}:role/devops-ecs/x is missing",
         "role iam role/devops-ecs/x is missing"),
        (f"arn:aws-cn:ecs:cn-north-1:{ACCOUNT}:service/MyApp/dev", "ecs service/MyApp/dev"),
        ("arn:aws:s3:::bucket/key.", "s3 bucket/key."),
        ("arn:aws:iam::aws:policy/Admin", "iam policy/Admin"),
        ("arn:aws:ecs:*:*:task/*", "ecs task/*"),
        (f"User: arn:aws:sts::{ACCOUNT}:assumed-role/a/b may not: ecs:Run on arn:aws:s3:::c",
         "User: sts assumed-role/a/b may not: ecs:Run on s3 c"),
        (f"bucket ecs-cf-bucket-{ACCOUNT}-eu-west-1", "bucket ecs-cf-bucket-<account>-eu-west-1"),
        (f"table_{ACCOUNT}_x", "table_<account>_x"),
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/app",
         "<account>.dkr.ecr.eu-west-1.amazonaws.com/app"),
        (f"sha256:ab{ACCOUNT}cd", f"sha256:ab{ACCOUNT}cd"),
        ("version 202611282309", "version 202611282309"),
        ("at 1769860800000 ms", "at 1769860800000 ms"),
        ("nothing to hide", "nothing to hide"),
    ],
    ids=["role", "other partition", "without account", "AWS's own", "wildcards", "two at once",
         "account in a name", "account between underscores", "account in a host",
         "a version of twelve digits",
         "digits in a digest", "longer number", "plain text"],
)  # fmt: skip
def test_redacts_arns_and_accounts_and_nothing_else(text: str, safe: str) -> None:
    assert redact(text) == safe


_PULL = "ResourceInitializationError: unable to pull secrets or registry auth:"
_STORE, _SSM = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}", f"arn:aws:ssm:eu-west-1:{ACCOUNT}"


# The forms of AWS's messages: re:Post, "How do I resolve the ResourceInitializationError error";
# aws/amazon-ecs-agent, agent/asm and agent/ssm; IAM User Guide, "Troubleshoot access denied error
# messages"; CloudFormation User Guide, "Get values stored in other services".
@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (f"{_PULL} unable to retrieve secret from asm: failed to fetch secret"
         f" {_STORE}:secret:payments/db+x=y@z-AbCdEf:password:: from secrets manager:"
         " ResourceNotFoundException: Secrets Manager can't find the specified secret.",
         f"{_PULL} unable to retrieve secret from asm: failed to fetch secret"
         " secretsmanager <secret>:: from secrets manager:"
         " ResourceNotFoundException: Secrets Manager can't find the specified secret."),
        (f"{_PULL} unable to retrieve secrets from ssm: service call has been retried 1 time(s):"
         " invalid ssm parameters: /payments/db, payments.key (and more)",
         f"{_PULL} unable to retrieve secrets from ssm: service call has been retried 1 time(s):"
         " invalid ssm parameters: <parameter> (and more)"),
        ("invalid parameters: /payments/db,/payments/key", "invalid parameters: <parameter>"),
        (f"User: arn:aws:sts::{ACCOUNT}:assumed-role/a/b is not authorized to perform:"
         f" secretsmanager:GetSecretValue on resource: {_STORE}:secret:payments/db-AbCdEf because",
         "User: sts assumed-role/a/b is not authorized to perform:"
         " secretsmanager:GetSecretValue on resource: secretsmanager <secret> because"),
        ("may not perform: secretsmanager:GetSecretValue on resource: payments/db because",
         "may not perform: secretsmanager:GetSecretValue on resource: <secret> because"),
        (f"not authorized to perform: ssm:GetParameters on resource: {_SSM}:parameter/payments/db",
         "not authorized to perform: ssm:GetParameters on resource: ssm <parameter>"),
        ("perform: ssm:GetParameters on resource: payments.db, try",
         "perform: ssm:GetParameters on resource: <parameter>, try"),
        ("Could not parse {{resolve:secretsmanager:payments/db:SecretString:password}}",
         "Could not parse {{resolve:secretsmanager:<secret>}}"),
        ("Parameters: [ssm:/payments/db:1] cannot be found. Rollback requested",
         "Parameters: [ssm:<parameter>] cannot be found. Rollback requested"),
        (f"arn:aws-cn:ssm:cn-north-1:{ACCOUNT}:parameter/payments/db.", "ssm <parameter>."),
    ],
)  # fmt: skip
def test_names_of_secrets_and_parameters_are_redacted(text: str, safe: str) -> None:
    assert redact(text) == safe
    assert redact(safe) == safe
    assert "payments" not in safe


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\nb\r\nc\td", "a b c d"),
        ("\x00\x1b[31mred\x7f", "??[31mred?"),
        ("\x80\x9b\x85", "???"),
        ("one\u2028two\u2029three", "one?two?three"),
        ("\u202eevil\u202c \u2066x\u2069 \u200e\u200f\u061c", "?evil? ?x? ???"),
        ("\ud800\udfff", "??"),
        ("Ünïcode, 日本語, עברית, 👍🏽", "Ünïcode, 日本語, עברית, 👍🏽"),
    ],
    ids=["ends of lines", "C0 and DEL", "C1", "separators", "directions", "surrogates", "letters"],
)
def test_what_a_terminal_would_obey_is_a_question_mark(text: str, plain: str) -> None:
    assert printable(text) == plain
    assert redact(text) == plain
    assert DevOpsError(text, more=[text]).body() == {
        "errorMessage": plain, "code": "INTERNAL", "more": [plain],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x" * 100, "x" * 64),
        ("a\nb\tc", "a?b?c"),
        (f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:db", "secretsmanager <secret>"),
        # A text is redacted before it is cut, so that no part of an ARN or account remains.
        ("y" * 40 + f" arn:aws:iam::{ACCOUNT}:role/r", "y" * 40 + " iam role/r"),
        ("y" * 55 + f" {ACCOUNT}", "y" * 55 + " <account"),
    ],
    ids=["long", "controls", "an ARN", "an ARN at the end", "an account at the end"],
)
def test_what_a_caller_wrote_is_told_in_brief(text: str, told: str) -> None:
    assert brief(text) == told


def test_a_traceback_names_no_arn_in_any_line() -> None:
    def fail() -> None:
        cause = ValueError(f"arn:aws:iam::{ACCOUNT}:role/x\nand\u202e {ACCOUNT}\x1b")
        raise KeyError(f"arn:aws:s3:::{ACCOUNT}") from cause

    try:
        fail()
    except KeyError:
        lines = trace().split("\n")

    assert "Traceback (most recent call last):" in lines
    assert "ValueError: iam role/x" in lines
    assert "and? <account>?" in lines
    assert lines[-1] == "KeyError: 's3 <account>'"


def test_redacts_message_and_details_at_any_depth() -> None:
    arn = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:service/a/dev"
    error = AlreadyExistsError(
        f"{arn} is busy", operation={"id": "01", "held": [arn, 5, True, None]}
    )

    assert str(error) == "ecs service/a/dev is busy"
    assert error.body() == {
        "errorMessage": "ecs service/a/dev is busy",
        "code": "ALREADY_EXISTS",
        "operation": {"id": "01", "held": ["ecs service/a/dev", 5, True, None]},
    }


def test_a_busy_row_names_the_operation_that_holds_it() -> None:
    assert BusyError("DEV", "Shop", "01HOLDER").body() == {
        "errorMessage": "DEV of Shop is held by operation 01HOLDER: wait for its end",
        "code": "BUSY",
        "operation": {"id": "01HOLDER", "applicationName": "Shop"},
    }


@pytest.mark.parametrize(
    ("there", "holder", "message", "told"),
    [
        ("Shop", None, "the application Shop already exists: choose another name", {}),
        (
            "Shop",
            "01HOLDER",
            "the application Shop already exists: its operation 01HOLDER is in progress",
            {"operation": {"id": "01HOLDER", "applicationName": "Shop"}},
        ),
        (
            "SHOP",
            "01HOLDER",
            "the application SHOP already exists, and Shop differs from it only in upper and lower"
            " case, but names of image repositories are lower case: choose another name",
            {},
        ),
    ],
)
def test_a_name_that_is_taken_says_by_whom(
    there: str, holder: str | None, message: str, told: dict[str, object]
) -> None:
    body = AlreadyExistsError.of("Shop", there, holder).body()
    assert body == {"errorMessage": message, "code": "ALREADY_EXISTS", **told}


def test_an_invalid_request_lists_every_problem_with_its_field() -> None:
    error = InvalidRequestError([("email", "is required"), ("tags.x", f"not {ACCOUNT}")])

    assert error.body() == {
        "errorMessage": "The request is not valid: email: is required; tags.x: not <account>",
        "code": "INVALID_REQUEST",
        "errors": [
            {"field": "email", "message": "is required"},
            {"field": "tags.x", "message": "not <account>"},
        ],
    }


def test_not_ready_names_the_reasons_twice_for_people_and_for_programs() -> None:
    error = NotReadyError("the idle slot is not ready", ["no task", f"not {ACCOUNT}"])

    assert error.body() == {
        "errorMessage": "the idle slot is not ready: no task; not <account>",
        "code": "NOT_READY",
        "reasons": ["no task", "not <account>"],
    }


@pytest.mark.parametrize(
    ("name", "status", "code", "retry_after"),
    [
        ("DevOpsError", 500, "INTERNAL", None),
        ("NotFoundError", 404, "NOT_FOUND", None),
        ("ConflictError", 409, "CONFLICT", None),
        ("UnknownApplicationError", 409, "NO_SUCH_APPLICATION", None),
        ("UnknownEnvironmentError", 409, "NO_SUCH_ENVIRONMENT", None),
        ("AlreadyExistsError", 409, "ALREADY_EXISTS", None),
        ("NotDeployableError", 409, "NOT_DEPLOYABLE", None),
        ("ImageNotFoundError", 409, "IMAGE_NOT_FOUND", None),
        ("ChangedMeanwhileError", 409, "CHANGED_MEANWHILE", None),
        ("IdempotencyMismatchError", 422, "IDEMPOTENCY_KEY_REUSED", None),
        ("AwsError", 502, "AWS_ERROR", None),
        ("RefusedError", 502, "REFUSED", None),
        ("UnreachableError", 503, "AWS_UNREACHABLE", 5),
        ("ThrottledError", 503, "THROTTLED", 5),
    ],
)
def test_status_and_code_of(name: str, status: int, code: str, retry_after: int | None) -> None:
    error: DevOpsError = getattr(errors, name)("why")

    assert (error.http_status, error.code, error.retry_after) == (status, code, retry_after)
    assert error.body() == {"errorMessage": "why", "code": code}


def test_the_names_of_members_are_redacted_too() -> None:
    """The names of alarms are callers' texts, and `alarmStates` has them as members."""
    alarm = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:errors"

    assert errors.redacted({"alarmStates": {alarm: [alarm], ACCOUNT: "OK"}}) == {
        "alarmStates": {"cloudwatch alarm:errors": ["cloudwatch alarm:errors"], "<account>": "OK"}
    }


def test_codes_are_different() -> None:
    tree = [value for value in vars(errors).values() if isinstance(value, type)]
    codes = [one.code for one in tree if issubclass(one, DevOpsError)]

    assert len(codes) == len(set(codes))


def test_a_caller_can_catch_what_belongs_together() -> None:
    assert issubclass(BusyError, ConflictError)
    assert issubclass(ThrottledError, errors.AwsError)
    assert issubclass(AccessDeniedError, errors.AwsError)
    assert not issubclass(errors.LostClaimError, DevOpsError)
