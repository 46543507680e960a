"""Values around the limits of every field of a request."""

from __future__ import annotations

from typing import Any

# Letters and digits of other alphabets too: those that a pattern of Python's may take for ASCII.
CHARACTERS = (
    "aZ09_-./:@=+ ~%?&#$\\\"'{}|\u00e9\u0663\u2155\u017f\u212a"
    # White space, controls, and what turns the direction of writing around.
    "\u00a0\u2003\u3000\ufeff\x00\n\t\x1f\x7f\x85\x9f\u061c\u200e\u2028\u202e\u2066"
)

_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"
_SSM = "arn:aws:ssm:eu-west-1:123456789012:parameter/db"
_DIGEST = f"sha256:{'0f' * 32}"

NAMES = [
    "", "A", "Ab", "A" * 22, "A" * 23, "1a", "a1", "a-b", "internal", "INTERNAL", "inTernal1",
    "internals", "Shop\n", "caf\u00e9",
]  # fmt: skip
VERSIONS = ["", "1", "_", "a" * 128, "a" * 129, ".1", "-1", "1.0-rc_2", "1\n", "1 0"]
TEXTS = ["", "a" * 256, "a" * 257, "a\tb", "\u00e9" * 256, "a\u2028b", "a\x85b"]
LONG_TEXTS = ["", "a" * 4096, "a" * 4097, "a\nb", "{}"]
EMAILS = [
    "", "a@b", "a@b.c", "a@b.co", "a.b+c@x-y.example", ".a@b.co", "a.@b.co", "a..b@b.co", "a@b..co",
    "a@-b.co", "a@b-.co", "a@b.co.", "a@@b.co", "a b@b.co", '"a b"@b.co', "a@[127.0.0.1]",
    "a@b.c0", f"{'a' * 245}@example.co", f"{'a' * 243}@example.co", f"a@{'b' * 63}.co",
    f"a@{'b' * 64}.co", "a@b.c-", "\u017f@b.co", "a@\u212a.co", "a@b.co\n",
]  # fmt: skip
IMAGES = [
    "", "nginx", "nginx:1", "nginx:", "nginx@" + _DIGEST, f"nginx:1@{_DIGEST}", "nginx@sha256:0",
    "a/b/c:1", "a:5000/b", "a:5000", "a:/b", "a:\u0663/b", "A/b", "a//b", "/a", "a/", "a..b",
    "a.-b", "-a", "a-", "a_b/c", "a" * 253, "a" * 256, "a:" + "b" * 128, "a:" + "b" * 129,
    "a/b:1/c", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1", "nginx\n",
]  # fmt: skip
PATHS = [
    "",
    "/",
    "x",
    "/a b",
    "/a?b",
    "/" + "a" * 1023,
    "/" + "a" * 1024,
    "/%7E~",
    "/\u00e9",
    "/a\n",
]
PAGES = [
    *PATHS, "/?", "/a?b=c&d=e", "/a??", "/a?" + "b" * 1023, "/a?" + "b" * 1024, "/a?b#c", "/a?(b)",
]  # fmt: skip
SECRETS = [
    "", "plain", _ARN, f"{_ARN}:::", f"{_ARN}:key:stage:version", f"{_ARN}:key", f"{_ARN}:a b::",
    f"{_ARN}:\u00e9::", _SSM, f"{_SSM}/x.y-z", f"{_SSM} ", _ARN.replace("aws:", "aws-cn:"),
    _ARN.replace("123456789012", "12345678901"), _ARN.replace("123456789012", "\u0663" * 12),
    _ARN.replace("eu-west-1", ""), f"{_ARN}\n", _SSM.replace("parameter", "param"),
]  # fmt: skip
VARIABLES = [
    "PORT",
    "Port",
    "AWS_REGION",
    "ECS_AGENT_URI",
    "",
    "A",
    "_",
    "1A",
    "A1",
    "A" * 128,
    "A" * 129,
    "A-B",
    "a b",
    "\u00c4",
    "A\n",
]
TAG_KEYS = [
    "", "a", "a" * 128, "a" * 129, "aws:a", "AWS:a", "aws", "awsome:a", "devops:a", "DevOps:a",
    "cost centre", "a\tb", "\u00e9t\u00e9", "a#b", "a\n", " ", "\u0663", "\u2155",
]  # fmt: skip
TAG_VALUES = [
    "",
    " ",
    "a",
    "a" * 256,
    "a" * 257,
    "a#b",
    "\u00e9",
    " a ",
    "a\n",
    "a\u00a0b",
    "\u2155",
]
PORTS = [0, 1, 80, 65535, 65536, -1, 1.5, 10**30, "80"]
COUNTS = [0, 1, 100, 101, 2.5, "1"]
ENVIRONMENTS = [
    [], ["dev"], ["dev", "qa", "stage"], ["dev", "dev"], ["DEV"], ["training"], ["da"], ["prod"],
    ["prod-blue"], ["dev", 1], ["dev", None], [["dev"]], {"dev": 1}, "dev", [""],
]  # fmt: skip
ENVIRONMENT = ["dev", "qa", "stage", "training", "da", "DEV", "prod", "", ["dev"]]
WARMUPS = [
    [],
    ["/"],
    ["/", "/"],
    ["/", 1],
    [f"/{n}" for n in range(10)],
    [f"/{n}" for n in range(11)],
]
# What nobody expects there.
WRONG: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    2.5,
    "x",
    "",
    [],
    {},
    [None],
    {"a": 1},
    [[]],
    {"a": {}},
]
