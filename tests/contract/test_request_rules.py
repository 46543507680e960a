"""The rules of requests: valid and invalid values of each field, with the messages of the faults.

No other test repeats these messages. test_request_agreement.py compares the contract and the
command line with the same declarations.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from devops_core.errors import CONTROL, InvalidRequestError
from devops_core.model.inventory import RowStatus
from devops_core.model.specification import FixedSettings, Specification
from devops_core.naming import EcrRegistry, Environment
from devops_core.registries import AllowedRegistries
from devops_core.requests import schema
from devops_core.requests.create import CREATE, CreateRequest
from devops_core.requests.delete import DELETE, DeleteRequest
from devops_core.requests.deploy import DEPLOY, DeployRequest
from devops_core.requests.promote import PROMOTE, PromoteRequest
from devops_core.requests.reads import (
    EVENTS,
    OPERATIONS,
    SPECIFICATION,
    STACK,
    STACKS,
    EventsRequest,
    PageRequest,
    StackRequest,
    StacksRequest,
)
from devops_core.requests.swap import SWAP, SwapRequest

BODIES: Mapping[str, schema.Object[Any]] = {
    "create": CREATE,
    "deploy": DEPLOY,
    "promote": PROMOTE,
    "swap": SWAP,
    "delete": DELETE,
}
QUERIES: Mapping[str, schema.Object[Any]] = {
    "stacks": STACKS,
    "stack": STACK,
    "specification": SPECIFICATION,
    "operations": OPERATIONS,
    "events": EVENTS,
}
ACCOUNT = "123456789012"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:team/db-AbCdEf"
TOO_MANY_BYTES = "must have ARNs of at most 4096 bytes together for an environment, not {}"
# 4,575 bytes together.
MANY_ARNS = {f"S{n}": f"{SECRET[:-7]}-{n:02}{'x' * 79}" for n in range(32)}
# The secret of a database whose password RDS manages.
RDS_SECRET = (
    f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:"
    "rds!cluster-3c2f1b0a-9d8e-4f7a-8b6c-5d4e3f2a1b0c-AbCdEf"
)
PARAMETER = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/team/key"
PINNED = f"envoy/envoy@sha256:{'0' * 64}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop-tasks"
# The smallest valid bodies, and a complete one.
MINIMAL: Mapping[str, dict[str, Any]] = {
    "create": {
        "applicationName": "MyApp",
        "email": "team@example.com",
        "tags": {"technicalTeam": "Core"},
    },
    "deploy": {"applicationName": "MyApp", "environment": ["dev"], "version": "1.0"},
    "promote": {"applicationName": "MyApp"},
    "swap": {"applicationName": "MyApp"},
    "delete": {"stack": "MyApp"},
}
FULL = MINIMAL["create"] | {
    "description": "Sells things, naïvely",
    "environments": {"nonProd": ["stage", "dev"], "training": True, "da": False},
    "tags": {"technicalTeam": "Core", "cost centre": "42", "größe": "XL"},
    "service": {
        "containerPort": 8080,
        "healthCheckPath": "/up/z?full=1",
        "cpu": 1024,
        "memory": 2048,
        "architecture": "ARM64",
        "desiredCount": 3,
        "startSeconds": 120,
        "stopSeconds": 90,
        "rolloutMinutes": 45,
        "command": ["serve", "--quiet", "--quiet"],
        "taskRole": ROLE,
        "environment": {"COLOUR": "blue", "_x1": "", "spring.profiles-1": "a\n\tb"},
        "secrets": {"TOKEN": f"{SECRET}:token::", "KEY": PARAMETER},
        "warmup": ["/", "/products?page=1&sort=-price"],
    },
    "overrides": {
        "stage": {},
        "prod": {
            "cpu": 2048,
            "memory": 4096,
            "desiredCount": 6,
            "startSeconds": 300,
            "stopSeconds": 120,
            "rolloutMinutes": 60,
            "command": ["serve"],
            "environment": {"COLOUR": "green"},
            "secrets": {"TOKEN": SECRET, "CARD": f"{SECRET}:card::"},
            "taskRole": f"{ROLE}-of-production",
            "warmup": ["/"],
            "unset": ["_x1", "KEY"],
        },
    },
    "production": {
        "strategy": {"type": "linear", "percent": 20, "stepMinutes": 10},
        "bakeMinutes": 30,
        "alarms": ["checkout-errors", "latency > 1 s"],
        "judge": {"errorRatePercent": 0.5, "minRequests": 100},
        "approval": {"before": "full", "timeoutMinutes": 60},
    },
}
# The names of the overrides, which are those of all environments.
OVERRIDES = ("dev", "qa", "stage", "training", "da", "prod")
# A body with all environments.
EVERYWHERE = MINIMAL["create"] | {
    "environments": {"nonProd": ["dev", "qa", "stage"], "training": True, "da": True}
}
_MUST_BE_OBJECT = "must be an object"
_IN_MORE_THAN_CASE = "in more than upper and lower case"
_TAG_TEXT = (
    "letters, digits, spaces or _.:/=+@-, without spaces at the ends, each letter as one character"
    " (Unicode NFC)"
)
_TAG_KEY = f"is not a tag key: use 1 to 128 {_TAG_TEXT}, and without the prefix aws: or devops:"
# Values that are not valid in any text of a tag: other separators, spaces at the ends, a combining
# mark, a character whose NFC is another one, and two that are one in NFC.
_NO_TAG_TEXT = [
    "", " ", "  ", " a", "a ", "a\nb", "a#b", "a,b", "a\tb", "a\u00a0b", "a\u2028b",
    "gro\u0308\u00dfe", "\u212bngstr\u00f6m", "\u1100\u1161",
]  # fmt: skip
_WRONG_TYPES = (None, True, 0, 1.5, "x", ["x"], {"a": 1})


class Values(NamedTuple):
    """Values of a field, and the messages of the invalid ones.

    `wrong_type` is the message of a value with another JSON type than `json_type`.
    """

    json_type: type
    wrong_type: str
    valid: list[Any]
    invalid: Mapping[str, list[Any]]


def text(message: str, valid: list[Any], invalid: list[Any]) -> Values:
    """Return the values of a text whose faults have one message."""
    return Values(str, message, valid, {message: invalid})


def number(message: str, valid: list[Any], invalid: list[Any]) -> Values:
    """Return the values of a whole number; in a query they are text."""
    return Values(int, message, valid, {message: invalid})


_DIGEST = "sha256:" + "a" * 64
_NO_VERSION = "is required, except with restart: true"
_REQUIRED, _NOT_KNOWN = "is required", "is not a known field"
_DEPLOYABLE = "dev, qa, stage, training, da"
_NO_VARIABLE = (
    "is not a variable name: use 1 to 128 letters, digits, '_', '.' or '-', and begin with a letter"
    " or '_'"
)
_SET_BY_ECS = "is a variable of this service or of ECS: choose another name"

NAME = text(
    "must be an application name: a letter followed by 1 to 21 letters, digits and single hyphens;"
    " it must not end with a hyphen, '-idle', or a hyphen and an environment or slot (dev, qa,"
    " stage, training, da, prod, prod-1, prod-2), not begin with 'internal-', and not be"
    " 'internal', 'deploy', 'deploytoprodBlue' or 'swapProdBlueAndGreen'",
    ["ab", "A" * 22, "a1", "internal1", "internals", "my-app", "a-b", "a-1", "a-b-c", "a-prod-3",
     "x" * 20 + "-y", "dev", "prod-1", "a-device", "a-prod-x", "a-idler", "my-internal", "deploys",
     "deploy-x", "a-deploy", "a1-2b"],
    ["", "a", "1a", "my_app", "my app", "a'b", 'a"b', "a\nb", "ab\n", "ä1", "Åpp", "A" * 23,
     "\u0430pp", "a/b", "internal", "Internal", "-a", "a-", "a--b", "a-b-", "1-a", "a\u2010b",
     "x" * 21 + "-y", "internal-a", "INTERNAL-a", "deploy", "DEPLOY", "deploytoprodBlue",
     "DeployToProdBlue", "swapProdBlueAndGreen", "SWAPPRODBLUEANDGREEN", "a-dev", "a-qa",
     "a-stage", "a-training", "a-da", "a-prod", "a-prod-1", "a-prod-2", "a-idle", "a-DEV",
     "a-b-Prod-2", "a-dev\n"],
)  # fmt: skip
VERSION = text(
    "must be an image tag: 1 to 128 letters, digits, '.', '_' or '-',"
    " without '.' or '-' at the start",
    ["1", "1.0.0.1", "v1_2-RC.3", "_x", "latest", "x" * 128],
    ["", ".1", "-1", "1 0", "1/0", "1:0", "ä", "1.0\n", "x" * 129],
)
DIGEST = text(
    "must be the digest of an image: 'sha256:' and 64 hexadecimal digits in lower case",
    ["sha256:" + "0" * 64, "sha256:" + "0123456789abcdef" * 4],
    ["", "sha256:", "0" * 64, "sha256:" + "0" * 63, "sha256:" + "0" * 65, "sha256:" + "A" * 64,
     "sha256:" + "g" * 64, "sha512:" + "0" * 128, "@sha256:" + "0" * 64,
     "sha256:" + "0" * 64 + "\n", " sha256:" + "0" * 64],
)  # fmt: skip
TEAM = text(
    f"is not a team name: use 1 to 256 {_TAG_TEXT}",
    ["Core", "a b", "größe", "\u2155", "\uac00", "x" * 256],
    [*_NO_TAG_TEXT, "x" * 257],
)
DESCRIPTION = text(
    "must be text of at most 256 characters without control characters",
    ["", "naïve", "\u00e9" * 256],
    ["a\nb", "\x00", "\x7f", "\x85", "a\u2028b", "\u202e", "\ud800", "x" * 257],
)
EMAIL = text(
    "must be an e-mail address",
    ["a@b.co", "first.last+tag@mail.example.com", "o'hara@x-y.xn--p1ai", "a" * 242 + "@example.com",
     f"a@{'b' * 63}.co"],
    ["", "someone", "a@", "@example.com", "a@b@c.com", "a b@example.com", "a@example.com\n",
     "a@exa\u2028mple.com", "a" * 243 + "@example.com", "a@\u212aitchen.com",
     "\u017fales@example.com", "a@example", "a@example.c", "a@-example.com", "a@b-.co", "a@b.co-",
     ".a@example.com", "a.@example.com", "a..b@example.com", "a@b..co", "a@b.co.",
     '"a b"@example.com', "a@[192.0.2.1]", f"a@{'b' * 64}.co"],
)  # fmt: skip
PATH = text(
    "must be a path such as /health or /health?full=1, of at most 1024 characters",
    ["/", "/%7E~", "/a.b/c_d-e", "/" + "x" * 1023, "/a?b=c", "/?", "/a?b=c&d=%20?@:+/~_.-",
     "/@:&=+", "/a?" + "x" * 1021],
    ["", "health", "/a b", "?a=b", "/a?b c", "/a#b", "/a?b#c", "/a?{b}", "/a,b", "/a;b", "/a?(b)",
     "/a*", "/\n", "/a?b\n", "/é", "/a?é", "/" + "x" * 1024, "/a?" + "x" * 1022],
)  # fmt: skip
_PAGE = "must be a list of paths such as /products?page=1"
WARMUP = Values(
    list,
    "must be a list of at most 10 paths",
    [[], ["/"], ["/?"], ["/a?" + "b" * 1023], [f"/{n}" for n in range(10)]],
    {
        _PAGE: [["a"], ["/a b"], ["/a?b c"], ["/a#b"], ["/a?(b)"], ["/a??"], ["http://x/"], ["/\n"],
                [""], ["/a?" + "b" * 1024]],
        "must be a list of at most 10 paths": [[5], [None], [["/"]], [f"/{n}" for n in range(11)]],
        "must not contain /a more than once": [["/a", "/a"]],
    },
)  # fmt: skip
_TEXT = (
    "must be text of at most 4096 characters without control characters other than tabs and line"
    " breaks"
)
VARIABLE_VALUE = Values(
    str,
    'must be a text: write numbers, true, false and null in quotes, as in "42"',
    ["", "{}", "x" * 4096, "-----BEGIN KEY-----\nMII=\n-----END KEY-----\n", "a\tb", "a\r\nb",
     "\n" * 4096],
    {
        _TEXT: [
            "\x1b[0m", "a\x00b", "a\x0bb", "a\x0cb", "a\x1fb", "\x7f", "\x85", "a\u2028b",
            "\u202e", "\ud800", "x" * 4097,
        ],
    },
)  # fmt: skip
_WORDS = "must be a list of 1 to 100 words (numbers in quotes)"
COMMAND = Values(
    list,
    _WORDS,
    [["serve"], ["a", "a"], [""], ["sh", "-c", "exec serve\n\t--all"], ["x" * 4096],
     [f"{n}" for n in range(100)], ["same"] * 100],
    {
        "must not be empty": [[]],
        _WORDS: [[5], [None], [["a"]], ["a", 1], ["same"] * 101],
        _TEXT: [["a\x00b"], ["a", "\x1b[0m"], ["a\u2028b"], ["x" * 4097]],
    },
)  # fmt: skip
ROLE_ARN = text(
    "must be the ARN of an IAM role",
    [ROLE, f"arn:aws:iam::{ACCOUNT}:role/a/b!c~/shop-tasks",
     f"arn:aws:iam::{ACCOUNT}:role/A_1+=,.@-",
     f"arn:aws-cn:iam::{ACCOUNT}:role/x", f"arn:aws:iam::{ACCOUNT}:role/{'x' * 64}",
     f"arn:aws:iam::{ACCOUNT}:role/{'p' * 510}/x"],
    ["", "shop-tasks", "role/shop-tasks", f"arn:aws:iam::{ACCOUNT}:role/",
     f"arn:aws:iam::{ACCOUNT}:role//x", f"arn:aws:iam::{ACCOUNT}:role/a b", f"{ROLE}\n", f"{ROLE}/",
     f"arn:aws:iam:eu-west-1:{ACCOUNT}:role/x", "arn:aws:iam::12345:role/x",
     f"arn:aws:iam::{ACCOUNT}:user/x", f"arn:aws:sts::{ACCOUNT}:assumed-role/x/y",
     f"arn:aws:iam::{ACCOUNT}:role/{'x' * 65}", f"arn:aws:iam::{ACCOUNT}:role/{'p' * 511}/x",
     f"arn:aws:iam::{ACCOUNT}:role/é", ROLE.replace(ACCOUNT, "\u0663" * 12)],
)  # fmt: skip
SECRET_ARN = text(
    "must be the ARN of a Secrets Manager secret or an SSM parameter",
    [SECRET, f"{SECRET}:user::", f"{SECRET}::AWSPREVIOUS:", f"{SECRET}:user:AWSCURRENT:1-2",
     f"{SECRET}:::", f"{SECRET}:\u00e9::", PARAMETER, RDS_SECRET, f"{RDS_SECRET}:password::",
     "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/key"],
    ["hunter2", "", "team/db", "arn:aws:s3:::bucket/key", f"{SECRET}:", f"{SECRET}:key",
     f"{SECRET}:key:", f"{SECRET}:a:b:c:d", f"{SECRET}:a b::", f"{SECRET}:\x00::", f"{SECRET}\n",
     f"{SECRET},{SECRET}", f"{PARAMETER}:1", f"{PARAMETER} ", f"{PARAMETER}!a",
     SECRET.replace("eu-west-1", ""),
     SECRET.replace(ACCOUNT, "12345"), SECRET.replace(ACCOUNT, "\u0663" * 12),
     PARAMETER.replace(ACCOUNT, "\u0663" * 12)],
)  # fmt: skip
TAG_VALUE = text(
    f"is not a tag value: use 1 to 256 {_TAG_TEXT}",
    ["42", "a b", "größe", "x" * 256],
    [*_NO_TAG_TEXT, "x" * 257],
)
_IMAGE = "must be an image such as registry/name or registry/name:tag, of at most 255 characters"
IMAGE = Values(
    str,
    _IMAGE,
    ["app", "team/app", "localhost:5000/app", "registry.example.com:8443/a/b/c:1.0", "app:1",
     f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/app@{_DIGEST}", f"app:1@{_DIGEST}", "a_b/c",
     "a--b", "a__b", "a" * 183 + ":1", "a" * 183 + "@" + _DIGEST, "a:" + "b" * 128],
    {
        _IMAGE: ["", "https://registry/app", "app:", "app:-1", "a b", "app\n", "app@sha256:1",
                 "registry:\u0663/app", "a//b", "/app", "a/", "a:/b", "a/b:1/c", "-a", "a-",
                 "a.-b", "a..b", "a___b", "a:" + "b" * 129, "a" * 256, "A" * 256, "A b",
                 "\u212aube", "App@sha256:1"],
        "must have its repository in lower case, as in app": ["App", "aPP"],
        "must have its repository in lower case, as in registry/app": [
            "registry/App", "REGISTRY/app",
        ],
    },
)  # fmt: skip
NON_PROD = Values(
    list,
    "must be a list of dev, qa, stage",
    [[], ["dev"], ["stage", "qa", "dev"]],
    {
        "must be a list of dev, qa, stage": [[["dev"]], [None], ["dev", 1]],
        '"DEV" is not one of dev, qa, stage: did you mean dev?': [["DEV"]],
        '"da" is not one of dev, qa, stage': [["da"]],
        '"??" is not one of dev, qa, stage': [["\x7f\n"]],
        "must not contain dev more than once": [["dev", "qa", "dev"]],
    },
)
ENVIRONMENTS = Values(
    list,
    f"must be a list of {_DEPLOYABLE}",
    [["da"], ["dev", "qa", "stage", "training", "da"]],
    {
        "must not be empty": [[]],
        f"must be a list of {_DEPLOYABLE}": [[{"a": 1}], [None]],
        f'"prod-blue" is not one of {_DEPLOYABLE}': [["prod-blue"]],
        "must not contain dev more than once": [["dev", "dev"]],
    },
)
SOURCE = Values(
    str,
    f"must be one of {_DEPLOYABLE}",
    ["dev", "da"],
    {
        f'"prod-green" is not one of {_DEPLOYABLE}': ["prod-green"],
        f'"QA" is not one of {_DEPLOYABLE}: did you mean qa?': ["QA"],
        f'"" is not one of {_DEPLOYABLE}': [""],
    },
)
CPU = number(
    "must be a number of CPU units that Fargate supports: 256, 512, 1024, 2048, 4096, 8192, 16384",
    [256],
    [0, 128, 255, 257, 768, 3072, 16385, 32768],
)
SWITCH = Values(bool, "must be true or false", [True, False], {})
_REVISION = "must be a whole number from 1 to 99999999"
REVISION = number(_REVISION, [1, 99_999_999], [0, -1, 100_000_000])
OBJECT = Values(dict, "must be an object", [{}], {})
# The settings of `service` that an override can have, too.
SETTINGS: dict[str, Values] = {
    "cpu": CPU,
    "memory": number("must be a whole number", [512, 1024, 2048], []),
    "desiredCount": number("must be a whole number from 1 to 100", [1, 100], [0, 101, -1]),
    "startSeconds": number("must be a whole number from 0 to 7200", [0, 60, 1799], [-1, 7201]),
    "stopSeconds": number("must be a whole number from 1 to 120", [1, 30, 120], [0, -1, 121]),
    "rolloutMinutes": number("must be a whole number from 30 to 180", [30, 180], [0, 29, 181, -30]),
    "command": COMMAND,
    "environment": OBJECT,
    "environment.A": VARIABLE_VALUE,
    "secrets": OBJECT,
    "secrets.A": SECRET_ARN,
    "taskRole": ROLE_ARN,
    "warmup": WARMUP,
}
# The tests of `test_container_rules` have their members.
SETTINGS |= {
    "registryCredentials": text(
        "must be the ARN of a Secrets Manager secret, without key, stage and version",
        [SECRET, RDS_SECRET],
        ["", "team/db", PARAMETER, f"{SECRET}:user::", f"{SECRET}\n", SECRET.replace(ACCOUNT, "1")],
    ),
    "dependsOn": OBJECT,
    "ephemeralStorageGiB": number(
        "must be a whole number from 21 to 200", [21, 200], [0, 20, 201, -1]
    ),
    "ulimits": Values(dict, "must be an object", [{"nofile": {"soft": 1, "hard": 1}}], {}),
    "scaling": Values(dict, "must be an object", [{"min": 1, "max": 2, "cpuPercent": 60}], {}),
    "logs": Values(dict, "must be an object", [{"driver": "awslogs"}], {}),
    "sidecars": Values(
        list,
        "must be a list of at most 9 sidecars",
        [[], [{"name": "agent", "image": PINNED}]],
        {"must be a list of at most 9 sidecars": [[{}] * 10]},
    ),
}
_NAMES = "must be a list of names of variables"
UNSET = Values(
    list,
    _NAMES,
    [[], ["A"], ["A", "spring.profiles.active"]],
    {
        _NAMES: [[5], [None], [["A"]]],
        _NO_VARIABLE: [["1A"], ["A", "a b"], [""]],
        _SET_BY_ECS: [["PORT"]],
        "must not contain A more than once": [["A", "B", "A"]],
    },
)
# The members of a policy. The tests of `test_swap_policy_rules` have their members.
_ALARM_NAME = "must be the name of a CloudWatch alarm: 1 to 255 printable ASCII characters"
POLICY: Mapping[str, Values] = {
    "strategy": Values(dict, "must be an object", [{"type": "canary"}], {}),
    "bakeMinutes": number("must be a whole number from 0 to 1440", [0, 1440], [-1, 1441]),
    "alarms": Values(
        list,
        "must be a list of at most 10 names of CloudWatch alarms",
        [[], ["a"], ["~" * 255, "b"], [f"{n}" for n in range(10)]],
        {
            "must be a list of at most 10 names of CloudWatch alarms": [
                [5], [None], [["a"]], [f"{n}" for n in range(11)],
            ],
            _ALARM_NAME: [[""], ["a", "b\n"], ["\x00"], ["\u202e"], ["é"], ["x" * 256]],
            "must not contain a more than once": [["a", "b", "a"]],
        },
    ),
    "judge": Values(dict, 'must be an object or "off"', [{}, "off"], {}),
    "approval": Values(dict, 'must be an object or "off"', [{"before": "shift"}, "off"], {}),
}  # fmt: skip
FIELDS: Mapping[str, Values] = {
    "create.applicationName": NAME,
    "create.description": DESCRIPTION,
    "create.email": EMAIL,
    "create.environments": OBJECT._replace(valid=[{}, EVERYWHERE["environments"]]),
    "create.environments.nonProd": NON_PROD,
    "create.environments.training": SWITCH,
    "create.environments.da": SWITCH,
    "create.tags": OBJECT._replace(valid=[{"technicalTeam": "x"}]),
    "create.tags.technicalTeam": TEAM,
    "create.tags.cost": TAG_VALUE,
    "create.service": OBJECT,
    "create.service.containerPort": number(
        "must be a whole number from 1 to 65535", [1, 65535], [0, 65536, -1]
    ),
    "create.service.healthCheckPath": PATH,
    "create.service.architecture": Values(
        str,
        "must be one of X86_64, ARM64",
        ["X86_64", "ARM64"],
        {
            f'"{value}" is not one of X86_64, ARM64{suggestion}': [value]
            for value, suggestion in (
                ("", ""),
                ("amd64", ""),
                ("ARM64 ", ""),
                ("arm64", ": did you mean ARM64?"),
                ("x86_64", ": did you mean X86_64?"),
            )
        },
    ),
    **{f"create.service.{name}": values for name, values in SETTINGS.items()},
    "create.overrides": OBJECT,
    **{f"create.overrides.{name}": OBJECT for name in OVERRIDES},
    **{
        f"create.overrides.{environment}.{name}": values
        for environment in OVERRIDES
        for name, values in {**SETTINGS, "unset": UNSET}.items()
    },
    "create.production": OBJECT,
    **{f"create.production.{name}": values for name, values in POLICY.items()},
    "deploy.applicationName": NAME,
    "deploy.environment": ENVIRONMENTS,
    "deploy.version": VERSION,
    "deploy.repouri": IMAGE,
    # A version must be absent with `true`.
    "deploy.restart": SWITCH._replace(valid=[False]),
    "promote.applicationName": NAME,
    "promote.environment": SOURCE,
    "promote.version": VERSION,
    "promote.digest": DIGEST,
    "promote.spec": REVISION,
    "swap.applicationName": NAME,
    "swap.version": VERSION,
    "swap.digest": DIGEST,
    "swap.spec": REVISION,
    **{f"swap.{name}": values for name, values in POLICY.items()},
    "swap.ignoreAlarms": SWITCH,
    "delete.stack": NAME,
}
_LIMIT = number(
    "must be a whole number from 1 to 100",
    ["1", "50", "100"],
    ["0", "101", "-1", "", "01", "+1", "1.0", " 1", "ten", "\u0663", "9" * 5000],
)
_TOKEN = text(
    "must be the unchanged nextToken of an earlier page",
    ["YmFza2V0", "YWI="],
    ["", "?", "a b", "abc", "x" * 401],
)
_TIME = text(
    "must be a time such as 2026-01-31T12:00:00Z",
    ["2026-01-31T12:00:00Z", "2026-01-31t12:00:00.123456789z", "2026-01-31T12:00:00+02:00"],
    ["", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00Z", "2026-02-30T12:00:00Z",
     "20260131T120000Z", "\uff12026-01-31T12:00:00Z", "2026-01-31T25:00:00Z",
     "2026-01-31 12:00:00Z", "2026-01-31T12:00:00 Z", "yesterday"],
)  # fmt: skip
_STATUSES = "CREATING, ACTIVE, DELETE_FAILED, STACK_DELETED"
PARAMETERS: Mapping[str, Values] = {
    "stacks.team": TEAM,
    "stacks.environment": SOURCE._replace(
        valid=["dev", "prod-green", "prod-blue"],
        invalid={
            f'"{value}" is not one of {_DEPLOYABLE}, prod-blue, prod-green{suggestion}': [value]
            for value, suggestion in (
                ("", ""),
                ("prod", ""),
                ("DEV", ": did you mean dev?"),
                ("PROD-GREEN", ": did you mean prod-green?"),
            )
        },
    ),
    "stacks.version": VERSION,
    "stacks.status": SOURCE._replace(
        valid=["ACTIVE", "CREATING", "DELETE_FAILED", "STACK_DELETED"],
        invalid={
            f'"{value}" is not one of {_STATUSES}{suggestion}': [value]
            for value, suggestion in (
                ("", ""),
                ("IN_PROGRESS", ""),
                ("active", ": did you mean ACTIVE?"),
            )
        },
    ),
    "specification.revision": number(
        _REVISION, ["1", "99999999"], ["0", "100000000", "", "01", "1.0", "*", '"1"']
    ),
    "stack.live": SWITCH._replace(
        valid=["true", "false"], invalid={SWITCH.wrong_type: ["", "True", "1"]}
    ),
    "events.since": _TIME,
    "events.until": _TIME,
    "events.operation": text(
        "must be the id of an operation",
        ["01JN8EY4M00000000000000009"],
        ["", "17", "01jn8ey4m00000000000000009", "81JN8EY4M00000000000000009"],
    ),
    **{f"{call}.limit": _LIMIT for call in ("stacks", "operations", "events")},
    **{f"{call}.nextToken": _TOKEN for call in ("stacks", "operations", "events")},
}
# The names of members that are not declared. A fault shows at most 64 characters of a name, and a
# question mark for each control character.
_VARIABLE = text(
    _NO_VARIABLE,
    [
        "A",
        "_",
        "A" * 128,
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "port",
        "ECS_FOO",
        "AWS_X",
        "A-B",
        "spring.profiles.active",
        "_.-",
        "a-",
    ],
    ["", "1A", "-A", ".a", "A B", "A=B", "A\n", "É", "x" * 129],
)
_VARIABLE = _VARIABLE._replace(
    invalid={
        **_VARIABLE.invalid,
        _SET_BY_ECS: [
            "APPLICATION", "ENVIRONMENT", "PORT", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_EXECUTION_ENV", "ECS_AGENT_URI", "ECS_CONTAINER_METADATA_URI",
            "ECS_CONTAINER_METADATA_URI_V4",
        ],
    }
)  # fmt: skip
NAMES: Mapping[str, Values] = {
    "create.tags": text(
        _TAG_KEY,
        ["a", "k" * 128, "aws", "awsome:a", "cost centre", "größe", "\u0663"],
        [*_NO_TAG_TEXT, "a*b", "a\n", "k" * 129, "aws:x", "AWS:x", "Aws:cloudformation:x",
         "devops:x", "DevOps:x"],
    ),
    "create.service.environment": _VARIABLE,
    "create.service.secrets": _VARIABLE,
    "create.overrides.prod.environment": _VARIABLE,
    "create.overrides.prod.secrets": _VARIABLE,
}  # fmt: skip
# Values of such a member that are valid with each valid name.
_VALUES = {"create.service.secrets": SECRET, "create.overrides.prod.secrets": SECRET}

# The memory sizes of each number of CPU units (Amazon ECS Developer Guide, "Task definition
# parameters for Fargate").
FARGATE: Mapping[int, list[int]] = {
    256: [512, 1024, 2048],
    512: [*range(1024, 4097, 1024)],
    1024: [*range(2048, 8193, 1024)],
    2048: [*range(4096, 16385, 1024)],
    4096: [*range(8192, 30721, 1024)],
    8192: [*range(16384, 61441, 4096)],
    16384: [*range(32768, 122881, 8192)],
}


class Case(NamedTuple):
    """A complete body with its faults; `context` is the rest of the request."""

    call: str
    body: Any
    faults: Mapping[str, str]
    context: Mapping[str, Any] = {}


def tagged(**tags: str) -> dict[str, Any]:
    return MINIMAL["create"] | {"tags": {"technicalTeam": "Core"} | tags}


def serving(**service: Any) -> dict[str, Any]:
    return MINIMAL["create"] | {"service": service}


def overriding(
    overrides: Any, service: Mapping[str, Any] = {}, environments: Any = None
) -> dict[str, Any]:
    members = {"overrides": overrides, "service": service, "environments": environments or {}}
    return MINIMAL["create"] | members


def put(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a body with another value at a path; missing objects are added."""
    changed = copy.deepcopy(body)
    *way, last = path.split(".")
    at = changed
    for step in way:
        at = at.setdefault(step, {})
    at[last] = value
    return changed


