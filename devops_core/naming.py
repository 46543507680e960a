"""Names and their formats: environments, slots, applications, stack outputs, images, tags.

Each kind of name has one pattern. The requests use these patterns; `make reference` derives those
of the contract, of the command line (devops_cli/rules.json) and of parameters.yml
(serverless/names.json) from them. The kinds that only parameters.yml has are in
serverless/parameters-schema.js.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

# At most 22 characters: the longest load balancer name is "<application>-training", and ELB allows
# 32 (ELBv2 API, CreateLoadBalancer). In order, the lookaheads exclude:
# - "internal", because ELB reserves names that begin with "internal-" (same page), and the paths
#   of the calls below /stacks
# - names that begin with "internal-"
# - names that end like the name of a resource of another application: "shop-dev" is the load
#   balancer of "shop", and "shop-idle" the address of its idle slot
# - double hyphens and a hyphen at the end (ECR API, CreateRepository; ELBv2 API)
APPLICATION_NAME = re.compile(
    r"(?!(?i:internal|deploy|deploytoprodblue|swapprodblueandgreen)\Z)"
    r"(?!(?i:internal)-)"
    r"(?!.*-(?i:dev|qa|stage|training|da|prod|prod-1|prod-2|idle)\Z)"
    r"(?!.*--|.*-\Z)"
    r"[A-Za-z][A-Za-z0-9-]{1,21}"
)

# An operation's id: a ULID, 26 characters in Crockford's base 32 (github.com/ulid/spec).
OPERATION_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")

# A container image tag (OCI distribution specification, "Pulling manifests").
IMAGE_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")

# The digest of an image (OCI image specification, "Digests"; registries use SHA-256).
IMAGE_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

# A part of the path of a repository (OCI distribution specification, "Pulling manifests").
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"

# An image reference: registry and path in lower case, then an optional tag and digest. A number
# after the first component is a port only if a path follows it: "nginx:1" has a tag.
IMAGE_URI = re.compile(
    rf"(?P<repository>{_PART}(?::[0-9]+(?=/))?(?:/{_PART})*)"
    rf"(?::(?P<tag>{IMAGE_TAG.pattern}))?"
    rf"(?:@(?P<digest>{IMAGE_DIGEST.pattern}))?"
)

# Host of a private ECR registry, optionally with a port: "<account>.dkr.ecr.<region>.amazonaws.com"
# or the dual-stack "<account>.dkr-ecr.<region>.on.aws", both also with "-fips" (AWS General
# Reference, "Amazon ECR endpoints and quotas"). The other domains are those of other partitions.
ECR_DOMAIN = (
    r"(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.(?:com\.cn|eu)"
    r"|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
ECR_HOST = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    rf"{ECR_DOMAIN}(?::[0-9]+)?"
)
# The registry of images without a host.
DOCKER_HUB = "docker.io"

# The value of a tag, also of technicalTeam: letters and digits of all languages, and spaces inside
# (IAM API, tagValueType; the characters of \p{Z} other than the space are not visible). ELB refuses
# spaces at the ends (ELB User Guide, "Tag an Application Load Balancer").
TAG_TEXT = re.compile(r"[\w.:/=+@-](?:[\w .:/=+@-]*[\w.:/=+@-])?")
# The key of a tag. AWS reserves "aws:" in any case (AWS General Reference, "Tag naming limits and
# requirements"), and this service "devops:".
TAG_KEY = re.compile(rf"(?!(?i:aws|devops):){TAG_TEXT.pattern}")

# The name of a secret of Secrets Manager. Secrets that an AWS service manages have a "!", as in
# "rds!cluster-..." (AWS Secrets Manager User Guide, "AWS Secrets Manager secrets managed by other
# AWS services"). A beginning of such a name has the same characters.
SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
# The name of an SSM parameter in an ARN, without its first slash.
PARAMETER_NAME = re.compile(r"[A-Za-z0-9/_.-]+")

# The tag of stacks and task definitions with the operation that created them. It lets a worker
# find the resources that an earlier worker created for the same operation.
OPERATION_TAG = "devops:operation"
# The tag of task definitions with the hash of the settings that they have.
SPECIFICATION_TAG = "devops:spec"
# The tag of stacks, of their resources and of secrets with the team that owns them.
TEAM_TAG = "technicalTeam"


class Environment(StrEnum):
    """An environment as spelled in the inventory and in responses; requests use lower case."""

    DEV = "DEV"
    QA = "QA"
    STAGE = "STAGE"
    TRAINING = "TRAINING"
    DA = "DA"
    PROD_BLUE = "PROD-BLUE"
    PROD_GREEN = "PROD-GREEN"

    @property
    def is_production(self) -> bool:
        """Whether this is a role of production: PROD-BLUE or PROD-GREEN."""
        return self in PRODUCTION


NON_PRODUCTION = (Environment.DEV, Environment.QA, Environment.STAGE)
TRAINING_DA = (Environment.TRAINING, Environment.DA)
PRODUCTION = (Environment.PROD_BLUE, Environment.PROD_GREEN)
DEPLOYABLE = NON_PRODUCTION + TRAINING_DA
# The order in which a promote searches for a version: the most tested environment first.
PROMOTABLE = (Environment.STAGE, Environment.QA, Environment.DEV)

# The permanent ECS services of production. prod-1 is live in a new stack.
SLOTS = ("prod-1", "prod-2")


def service_name(environment: Environment) -> str:
    """Return the ECS service of an environment in a new application ("dev", "prod-1")."""
    slots = {Environment.PROD_GREEN: SLOTS[0], Environment.PROD_BLUE: SLOTS[1]}
    return slots.get(environment, environment.value.lower())


def environment_name(environment: Environment) -> str:
    """Return the name of an environment in a specification; both slots are "prod"."""
    return "prod" if environment.is_production else environment.value.lower()


def family(application: str, service: str) -> str:
    """Return the task definition family of a service ("MyApp-prod-1")."""
    return f"{application}-{service}"


def output_key(service: str, attribute: str) -> str:
    """Return the stack output for an attribute of a service: "prod1Url" for "prod-1" and "Url".

    Output names are alphanumeric (CloudFormation User Guide, "Outputs").
    """
    return f"{service.replace('-', '')}{attribute}"


def repository_name(application: str) -> str:
    """Return the ECR repository of an application; ECR allows only lower case."""
    return application.lower()


class EcrRegistry(NamedTuple):
    """The private ECR registry of an account in a region."""

    account: str
    region: str

    @classmethod
    def of_host(cls, host: str) -> EcrRegistry | None:
        """Return the ECR registry of a host, None for another registry."""
        found = ECR_HOST.fullmatch(host)
        return cls(found["account"], found["region"]) if found else None


class Image(NamedTuple):
    """A parsed container image reference. `tag` and `digest` are optional."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, uri: str) -> Image:
        """Parse an image reference; ValueError if it is invalid."""
        found = IMAGE_URI.fullmatch(uri)
        if found is None:
            raise ValueError(f"{uri!r} is not an image reference")
        return cls(found["repository"], found["tag"], found["digest"])

    @property
    def uri(self) -> str:
        """The reference with its tag, or with its digest if it has no tag."""
        if self.tag:
            return f"{self.repository}:{self.tag}"
        return f"{self.repository}@{self.digest}" if self.digest else self.repository

    @property
    def pinned(self) -> str:
        """The reference with its digest, which always identifies the same bytes, if it has one."""
        return f"{self.repository}@{self.digest}" if self.digest else self.uri

    @property
    def host(self) -> str:
        """The host of the registry.

        The first component is a host only if a path follows it and it has a dot or a port, or is
        "localhost" (the rule of Docker: distribution/reference, "splitDockerDomain").
        """
        first, slash, _ = self.repository.partition("/")
        has_host = slash and ("." in first or ":" in first or first == "localhost")
        return first if has_host else DOCKER_HUB

    def ecr_repository(self, registry: EcrRegistry) -> str | None:
        """Return the name of the repository if the image is in an ECR registry, else None."""
        if EcrRegistry.of_host(self.host) != registry:
            return None
        return self.repository.partition("/")[2]
