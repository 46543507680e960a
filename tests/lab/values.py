"""Characters and values at the limits of the fields of a request."""

from __future__ import annotations

from typing import Any

# Also letters and digits of other alphabets, which a Python pattern can accept like ASCII.
CHARACTERS = (
    "aZ09_-./:@=+ ~%?&#$\\\"'{}|\u00e9\u0663\u2155\u017f\u212a"
    # White space, control characters, and characters that change the direction of text.
    "\u00a0\u2003\u3000\ufeff\x00\n\t\x1f\x7f\x85\x9f\u061c\u200e\u2028\u202e\u2066"
)

_DIGEST = f"sha256:{'0f' * 32}"

NAMES = [
    "", "A", "Ab", "A" * 22, "A" * 23, "1a", "a1", "a-b", "a--b", "a-", "-a", "a-dev", "a-Prod-1",
    "a-prod-3", "a-idle", "internal", "INTERNAL", "inTernal1", "internals", "internal-a", "deploy",
    "DeployToProdBlue", "swapProdBlueAndGreen", "Shop\n", "caf\u00e9",
]  # fmt: skip
VERSIONS = ["", "1", "_", "a" * 128, "a" * 129, ".1", "-1", "1.0-rc_2", "1\n", "1 0"]
IMAGES = [
    "", "nginx", "nginx:1", "nginx:", "nginx@" + _DIGEST, f"nginx:1@{_DIGEST}", "nginx@sha256:0",
    "a/b/c:1", "a:5000/b", "a:5000", "a:/b", "a:\u0663/b", "A/b", "a//b", "/a", "a/", "a..b",
    "a.-b", "-a", "a-", "a_b/c", "a" * 253, "a" * 256, "a:" + "b" * 128, "a:" + "b" * 129,
    "a/b:1/c", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1", "nginx\n",
]  # fmt: skip
# Values of other JSON types.
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
