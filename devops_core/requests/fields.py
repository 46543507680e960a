"""Validators of single fields; each raises voluptuous' `Invalid` with a message for the caller."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from voluptuous import Any as OneOf
from voluptuous import Invalid

from devops_core.errors import CONTROL, brief
from devops_core.naming import APPLICATION_NAME, DEPLOYABLE, IMAGE_TAG, Environment, Image

# Memory in MiB for each number of CPU units that Fargate accepts (Amazon ECS Developer Guide,
# "Task definition parameters for Fargate", table "Task CPU and memory").
FARGATE_SIZES: Mapping[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
# A rolling deployment doubles the tasks for a while, and Fargate starts with a quota of a few
# dozen vCPU per account: more than this is a typing mistake rather than a service.
MAX_TASKS = 100

# Characters of a container's image (Amazon ECS API Reference, ContainerDefinition, `image`).
LONGEST_IMAGE = 255

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# The application template sets the first three in every container, ECS the others (Amazon ECS
# Developer Guide, "Amazon ECS environment variables"). That guide lets a container have another
# AWS_REGION and AWS_DEFAULT_REGION than its own, so these two are not here.
RESERVED_VARIABLES = frozenset(
    {
        "APPLICATION", "ENVIRONMENT", "PORT",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_EXECUTION_ENV", "ECS_AGENT_URI",
        "ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4",
    }
)  # fmt: skip
_PATH = re.compile(r"/[A-Za-z0-9._~/%+-]{0,1023}")
# All are fetched at once while production waits.
MAX_WARMUP = 10
_PAGE = re.compile(r"/[A-Za-z0-9._~/%+-]{0,1023}(?:\?[A-Za-z0-9._~/%+=&,:;@!*-]{0,1023})?")
# An address as teams have one: a local part of atoms (RFC 5321, "Dot-string"), a host of two labels
# or more (RFC 1123). voluptuous' own Email also takes letters that only look like those of ASCII,
# and what the contract could not say in one pattern.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(
    rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z0-9][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]"
)
_SECRET = re.compile(
    r"arn:aws[a-z-]*:(?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:"
    # Key, stage and version come all together, each may be empty (ECS Developer Guide, "Pass
    # Secrets Manager secrets through environment variables").
    r"[A-Za-z0-9/_+=.@-]+(?:(?::[^:\s]*){3})?"
    r"|ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9/_.-]+)"
)
# Tag limits: AWS General Reference, "Tag naming limits and requirements". AWS keeps "aws:" for
# itself in any case. A stack takes no empty value (CloudFormation API, Tag).
_TAG_KEY = re.compile(r"(?!(?i:aws|devops):)[\w .:/=+@-]{1,128}")
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{1,256}")


def matching(pattern: re.Pattern[str], message: str) -> Callable[[Any], str]:
    """Return a validator for a string without controls that `pattern` matches as a whole."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or CONTROL.search(value) or not pattern.fullmatch(value):
            raise Invalid(message)
        return value

    return check


def variable(name: Any) -> str:
    """Check the name of an environment variable that is the application's to set."""
    if name in RESERVED_VARIABLES:
        raise Invalid("is set by this service or by ECS: choose another name")
    return matching(_VARIABLE, "is not a valid variable name")(name)