def to_image(repouri: str, version: Any = "1.0") -> dict[str, Any]:
    return MINIMAL["deploy"] | {"repouri": repouri, "version": version}


def _lower_case(image: str) -> dict[str, str]:
    """Return the fault of an image whose repository is correct in lower case."""
    return {"repouri": f"must have its repository in lower case, as in {image}"}


_TOO_LONG = {"repouri": "must have at most 255 characters including the version"}
_TOO_LONG_REPOSITORY = "must have at most 183 characters without tag and digest"
_INSTALLATION = {"account": ACCOUNT, "partition": "aws"}
_OF_THIS_ACCOUNT = "must be in the AWS account of this service"
_TWO_SOURCES = "must not also be in environment"
_NOT_CREATED = "is not an environment of the application"
_REGISTRIES = AllowedRegistries(EcrRegistry(ACCOUNT, "eu-west-1"), ("*",))
_OTHER_ECR = {
    "repouri": "is in the ECR of another account or region, which this service cannot read"
}
_OTHER_TAG = {"repouri": "must have no other tag than the version, which is a tag in this registry"}
_OTHER = SECRET.replace(ACCOUNT, "123456789013")
_FOREIGN = (
    "beforeRollout",
    "volumes",
    "production",
    "entryPoint",
)


def _no_size(cpu: int, memory: int, *, of_cpu: str = "", of_memory: str = "") -> str:
    """Return the fault of a memory size, with the origins of inherited values."""
    allowed, cpu_origin, memory_origin = (
        ", ".join(map(str, FARGATE[cpu])),
        f" ({of_cpu})" if of_cpu else "",
        f" ({of_memory})" if of_memory else "",
    )
    return (
        f"must be one of {allowed} MiB for {cpu} CPU units{cpu_origin}, not {memory}{memory_origin}"
    )


