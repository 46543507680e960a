"""Each kind of name has one alphabet: in parameters.yml, requests, contract and command line.

The judges are the rules of AWS: the models of botocore, or a page of AWS that is named here.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import category, normalize

import botocore.session
import pytest
import typer
from botocore.handlers import VALID_BUCKET

from devops_cli import rules
from devops_core.requests import fields, schema
from devops_core.requests.create import CREATE
from devops_core.requests.deploy import DEPLOY
from devops_core.requests.reads import EVENTS, STACKS
from devops_core.requests.swap import SWAP
from tests.infra.conftest import run_node
from tests.infra.test_parameters import accepted as loaded
from tests.infra.test_parameters import refused
from tests.lab.values import CHARACTERS
from tools.contract.conformance import validator
from tools.contract.document import Node, document
from tools.laptop.packages import GOOD, parameters_file

# Prints the faults of each object of parameters; an empty text is a valid object.
VALIDATE = """
const Ajv = require("ajv");
const { formats, schema } = require("./serverless/parameters-schema.js");
const ajv = new Ajv({ allErrors: true, verbose: true, formats, keywords: ["fault"] });
const validate = ajv.compile({ ...schema, required: [] });
const faults = ({ keyword, parentSchema }) =>
  keyword === "propertyNames" ? "" : parentSchema.fault ?? parentSchema.description;
const verdict = (values) =>
  (validate(values) ? "" : [...new Set(validate.errors.map(faults))].join(""));