def text(longest: int) -> Callable[[Any], str]:
    """Return a validator for text of at most `longest` characters, none of them a control."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest or CONTROL.search(value):
            raise Invalid(
                f"must be text of at most {longest} characters without control characters"
            )
        return value

    return check


def integer(value: Any) -> int:
    """Check an integer; which ones will do is said where two fields are looked at together."""
    if type(value) is not int:
        raise Invalid("must be a whole number")
    return value


def whole_number(least: int, most: int) -> Callable[[Any], int]:
    """Return a validator for an integer between two bounds."""

    def check(value: Any) -> int:
        # bool is an int to Python, not to the caller who wrote `true`.
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Invalid(f"must be a whole number from {least} to {most}")
        return value

    return check


def environments(allowed: Iterable[Environment]) -> Callable[[Any], tuple[Environment, ...]]:
    """Return a validator for a list of different environments in lower case."""
    names = [environment.value.lower() for environment in allowed]

    def check(value: Any) -> tuple[Environment, ...]:
        # What is no text is not repeated: it may be nested too deeply to be written down again.
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise Invalid(f"must be a list of {', '.join(names)}")
        unknown = [name for name in value if name not in names]
        if unknown:
            raise Invalid(f'"{brief(unknown[0])}" is none of {", ".join(names)}')
        if len(set(value)) < len(value):
            twice = next(name for name in value if value.count(name) > 1)
            raise Invalid(f"lists {twice} more than once")
        return tuple(Environment(name.upper()) for name in value)

    return check


def environment(value: Any) -> Environment:
    """Check one deployable environment in lower case."""
    if not isinstance(value, str):
        raise Invalid(f"must be one of {', '.join(name.lower() for name in DEPLOYABLE)}")
    return environments(DEPLOYABLE)([value])[0]


def email(value: Any) -> str:
    """Check an e-mail address of at most 254 characters (RFC 5321, 4.5.3.1.3, less <>)."""
    if not isinstance(value, str) or len(value) > 254 or not _EMAIL.fullmatch(value):
        raise Invalid("must be an e-mail address")
    return value


def image(value: Any) -> str:
    """Check an image reference of a length that ECS takes."""
    if isinstance(value, str) and len(value) > LONGEST_IMAGE:
        raise Invalid(f"must have at most {LONGEST_IMAGE} characters")
    try:
        Image.parse(value)
    except (TypeError, ValueError) as error:
        raise Invalid("must be an image such as registry/name or registry/name:tag") from error
    return str(value)


def warmup(value: Any) -> tuple[str, ...]:
    """Check a list of at most ten different paths, each with its query if it has one."""
    if not isinstance(value, list) or len(value) > MAX_WARMUP:
        raise Invalid(f"must be a list of at most {MAX_WARMUP} paths")
    if not all(isinstance(path, str) and _PAGE.fullmatch(path) for path in value):
        raise Invalid("must be a list of paths such as /products?page=1")
    if len(set(value)) < len(value):
        twice = next(path for path in value if value.count(path) > 1)
        raise Invalid(f"lists {brief(twice)} more than once")
    return tuple(value)


NAME = matching(
    APPLICATION_NAME,
    "must be a letter followed by 1 to 21 letters or digits (no hyphens), and not 'internal'",
)
VERSION = matching(
    IMAGE_TAG,
    "must be an image tag: 1 to 128 letters, digits, '.', '_' or '-', not starting with '.' or '-'",
)
BOOL = OneOf(bool, msg="must be true or false")
HEALTH_CHECK_PATH = matching(_PATH, "must be a path such as /health")
REQUIRED_TAG = matching(
    re.compile(r"(?=.*\S)[\w .:/=+@-]{1,256}"),
    "must be text of 1 to 256 letters, digits, spaces or _.:/=+@-, not spaces alone",
)
TAGS = {
    matching(_TAG_KEY, "is not a valid tag key"): matching(
        _TAG_VALUE, "must be text of 1 to 256 letters, digits, spaces or _.:/=+@-"
    )
}
VARIABLES = {variable: text(4096)}
SECRETS = {
    variable: matching(_SECRET, "must be the ARN of a Secrets Manager secret or an SSM parameter")
}


def tag_problems(tags: Any) -> list[tuple[str, str]]:
    """Return the tags that differ from an earlier one in case only.

    They would go on roles, and IAM refuses them: its tag keys are case-insensitive (IAM User
    Guide, "Tags for AWS Identity and Access Management resources").
    """
    first: dict[str, str] = {}
    names = [name for name in tags if _TAG_KEY.fullmatch(name)] if isinstance(tags, dict) else []
    return [
        (f"tags.{name}", f"differs from {first[name.lower()]} in case only, which IAM refuses")
        for name in names
        if first.setdefault(name.lower(), name) != name
    ]


def image_problems(repouri: Any, version: Any) -> list[tuple[str, str]]:
    """Return the fault of an image that is too long with its version as tag.

    Values that are no image, or no version, are passed over: their own field reports them.
    """
    try:
        named = Image.parse(repouri)
    except (TypeError, ValueError):
        return []
    if named.tag or named.digest or not isinstance(version, str):
        return []
    if len(repouri) <= LONGEST_IMAGE < len(f"{repouri}:{version}"):
        return [("repouri", f"must have at most {LONGEST_IMAGE} characters with :version")]
    return []


def service_problems(service: Any, account: str | None) -> list[tuple[str, str]]:
    """Return the faults of a `service` object that lie between its fields, not in one of them.

    `account` is the one that secrets must be of, None for any. Values of the wrong type are
    passed over: their own field reports them.
    """
    if not isinstance(service, dict):
        return []
    return _size_problems(service) + _variable_problems(service) + _foreign(service, account)


def _size_problems(service: Mapping[str, Any]) -> list[tuple[str, str]]:
    cpu, memory = service.get("cpu", 256), service.get("memory", 512)
    if type(cpu) is not int or type(memory) is not int:
        return []
    sizes = FARGATE_SIZES.get(cpu)
    if sizes is None:
        allowed = ", ".join(map(str, FARGATE_SIZES))
        return [("service.cpu", f"must be a number of CPU units that Fargate runs: {allowed}")]
    if memory in sizes:
        return []
    allowed = ", ".join(map(str, sizes))
    return [("service.memory", f"Fargate runs {cpu} CPU units with one of {allowed} MiB")]


def _variable_problems(service: Mapping[str, Any]) -> list[tuple[str, str]]:
    variables, secrets = service.get("environment", {}), service.get("secrets", {})
    if not isinstance(variables, dict) or not isinstance(secrets, dict):
        return []
    return [
        (f"service.secrets.{name}", "is also in environment: a variable has one source")
        for name in sorted(set(variables) & set(secrets))
        if _VARIABLE.fullmatch(name)
    ]


def _foreign(service: Mapping[str, Any], account: str | None) -> list[tuple[str, str]]:
    """Return the secrets of other accounts: no application could read one.

    It would take a KMS key of their own (AWS Secrets Manager User Guide, "Access AWS Secrets
    Manager secrets from a different account"), which execution roles may not use. Another region
    will do (Amazon ECS API Reference, Secret).
    """
    secrets = service.get("secrets")
    if account is None or not isinstance(secrets, dict):
        return []
    return [
        (f"service.secrets.{name}", "must be of the account that this service is installed in")
        for name, arn in secrets.items()
        if isinstance(arn, str) and _SECRET.fullmatch(arn) and arn.split(":")[4] != account
        if _VARIABLE.fullmatch(name)
    ]