def _too_large_settings(totals: str) -> str:
    """Return the fault of settings that do not fit into a task definition."""
    return (
        "must be smaller: variables, secrets, command and sidecars of an environment need at most"
        f" 61440 bytes in its task definition, not {totals}"
    )


# A body whose document has 65,536 bytes with a description of five characters, in several
# environments.
LARGEST = MINIMAL["create"] | {
    "description": "x" * 5,
    "service": {"environment": {f"V{n:02}": "é" * 2048 for n in range(11)} | {"V": "x" * 3821}},
    "overrides": {
        "dev": {"environment": {"W": "x" * 4096, "Z": "x" * 4096}},
        "prod": {"environment": {"X": "x" * 4096, "Y": "x" * 4096}},
    },
}
# In a task definition they have 61,430 bytes.
LARGE_SETTINGS = {f"V{n:02}": "x" * 4069 for n in range(15)}
CASES: Mapping[str, Case] = {
    "most tags": Case("create", tagged(**{f"k{n}": "v" for n in range(39)}), {}),
    "too many tags": Case(
        "create", tagged(**{f"k{n}": "v" for n in range(40)}),
        {"tags": "must have at most 40 members"},
    ),
    "tags that differ in case only": Case(
        "create", tagged(Cost="1", cost="2", TECHNICALTEAM="x"),
        {
            "tags.TECHNICALTEAM": f"must differ from technicalTeam {_IN_MORE_THAN_CASE}",
            "tags.cost": f"must differ from Cost {_IN_MORE_THAN_CASE}",
        },
    ),
    "tags that the installation requires": Case(
        "create", tagged(owner="", room=" ", cost="1"),
        {
            "tags.costCentre": _REQUIRED,
            "tags.owner": TAG_VALUE.wrong_type,
            "tags.room": TAG_VALUE.wrong_type,
        },
        {"required_tags": ("owner", "costCentre", "room", "cost")},
    ),
    "the memory of a new application does not fit cpu": Case(
        "create", serving(cpu=512),
        {"service.memory": _no_size(512, 512, of_memory="the default")},
    ),
    "the memory of a new application does not fit cpu, in spite of all overrides": Case(
        "create", overriding({"dev": {"memory": 1024}, "prod": {"memory": 2048}}, {"cpu": 512}),
        {"service.memory": _no_size(512, 512, of_memory="the default")},
    ),
    "the present memory fits cpu": Case(
        "create", serving(cpu=512), {},
        {"sizes": {"dev": (256, 1024), "prod": (1024, 4096)}},
    ),
    "the present memory of one environment does not fit cpu": Case(
        "create", serving(cpu=512),
        {"service.memory": _no_size(512, 8192, of_memory="of the running tasks")},
        {"sizes": {"dev": (256, 1024), "prod": (1024, 8192)}},
    ),
    "a present size that Fargate did not offer": Case(
        "create", serving(desiredCount=2), {},
        {"sizes": {"dev": (32768, 1024), "prod": (256, 511)}},
    ),
    "an override of cpu for which the memory of all environments is too small": Case(
        "create", overriding({"prod": {"cpu": 1024}}, {"memory": 1024}),
        {"overrides.prod.memory": _no_size(1024, 1024, of_memory="from service.memory")},
    ),
    "an override of memory that does not fit the cpu of all environments": Case(
        "create", overriding({"prod": {"memory": 512}}, {"cpu": 1024, "memory": 2048}),
        {"overrides.prod.memory": _no_size(1024, 512, of_cpu="from service.cpu")},
    ),
    "an override of memory that does not fit the cpu of the running tasks": Case(
        "create", overriding({"prod": {"memory": 4096}}),
        {"overrides.prod.memory": _no_size(256, 4096, of_cpu="of the running tasks")},
        {"sizes": {"dev": (256, 512), "prod": (256, 512)}},
    ),
    "an override of memory that does not fit the default cpu": Case(
        "create", overriding({"prod": {"memory": 4096}}),
        {"overrides.prod.memory": _no_size(256, 4096, of_cpu="the default")},
    ),
    "an override with a size of its own": Case(
        "create", overriding({"prod": {"cpu": 4096, "memory": 8192}, "dev": {"memory": 1024}}), {}
    ),
    "a faulty cpu of an override has no memory sizes": Case(
        "create", overriding({"prod": {"cpu": 300, "memory": 8192}}),
        {"overrides.prod.cpu": CPU.wrong_type},
    ),
    "a size of an environment that the application does not have": Case(
        "create", overriding({"da": {"cpu": 1024}}), {"overrides.da": _NOT_CREATED}
    ),
    "a start of all environments that takes longer than the rollout of one": Case(
        "create", overriding({"prod": {"rolloutMinutes": 30}},
                             {"startSeconds": 3000, "rolloutMinutes": 60}),
        {"overrides.prod.startSeconds": "must be shorter than rolloutMinutes: less than 1800"},
    ),
    "a start of one environment that takes longer than the rollout of all": Case(
        "create", overriding({"dev": {"startSeconds": 2700}}, {"rolloutMinutes": 45}),
        {"overrides.dev.startSeconds": "must be shorter than rolloutMinutes: less than 2700"},
    ),
    "a start of one environment with a rollout of its own": Case(
        "create", overriding({"dev": {"startSeconds": 2700, "rolloutMinutes": 46}}), {}
    ),
    "vCPUs of environments with different sizes": Case(
        "create",
        overriding(
            {"dev": {"desiredCount": 3}, "prod": {"cpu": 1024, "memory": 2048}},
            {"cpu": 512, "memory": 1024, "desiredCount": 2},
            {"nonProd": ["dev", "qa"]},
        ),
        {
            "service": "must need at most 6 vCPUs in this installation, not 6.5: dev 1.5, qa 1,"
            " prod 4 (both slots)"
        },
        {"max_vcpus": 6},
    ),
    "vCPUs at the limit": Case(
        "create", overriding({"prod": {"cpu": 1024, "memory": 2048}}), {}, {"max_vcpus": 2.25}
    ),
    "the largest document": Case("create", LARGEST, {}),
    "a document that is too large": Case(
        "create", put(LARGEST, "description", "x" * 6),
        {"body": "has 65537 bytes as a specification: at most 65536"},
    ),
    "the largest settings of an environment": Case(
        "create", serving(environment=LARGE_SETTINGS, command=["x" * 8]), {}
    ),
    "settings that are too large for a task definition": Case(
        "create",
        overriding({"prod": {"command": ["x" * 9]}}, {"environment": LARGE_SETTINGS}),
        {"service.environment": _too_large_settings("61441 in prod")},
    ),
    "an override that is too large for a task definition": Case(
        "create",
        overriding({"dev": {"environment": {f"W{n}": "x" * 4000 for n in range(16)}}},
                   {"secrets": {"KEY": SECRET}}),
        {"overrides.dev.environment": _too_large_settings("64507 in dev")},
    ),
    "small variables of a small document": Case(
        "create",
        serving(environment={f"V{n}": "" for n in range(2300)}),
        {"service.environment": _too_large_settings("63295 in dev, 63295 in prod")},
    ),
    "fields of other services in a specification": Case(
        "create",
        MINIMAL["create"] | {
            "schedules": [], "environments": {"production": True},
            "service": dict.fromkeys(_FOREIGN, 1),
            "overrides": {"prod": dict.fromkeys(_FOREIGN, 1)},
        },
        dict.fromkeys(
            ["schedules", "environments.production",
             *(f"{part}.{name}" for part in ("service", "overrides.prod") for name in _FOREIGN)],
            _NOT_KNOWN,
        ),
    ),
    "fixed settings and unset in the wrong place": Case(
        "create",
        overriding({"prod": {"containerPort": 1, "healthCheckPath": "/", "architecture": "ARM64"}},
                   {"unset": ["A"]}),
        {
            "service.unset": _NOT_KNOWN,
            **dict.fromkeys(
                ["overrides.prod.containerPort", "overrides.prod.healthCheckPath",
                 "overrides.prod.architecture"], _NOT_KNOWN,
            ),
        },
    ),
    "names that an override sets and unsets": Case(
        "create",
        overriding({"prod": {"environment": {"A": "1"}, "secrets": {"B": SECRET},
                             "unset": ["C", "B"]},
                    "dev": {"environment": {"A": "1"}, "unset": ["A"]}}),
        {
            "overrides.dev.unset": "must not contain A, which this environment sets",
            "overrides.prod.unset": "must not contain B, which this environment sets",
        },
    ),
    "roles of another account and of another partition": Case(
        "create",
        overriding(
            {"dev": {"taskRole": ROLE.replace("aws", "aws-cn", 1)}, "prod": {"taskRole": ROLE}},
            {"taskRole": ROLE.replace(ACCOUNT, "123456789013")},
        ),
        dict.fromkeys(["overrides.dev.taskRole", "service.taskRole"], _OF_THIS_ACCOUNT),
        _INSTALLATION,
    ),
    "a faulty cpu has no memory sizes": Case(
        "create", serving(cpu=300, memory=2048), {"service.cpu": CPU.wrong_type}
    ),
    "a start that takes longer than the default of a rollout": Case(
        "create", serving(startSeconds=1800),
        {"service.startSeconds": "must be shorter than rolloutMinutes: less than 1800"},
    ),
    "a start that takes longer than a rollout": Case(
        "create", serving(startSeconds=6000, rolloutMinutes=100),
        {"service.startSeconds": "must be shorter than rolloutMinutes: less than 6000"},
    ),
    "the longest start of a rollout": Case(
        "create", serving(startSeconds=7200, rolloutMinutes=121), {}
    ),
    "a faulty time limit has no longest start": Case(
        "create", serving(startSeconds=7200, rolloutMinutes=20),
        {"service.rolloutMinutes": "must be a whole number from 30 to 180"},
    ),
    "a variable with two sources": Case(
        "create",
        serving(environment={"A": "1", "B": "2", "C": "3"}, secrets={"A": SECRET, "C": SECRET}),
        {"service.secrets.A": _TWO_SOURCES, "service.secrets.C": _TWO_SOURCES},
    ),
    "secrets of another account": Case(
        "create",
        serving(
            secrets={
                "A": _OTHER, "B": SECRET, "C": f"{_OTHER}:user::",
                "D": f"arn:aws:ssm:eu-west-1:999999999999:parameter/{ACCOUNT}",
                "E": PARAMETER.replace("eu-west-1", "us-east-1"), "F": "arn:aws:s3:::b", "G": 5,
                "H": SECRET.replace("arn:aws:", "arn:aws-cn:"),
            }
        ),
        {
            **dict.fromkeys(["service.secrets." + name for name in "ACDH"], _OF_THIS_ACCOUNT),
            **dict.fromkeys(["service.secrets." + name for name in "FG"], SECRET_ARN.wrong_type),
        },
        _INSTALLATION,
    ),
    "secrets with too many bytes": Case(
        "create",
        serving(secrets=MANY_ARNS),
        {"service.secrets": TOO_MANY_BYTES.format(4575)},
    ),
    "an override of each environment": Case(
        "create", EVERYWHERE | {"overrides": {name: {"secrets": {"A": SECRET}}
                                              for name in OVERRIDES}}, {},
    ),
    "overrides of environments that the application does not have": Case(
        "create", overriding({"qa": {}, "da": {"secrets": {"A": "x"}}, "prod": {}, "dev": {}}),
        {
            "overrides.qa": _NOT_CREATED, "overrides.da": _NOT_CREATED,
            "overrides.da.secrets.A": SECRET_ARN.wrong_type,
        },
    ),
    "faulty environments have no overrides to compare": Case(
        "create", overriding({"qa": {}}, environments={"da": 1}),
        {"environments.da": SWITCH.wrong_type},
    ),
    "overrides of slots, of roles, and in another case": Case(
        "create", overriding({"prod-1": {}, "PROD-GREEN": {}, "production": {}, "Dev": {}}),
        {
            f"overrides.{name}": f"{_NOT_KNOWN}{suggestion}"
            for name, suggestion in (
                ("prod-1", ""), ("PROD-GREEN", ""), ("production", ""),
                ("Dev", ": did you mean dev?"),
            )
        },
    ),
    "a variable of an override with two sources": Case(
        "create",
        overriding(
            {"prod": {"environment": {"B": "1"}, "secrets": {"B": SECRET}},
             "dev": {"secrets": {"B": "x"}}},
            {"environment": {"A": "1"}, "cpu": 5, "secrets": {"A": SECRET}},
        ),
        {
            "overrides.dev.secrets.B": SECRET_ARN.wrong_type,
            "overrides.prod.secrets.B": _TWO_SOURCES,
            "service.cpu": CPU.wrong_type, "service.secrets.A": _TWO_SOURCES,
        },
    ),
    "a secret of an override that replaces a variable, and a variable that replaces a secret": Case(
        "create",
        overriding(
            {"prod": {"environment": {"B": "1"}, "secrets": {"A": SECRET}}},
            {"environment": {"A": "1"}, "secrets": {"B": SECRET}},
        ),
        {},
    ),
    "a secret of an override that replaces one of another account": Case(
        "create",
        overriding(
            {"prod": {"secrets": {"A": SECRET, "B": _OTHER, "C": "x"}}}, {"secrets": {"A": _OTHER}}
        ),
        {
            "service.secrets.A": _OF_THIS_ACCOUNT, "overrides.prod.secrets.B": _OF_THIS_ACCOUNT,
            "overrides.prod.secrets.C": SECRET_ARN.wrong_type,
        },
        _INSTALLATION,
    ),
    "overrides with too many bytes": Case(
        "create",
        overriding(
            {"dev": {"secrets": {"S0": SECRET}}, "prod": {"secrets": {"A": PARAMETER}}},
            {"secrets": MANY_ARNS | {"S1": None}},
        ),
        {
            "service.secrets.S1": SECRET_ARN.wrong_type,
            "overrides.dev.secrets": TOO_MANY_BYTES.format(4357),
            "overrides.prod.secrets": TOO_MANY_BYTES.format(4486),
        },
    ),
    "an override that makes room": Case(
        "create",
        overriding(
            {name: {"secrets": {f"S{n}": SECRET for n in range(8)}} for name in ("dev", "prod")},
            {"secrets": MANY_ARNS},
        ),
        {},
    ),
    "too many bytes in the environments without an override": Case(
        "create",
        overriding(
            {"prod": {"secrets": {f"S{n}": SECRET for n in range(8)}}}, {"secrets": MANY_ARNS}
        ),
        {"service.secrets": TOO_MANY_BYTES.format(4575)},
    ),
    "variables and unset names that make room": Case(
        "create",
        overriding(
            {
                "dev": {"unset": [f"S{n}" for n in range(8)]},
                "prod": {"environment": {f"S{n}": "1" for n in range(8)}},
            },
            {"secrets": MANY_ARNS},
        ),
        {},
    ),
    "one secret with many keys": Case(
        "create", serving(secrets={f"S{n}": f"{SECRET}:key{n}::" for n in range(100)}), {}
    ),
    "secrets of the installation's account": Case(
        "create", serving(secrets={"A": SECRET, "B": PARAMETER}), {}, _INSTALLATION
    ),
    "no secrets to compare with the account": Case(
        "create", serving(secrets=None), {"service.secrets": _MUST_BE_OBJECT},
        _INSTALLATION,
    ),
    "a repository in upper case": Case(
        "deploy", to_image("Localhost:5000/App:RC-1"), _lower_case("localhost:5000/app:RC-1")
    ),
    "a repository in upper case without a tag": Case(
        "deploy", to_image("localhost:5000/App"), _lower_case("localhost:5000/app")
    ),
    "a repository in upper case with a digest": Case(
        "deploy", to_image(f"App@{_DIGEST}"), _lower_case(f"app@{_DIGEST}")
    ),
    "the longest repository": Case("deploy", to_image("a" * 183), {}),
    "a repository that is too long with a digest": Case(
        "deploy", to_image("a" * 184), {"repouri": _TOO_LONG_REPOSITORY}
    ),
    "an image that is too long with the longest version": Case(
        "deploy", to_image("a" * 127, "v" * 128), _TOO_LONG
    ),
    "the longest image with the longest version": Case(
        "deploy", to_image("a" * 126, "v" * 128), {}
    ),
    "a faulty version has no length": Case(
        "deploy", to_image("a" * 183, 5), {"version": VERSION.wrong_type}
    ),
    "an image of this account's ECR": Case(
        "deploy", to_image(f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/app"), {},
        {"registries": _REGISTRIES},
    ),
    "an image of this account's ECR with the version as its tag": Case(
        "deploy", to_image(f"{ACCOUNT}.dkr-ecr.eu-west-1.on.aws:443/app:1.0"), {},
        {"registries": _REGISTRIES},
    ),
    "an image of this account's ECR with another tag, and another fault": Case(
        "deploy", to_image(f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/app:evil") | {"extra": 1},
        _OTHER_TAG | {"extra": _NOT_KNOWN}, {"registries": _REGISTRIES},
    ),
    "an image of this account's ECR with another tag and a digest": Case(
        "deploy", to_image(f"{ACCOUNT}.dkr.ecr-fips.eu-west-1.amazonaws.com/a:2@sha256:{'0' * 64}"),
        _OTHER_TAG, {"registries": _REGISTRIES},
    ),
    "an image of another registry with another tag": Case(
        "deploy", to_image("public.ecr.aws/nginx/nginx:1.27"), {}, {"registries": _REGISTRIES}
    ),
    "an image of another account's ECR": Case(
        "deploy", to_image("999999999999.dkr-ecr.eu-west-1.on.aws:443/app", 5),
        _OTHER_ECR | {"version": VERSION.wrong_type}, {"registries": _REGISTRIES},
    ),
    "an image of another region's ECR": Case(
        "deploy", to_image(f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com/app:1"), _OTHER_ECR,
        {"registries": _REGISTRIES},
    ),
    "an image of a registry that is not allowed": Case(
        "deploy", to_image("nginx"),
        {"repouri": "is in a registry that this service does not allow"},
        {"registries": _REGISTRIES._replace(hosts=("ghcr.io",))},
    ),
    "the same application in query and body": Case(
        "delete", {"stack": "MyApp"}, {}, {"in_query": "MyApp"}
    ),
    "another application in query than in body": Case(
        "delete", {"stack": "MyApp"}, {"stack": "must be the same in the query and in the body"},
        {"in_query": "Other"},
    ),
    "names of members with control characters": Case(
        "create",
        MINIMAL["create"] | {
            "a\nb": 1, "\x00": 1, "k" * 5000: 1, "service": {"\u2028\x9b": 1},
            "tags": {"technicalTeam": "x", "\r\nx: y": "1"}, "environments": {"\ud800": 1},
        },
        {
            **dict.fromkeys(["a?b", "?", "k" * 64, "service.??", "environments.?"], _NOT_KNOWN),
            "tags.??x: y": _TAG_KEY,
        },
    ),
    "all faults of a create": Case(
        "create",
        {
            "applicationName": "my-app-",
            "tags": {"aws:x": "y"},
            "environments": {"nonProd": ["prod"], "da": 1, "prod": True},
            "service": {"cpu": 300, "desiredCount": 0, "secrets": {"A": "x"}, "replicas": 1},
            "colour": "blue",
        },
        {
            "applicationName": NAME.wrong_type, "colour": _NOT_KNOWN, "email": _REQUIRED,
            "environments.da": SWITCH.wrong_type, "environments.prod": _NOT_KNOWN,
            "environments.nonProd": '"prod" is not one of dev, qa, stage',
            "service.cpu": CPU.wrong_type, "service.replicas": _NOT_KNOWN,
            "service.desiredCount": "must be a whole number from 1 to 100",
            "service.secrets.A": SECRET_ARN.wrong_type,
            "tags.aws:x": _TAG_KEY, "tags.owner": _REQUIRED,
            "tags.technicalTeam": _REQUIRED,
        },
        {"required_tags": ("owner",)},
    ),
    "all faults of a deploy": Case(
        "deploy", {"applicationName": "my-app-", "environment": ["x"], "repouri": 5, "extra": 1},
        {
            "applicationName": NAME.wrong_type, "environment": f'"x" is not one of {_DEPLOYABLE}',
            "extra": _NOT_KNOWN, "repouri": IMAGE.wrong_type, "version": _NO_VERSION,
        },
    ),
    "a restart": Case(
        "deploy", {"applicationName": "MyApp", "environment": ["dev"], "restart": True}, {}
    ),
    "a restart with an image": Case(
        "deploy", MINIMAL["deploy"] | {"restart": True, "repouri": "nginx"},
        dict.fromkeys(
            ("version", "repouri"), "must be absent with restart, which keeps the image"
        ),
    ),
    "no restart": Case(
        "deploy", {"applicationName": "MyApp", "environment": ["dev"], "restart": False},
        {"version": _NO_VERSION},
    ),
    "events until a time before the first": Case(
        "events", {"since": "2026-01-31T12:00:00Z", "until": "2026-01-31T12:30:00+01:00"},
        {"until": "must not be before since"},
    ),
    "events of one moment": Case(
        "events", {"since": "2026-01-31T12:00:00Z", "until": "2026-01-31T13:00:00+01:00"}, {}
    ),
}  # fmt: skip
for _call, _minimal in MINIMAL.items():
    _without = {name: _NO_VERSION if name == "version" else _REQUIRED for name in _minimal}
    CASES = {
        **CASES,
        f"an empty body of {_call}": Case(_call, {}, _without),
        f"an unknown member of {_call}": Case(_call, _minimal | {"x": 1}, {"x": _NOT_KNOWN}),
        **{
            f"{value!r} as the body of {_call}": Case(
                _call, value, {"body": "must be a JSON object"}
            )
            for value in (None, [], "{}", 0, True, [_minimal])
        },
    }

_PAGED = PageRequest(50, None)
_FIXED = ("containerPort", "healthCheckPath", "architecture")
# Bodies and queries with the requests that the declarations make of them.
REQUESTS: Mapping[str, tuple[str, dict[str, Any], Any]] = {
    "the defaults of a create": (
        "create", MINIMAL["create"],
        CreateRequest(
            "MyApp", {"technicalTeam": "Core"}, Specification(1, {"email": "team@example.com"}),
            FixedSettings(80, "/health", "X86_64"),
        ),
    ),
    "a complete create": (
        "create", FULL,
        CreateRequest(
            "MyApp", FULL["tags"],
            Specification(
                1,
                {
                    "service": {name: value for name, value in FULL["service"].items()
                                if name not in _FIXED},
                    **{name: FULL[name] for name in ("description", "email", "environments",
                                                     "overrides", "production")},
                },
            ),
            FixedSettings(8080, "/up/z?full=1", "ARM64"),
        ),
    ),
    "a deploy": (
        "deploy",
        to_image("registry/app") | {"environment": ["qa", "training", "dev"]},
        DeployRequest(
            "MyApp", (Environment.QA, Environment.TRAINING, Environment.DEV), "1.0", "registry/app"
        ),
    ),
    "a deploy without an image": (
        "deploy", MINIMAL["deploy"], DeployRequest("MyApp", (Environment.DEV,), "1.0", None)
    ),
    "a promote": (
        "promote", {"applicationName": "MyApp", "environment": "qa"},
        PromoteRequest("MyApp", Environment.QA, None, None),
    ),
    "a promote of an expected release": (
        "promote", MINIMAL["promote"] | {"version": "1.0", "digest": DIGEST.valid[0]},
        PromoteRequest("MyApp", None, "1.0", DIGEST.valid[0]),
    ),
    "a promote without a source": (
        "promote", MINIMAL["promote"], PromoteRequest("MyApp", None, None, None)
    ),
    "a swap": (
        "swap", {"applicationName": "MyApp", "version": "1.0"}, SwapRequest("MyApp", "1.0", None)
    ),
    "a swap to a digest": (
        "swap", MINIMAL["swap"] | {"digest": DIGEST.valid[0]},
        SwapRequest("MyApp", None, DIGEST.valid[0]),
    ),
    "a swap to any version": ("swap", MINIMAL["swap"], SwapRequest("MyApp", None, None)),
    "a delete": ("delete", MINIMAL["delete"], DeleteRequest("MyApp")),
    "all stacks": ("stacks", {}, StacksRequest(None, None, None, None, _PAGED)),
    "some stacks": (
        "stacks",
        {"team": "a", "environment": "prod-green", "version": "1", "status": "ACTIVE",
         "limit": "7", "nextToken": "YWI="},
        StacksRequest("a", Environment.PROD_GREEN, "1", RowStatus.ACTIVE, PageRequest(7, "ab")),
    ),
    "a recorded stack": ("stack", {}, StackRequest(False)),
    "a stack live": ("stack", {"live": "true"}, StackRequest(True)),
    "operations": ("operations", {}, _PAGED),
    "all events": ("events", {}, EventsRequest(None, None, None, _PAGED)),
    "some events": (
        "events",
        {"since": "2026-01-31t12:00:00z", "until": "2026-01-31T15:00:00.5+02:00",
         "operation": "01JN8EY4M00000000000000009"},
        EventsRequest(
            datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 1, 31, 13, 0, 0, 500000, UTC),
            "01JN8EY4M00000000000000009", _PAGED,
        ),
    ),
}  # fmt: skip


def parsed(call: str, body: Any, context: Mapping[str, Any] = {}) -> Any:
    """Return the request of a body or a query."""
    if call in QUERIES:
        return QUERIES[call].parse_query(body)
    return BODIES[call].parse(body, **context)


def faults(call: str, body: Any, context: Mapping[str, Any] = {}) -> list[tuple[str, str]]:
    """Return the faults in the order of the response; none for a valid body."""
    try:
        parsed(call, body, context)
    except InvalidRequestError as error:
        return [(each["field"], each["message"]) for each in error.details["errors"]]
    return []


# The objects whose members other modules test.
_WHOLE = ("logs", "scaling", "ulimits", "strategy", "approval")


def paths(declared: schema.Object[Any], prefix: str) -> Iterator[str]:
    """Yield the path of each declared member, with those of nested objects."""
    for name, member in declared.members.items():
        yield f"{prefix}.{name}"
        if isinstance(member.type, schema.Object) and name not in _WHOLE:
            yield from paths(member.type, f"{prefix}.{name}")


def test_the_table_has_each_declared_field() -> None:
    undeclared = {
        "create.tags.cost",
        "create.service.environment.A",
        "create.service.secrets.A",
        *(f"create.overrides.{name}.environment.A" for name in OVERRIDES),
        *(f"create.overrides.{name}.secrets.A" for name in OVERRIDES),
    }
    fields = {path for call, declared in BODIES.items() for path in paths(declared, call)}
    assert fields | undeclared == set(FIELDS)
    parameters = {path for call, declared in QUERIES.items() for path in paths(declared, call)}
    assert parameters == set(PARAMETERS)


@pytest.mark.parametrize("path", [*FIELDS, *PARAMETERS])
def test_a_field_accepts_only_its_valid_values(path: str) -> None:
    call, _, field = path.partition(".")
    values = {**FIELDS, **PARAMETERS}[path]
    # An override requires its environment.
    minimal = EVERYWHERE if path.startswith("create.overrides") else MINIMAL.get(call, {})
    for value in values.valid:
        assert faults(call, put(minimal, field, value)) == [], value
    for message, invalid in values.invalid.items():
        for value in invalid:
            assert faults(call, put(minimal, field, value)) == [(field, message)], value
    for value in _WRONG_TYPES if path in FIELDS else ():
        if type(value) is not values.json_type:
            assert faults(call, put(minimal, field, value)) == [(field, values.wrong_type)], value


@pytest.mark.parametrize("path", NAMES)
def test_a_member_accepts_only_valid_names(path: str) -> None:
    call, _, field = path.partition(".")
    for name in NAMES[path].valid:
        body = named(MINIMAL[call], field, name, _VALUES.get(path, "1"))
        assert faults(call, body) == [], name
    for message, invalid in NAMES[path].invalid.items():
        for name in invalid:
            shown = f"{field}.{re.sub(CONTROL, '?', name[:64])}"
            assert faults(call, named(MINIMAL[call], field, name)) == [(shown, message)], name


def named(body: dict[str, Any], field: str, name: str, value: Any = "1") -> dict[str, Any]:
    """Return a body whose object at `field` has a member with a name that can contain dots."""
    changed = put(body, f"{field}.x", value)
    at = changed
    for step in field.split("."):
        at = at[step]
    at[name] = at.pop("x")
    return changed


@pytest.mark.parametrize("name", CASES)
def test_a_body_has_exactly_these_faults(name: str) -> None:
    call, body, expected, context = CASES[name]
    assert faults(call, body, context) == sorted(expected.items())


@pytest.mark.parametrize("cpu", FARGATE)
def test_memory_is_a_size_that_fargate_offers_for_cpu(cpu: int) -> None:
    sizes = FARGATE[cpu]
    for memory in sizes:
        assert faults("create", serving(cpu=cpu, memory=memory)) == []
    between = [(one + other) // 2 for one, other in pairwise(sizes)]
    for memory in (sizes[0] - 512, sizes[0] - 1, *between, sizes[-1] + 1, sizes[-1] + 1024):
        found = faults("create", serving(cpu=cpu, memory=memory))
        assert found == [("service.memory", _no_size(cpu, memory))], memory


@pytest.mark.parametrize("name", REQUESTS)
def test_a_body_becomes_this_request(name: str) -> None:
    call, body, request = REQUESTS[name]
    before = copy.deepcopy(body)
    assert parsed(call, body) == request
    assert body == before