console.log(JSON.stringify(JSON.parse(process.argv[1]).map(verdict)));
"""
# Every character of ASCII, letters of several alphabets, separators, marks, and letters whose
# Unicode NFC is another text.
ALPHABET = sorted(
    {*map(chr, range(0x20, 0x7F)), *CHARACTERS, *"\u00fc\u0141\u4e2d\uac00\u0308\u212b"}
)
MIDDLE = "\u4e2d"
COMPOSED = "gr\u00f6\u00dfe"
# Each character alone, at both ends and inside of a name; lengths around the limits.
TEXTS = [
    *(text for one in ALPHABET for text in (one, f"{one}b", f"a{one}", f"a{one}b")),
    *("a" * length for length in (0, 2, 20, 21, 22, 23, 128, 129, 255, 256, 257, 512, 513)),
    *("  ", "a  b", "aws:a", "AWS:a", "devops:a", "awsome", COMPOSED, normalize("NFD", COMPOSED)),
    *("\u1100\u1161", "a--b", "a__b", "a..b", "a.-b", "a/b", "a//b", "a:1", "a/b:1/c"),
    *("registry.example.com:5000/a/b:1", "a:5000/b", f"a@sha256:{'0' * 64}", "sha256:" + "0" * 64),
    *("01JN8EY4M00000000000000009", "01jn8ey4m00000000000000009"),
]
ROLE = "arn:aws:iam::012345678901:role/?"
SECRET = "arn:aws:secretsmanager:eu-west-1:012345678901:secret:"  # noqa: S105 - no secret


@cache
def bounds(service: str, shape: str) -> Mapping[str, Any]:
    """Return the bounds of a text in the model of an AWS service."""
    model = botocore.session.get_session().get_service_model(service)
    found: Mapping[str, Any] = model.shape_for(shape).metadata
    return found


def fits(service: str, shape: str, text: str) -> bool:
    """Return whether AWS accepts a text by its model: the length and the pattern."""
    rule = bounds(service, shape)
    pattern = rule.get("pattern", ".*")
    categories = set(re.findall(r"\\p\{([A-Z])\}", pattern))
    # Python knows no categories of Unicode, so each character becomes a letter if it has one.
    plain = "".join("a" if category(one)[0] in categories else one for one in text)
    pattern = re.sub(r"\\p\{[A-Z]\}", "a", pattern)
    is_long = not rule.get("min", 0) <= len(text) <= rule.get("max", len(text))
    return not is_long and re.fullmatch(pattern, plain, re.DOTALL | re.ASCII) is not None


def is_tag(text: str, part: str, longest: int) -> bool:
    """Return whether all services accept a part of a tag, and no two of them look the same."""
    shapes = [("iam", f"tag{part}Type"), ("elbv2", f"Tag{part}"), ("ecs", f"Tag{part}"),
              ("logs", f"Tag{part}"), ("cloudformation", f"Tag{part}")]  # fmt: skip
    # ELB refuses spaces at the ends (ELB User Guide, "Tag an Application Load Balancer").
    return (
        0 < len(text) <= longest
        and text == text.strip()
        and all(fits(*each, text) for each in shapes)
        # Only the space of all separators, and one spelling of each text.
        and not any(category(one)[0] == "Z" and one != " " for one in text)
        and normalize("NFC", text) == text
    )


def is_session_tag(text: str) -> bool:
    """Return whether a text can be the team of a secret, of a role and of its session."""
    return is_tag(text, "Value", 256) and fits("sts", "tagValueType", text)


def is_key(text: str) -> bool:
    """Return whether a text is a tag key without the prefixes of AWS and of this service."""
    return is_tag(text, "Key", 128) and not text.lower().startswith(("aws:", "devops:"))


def is_image(text: str) -> bool:
    """Return whether a text names an image by the rules of ECR and of tags and digests (OCI)."""
    name, _, digest = text.partition("@")
    # A number after the first part is a port if a path follows it.
    path, colon, tag = re.sub(r"^([^/:]*):[0-9]+(?=/)", r"\1", name).partition(":")
    return (
        (fits("ecr", "RepositoryName", path) or re.fullmatch("[a-z0-9]", path) is not None)
        and not (colon and not re.fullmatch("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", tag))
        and ("@" not in text or re.fullmatch("sha256:[0-9a-f]{64}", digest) is not None)
        # ECS API, ContainerDefinition.
        and len(text) <= 255
    )


def is_secret(text: str) -> bool:
    """Return whether a text is the name of a secret (Secrets Manager API, CreateSecret: Name).

    Secrets of other AWS services have a "!", as in "rds!cluster-...".
    """
    allowed = string.ascii_letters + string.digits + "/_+=.@-!"
    return fits("secretsmanager", "NameType", text) and set(text) <= set(allowed)


class Place(NamedTuple):
    """A place that checks a kind of name: its name, and the fault of a text (empty: valid)."""

    name: str
    fault: Callable[[str], str]


def request(name: str, declared: schema.Type, prefix: str = "") -> Place:
    """Return the place of a type of the requests; the text is after a prefix."""

    def fault(text: str) -> str:
        try:
            declared.accept(prefix + text)
        except schema.InvalidValueError as error:
            return str(error)
        return ""

    return Place(f"request {name}", fault)


def command_line(rule: str) -> Place:
    """Return the place of a rule of the command line."""

    def fault(text: str) -> str:
        try:
            rules.text(rule)(text)
        except typer.BadParameter as error:
            return error.message.removeprefix(f"{text!r} ")
        return ""

    return Place(f"command line {rule}", fault)


def contract(name: str, node: Node, prefix: str = "") -> Place:
    """Return the place of a schema of the contract, which has no messages."""
    valid = validator(node)

    def fault(text: str) -> str:
        # A schema cannot express Unicode NFC. Its description does.
        accepted = valid.is_valid(prefix + text) and normalize("NFC", text) == text
        return "" if accepted else "refused"

    return Place(f"contract {name}", fault)


def parameter(key: str, value: str) -> Place:
    """Return the place of a parameter; `value` is its JSON with "?" in the place of the text."""
    return Place(f"parameters.yml {key}", lambda text: _faults(key, value)[text])


@cache
def _faults(key: str, value: str) -> dict[str, str]:
    cases = [{key: json.loads(value.replace("?", json.dumps(text)[1:-1]))} for text in TEXTS]
    done = run_node("-e", VALIDATE, json.dumps(cases))
    assert done.returncode == 0, done.stderr
    return dict(zip(TEXTS, json.loads(done.stdout), strict=True))


class Kind(NamedTuple):
    """A kind of name: the rule of AWS, and its places.

    `lengths` is whether all places have the bounds of the length; long texts are not compared
    otherwise.
    """

    judge: Callable[[str], bool]
    places: list[Place]
    lengths: bool = True


SCHEMAS = document()["components"]["schemas"]
_TAGS = CREATE.members["tags"].type
assert isinstance(_TAGS, schema.Object)
assert _TAGS.others
_SERVICE = CREATE.members["service"].type
assert isinstance(_SERVICE, schema.Object)
_SECRETS = _SERVICE.members["secrets"].type
assert isinstance(_SECRETS, schema.Object)
assert _SECRETS.others
_SECRET = _SECRETS.others[1]
KINDS: Mapping[str, Kind] = {
    "team": Kind(
        is_session_tag,
        [
            parameter("teams", '{"?": []}'),
            parameter("secretprefixes", '{"?": ["a"]}'),
            request("create", _TAGS.members["technicalTeam"].type),
            request("list", STACKS.members["team"].type),
            contract("TeamName", SCHEMAS["TeamName"]),
            command_line("team"),
        ],
    ),
    "tag key": Kind(
        is_key,
        [
            parameter("requiredtags", '["?"]'),
            request("create", _TAGS.others[0]),
            contract("Tags", SCHEMAS["Tags"]["propertyNames"]),
        ],
    ),
    "tag value": Kind(
        lambda text: is_tag(text, "Value", 256),
        [
            request("create", _TAGS.others[1]),
            contract("Tags", SCHEMAS["Tags"]["additionalProperties"]),
        ],
    ),
    "image": Kind(
        is_image,
        [
            parameter("repouri", '"?"'),
            request("deploy", DEPLOY.members["repouri"].type),
            contract("DeployRequest", SCHEMAS["DeployRequest"]["properties"]["repouri"]),
        ],
    ),
    "secret": Kind(
        is_secret,
        [
            parameter("secretprefixes", '{"a": ["?"]}'),
            request("create", _SECRET, SECRET),
            contract("SecretArn", SCHEMAS["SecretArn"], SECRET),
        ],
        lengths=False,
    ),
    "application": Kind(
        lambda text: (
            all(
                re.fullmatch(pattern, text)
                for pattern in (
                    # CloudFormation API, CreateStack; ELBv2 API, CreateLoadBalancer: without the
                    # longest ending "-training" of the names of load balancers.
                    "[A-Za-z][A-Za-z0-9-]*",
                    "(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]{0,21}[A-Za-z0-9])?",
                )
            )
            and fits("ecr", "RepositoryName", text.lower())
        ),
        [
            request("create", fields.APPLICATION),
            request("deploy", DEPLOY.members["applicationName"].type),
            contract("ApplicationName", SCHEMAS["ApplicationName"]),
            command_line("name"),
        ],
    ),
    "version": Kind(
        # OCI distribution specification, "Pulling manifests".
        lambda text: (
            re.fullmatch("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", text) is not None
            and fits("ecr", "ImageTag", text)
        ),
        [
            request("deploy", DEPLOY.members["version"].type),
            request("list", STACKS.members["version"].type),
            contract("Version", SCHEMAS["Version"]),
            command_line("version"),
        ],
    ),
    "digest": Kind(
        lambda text: re.fullmatch("sha256:[0-9a-f]{64}", text) is not None,
        [
            request("swap", SWAP.members["digest"].type),
            contract("Digest", SCHEMAS["Digest"]),
            command_line("digest"),
        ],
    ),
    "operation": Kind(
        # github.com/ulid/spec
        lambda text: re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", text) is not None,
        [
            request("events", EVENTS.members["operation"].type),
            contract("OperationId", SCHEMAS["OperationId"]),
            command_line("operation"),
        ],
    ),
    "caller": Kind(
        lambda text: fits("iam", "roleNameType", text.replace("*", "a")),
        [
            parameter("admins", f'["{ROLE}"]'),
            parameter("productionapprovers", f'["{ROLE}"]'),
            parameter("teams", f'{{"a": ["{ROLE}"]}}'),
        ],
        lengths=False,
    ),
    "bucket": Kind(
        # Amazon S3 User Guide, "General purpose bucket naming rules".
        lambda text: (
            VALID_BUCKET.search(text) is not None
            and re.fullmatch("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text) is not None
        ),
        [
            parameter("cftemplate", '"s3://?/a.yml"'),
            parameter("cftemplate", '"https://?.s3.amazonaws.com/a.yml"'),
        ],
    ),
    "stage": Kind(
        # API Gateway API, CreateStage: letters, digits, "-" and "_"; Lambda and IAM limit names of
        # functions and roles to 64 characters.
        lambda text: re.fullmatch("[A-Za-z0-9_-]{1,64}", text) is not None,
        [parameter("stage", '"?"')],
    ),
}
# Kinds whose alphabet is smaller than that of AWS, because the name is a part of other names.
NARROWER = {
    # Names of other applications and reserved names (tests/infra/test_names.py), one letter.
    "application",
    # A "_" and a "-" at the start are not valid.
    "stage",
}


def accepted(place: Place) -> set[str]:
    """Return the texts that a place accepts."""
    return {text for text in TEXTS if not place.fault(text)}


@pytest.mark.parametrize("name", KINDS)
def test_all_places_of_a_kind_accept_the_same_names(name: str) -> None:
    kind = KINDS[name]
    short = {text for text in TEXTS if kind.lengths or len(text) < 100}
    first, *others = kind.places
    assert accepted(first) & short, "no text is accepted"
    for other in others:
        difference = (accepted(first) ^ accepted(other)) & short
        assert difference == set(), f"{first.name} and {other.name}"


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_has_the_alphabet_of_aws(name: str) -> None:
    kind = KINDS[name]
    for place in kind.places:
        texts = {text for text in TEXTS if kind.lengths or len(text) < 100}
        allowed = {text for text in texts if kind.judge(text)}
        assert accepted(place) & texts <= allowed, place.name
        if name not in NARROWER:
            assert accepted(place) & texts == allowed, place.name


# The list of special characters in the message of a kind, and characters that it writes as words.
SPECIALS = {
    "team": (r"or (\S+), without", " "),
    "tag key": (r"or (\S+), without", " "),
    "tag value": (r"or (\S+), without", " "),
    "secret": (r"or (\S+)$", ""),
    "caller": (r"or (\S+) and", "*"),
}


@pytest.mark.parametrize("name", SPECIALS)
def test_a_message_names_the_kind_and_its_characters(name: str) -> None:
    kind, (pattern, words) = KINDS[name], SPECIALS[name]
    places = [each for each in kind.places if not each.name.startswith("contract")]
    if name == "secret":
        # In a request the name is a part of an ARN.
        places = [each for each in places if each.name.startswith("parameters")]
    messages = {fault for place in places for text in TEXTS if (fault := place.fault(text))}
    (message,) = messages
    found = re.search(pattern, message)
    assert name in message
    assert found
    special = {one for one in string.punctuation + " " if not places[0].fault(f"a{one}b")}
    assert special == {*found[1], *words}


def test_a_team_with_umlauts_is_a_team_everywhere() -> None:
    for place in KINDS["team"].places:
        assert not place.fault(COMPOSED), place.name
        assert place.fault(normalize("NFD", COMPOSED)), place.name


def test_a_policy_cannot_name_each_team(tmp_path: Path) -> None:
    """IAM API, CreatePolicy: a policy has only characters of Latin-1."""
    for team in ("gr\u00f6\u00dfe", "\u0141\u00f3d\u017a"):
        lists = {"teams": f"{{{team}: []}}", "secretprefixes": f"{{{team}: [{'a/'}]}}"}
        path = parameters_file(tmp_path, {**GOOD, **lists})
        if fits("iam", "policyDocumentType", team):
            assert list(loaded(path)["secretprefixes"]) == [team]
        else:
            (problem,) = refused(path)
            assert problem.startswith(
                f"secretprefixes: an IAM policy cannot contain the name {team}"
            )
        assert list(
            loaded(parameters_file(tmp_path, {**GOOD, "teams": lists["teams"]}))["teams"]
        ) == [team]


def test_the_length_of_the_lists_is_counted_in_bytes(tmp_path: Path) -> None:
    teams: dict[str, list[str]] = {f"{number}{MIDDLE * 250}": [] for number in range(3)}
    (problem,) = refused(parameters_file(tmp_path, {**GOOD, "teams": json.dumps(teams)}))
    assert re.search(r"it has 2\d{3} bytes, and the limit is 2000", problem)
