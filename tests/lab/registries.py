"""Images with their registries, and the registries that an installation can allow.

The domains of ECR are those for which Kubernetes requests credentials of ECR: the default
`MatchImages` of kubernetes/cloud-provider-aws, cmd/ecr-credential-provider. AWS General Reference,
"Amazon ECR endpoints and quotas", lists the forms of the public partition: `dkr.ecr.<region>.
amazonaws.com`, `dkr-ecr.<region>.on.aws`, and `dkr-ecr-fips`.
"""

from __future__ import annotations

from typing import NamedTuple

ACCOUNT, REGION = "123456789012", "eu-west-1"
OTHER_ACCOUNT, OTHER_REGION = "999999999999", "us-east-1"


def hosts(account: str = ACCOUNT, region: str = REGION) -> list[str]:
    """Return the hosts of an ECR registry in all forms."""
    forms = [
        "dkr.ecr.{}.amazonaws.com", "dkr-ecr.{}.on.aws",
        "dkr.ecr-fips.{}.amazonaws.com", "dkr-ecr-fips.{}.on.aws",
        "dkr.ecr.{}.amazonaws.com.cn", "dkr-ecr.{}.on.amazonwebservices.com.cn",
        "dkr.ecr.{}.amazonaws.eu", "dkr.ecr.{}.c2s.ic.gov", "dkr.ecr.{}.sc2s.sgov.gov",
        "dkr.ecr.{}.cloud.adc-e.uk", "dkr.ecr.{}.csp.hci.ic.gov",
    ]  # fmt: skip
    plain = [f"{account}.{form.format(region)}" for form in forms]
    return [*plain, *(f"{host}:443" for host in plain)]


ECR, SAME_ECR = hosts()[:2]
OTHER_ECR, SAME_OTHER_ECR = hosts(OTHER_ACCOUNT)[:2]
OF_REGION = hosts(ACCOUNT, OTHER_REGION)[0]

# Hosts that are not a private ECR.
NO_ECR = [
    "public.ecr.aws", "ecr-public.aws.com", "ghcr.io", "localhost", "registry:5000",
    f"{ECR}.example.com", f"x{ECR}", f"x.{ECR}", f"1{ECR}", ECR[1:], f"{ECR}:", f"{ECR}:x",
    f"{ACCOUNT}.dkr.ecr.amazonaws.com", f"{ACCOUNT}.dkr_ecr.{REGION}.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr.{REGION}.example.com", f"api.ecr.{REGION}.amazonaws.com",
]  # fmt: skip


class Case(NamedTuple):
    """An image, and whether an installation with `listed` as allowedregistries accepts it."""

    image: str
    listed: tuple[str, ...]
    allowed: bool


ANY = ("*",)
CASES = [
    *(Case(f"{host}/app:1", (), allowed=True) for host in hosts()),
    *(Case(f"{host}/app:1", ANY, allowed=False) for host in hosts(OTHER_ACCOUNT)),
    *(Case(f"{host}/app:1", ANY, allowed=False) for host in hosts(ACCOUNT, OTHER_REGION)),
    *(Case(f"{host}/app:1", ANY, allowed=True) for host in NO_ECR if ":" not in host[-2:]),
    *(Case(f"{host}/app:1", (OTHER_ECR,), allowed=True) for host in hosts(OTHER_ACCOUNT)),
    Case(f"{OTHER_ECR}/app", (SAME_OTHER_ECR,), allowed=True),
    Case(f"{OTHER_ECR}/app", (OF_REGION,), allowed=False),
    Case(f"{ECR}/app", (OTHER_ECR,), allowed=True),
    Case("ghcr.io/team/app", (OTHER_ECR,), allowed=False),
    Case("ghcr.io/team/app", ("*", OTHER_ECR), allowed=True),
    Case("ghcr.io/team/app:1", ("ghcr.io",), allowed=True),
    Case("ghcr.io:443/team/app:1", ("ghcr.io",), allowed=False),
    Case("registry:5000/app:1", ("registry:5000",), allowed=True),
    Case("quay.io/team/app", ("ghcr.io",), allowed=False),
    # Docker Hub is the registry of images without a host.
    Case("nginx", ("docker.io",), allowed=True),
    Case("nginx:1.27", ("docker.io",), allowed=True),
    Case("team/app:1", ("docker.io",), allowed=True),
    Case("docker.io/team/app:1", ("docker.io",), allowed=True),
    Case("nginx:1.27", ("ghcr.io",), allowed=False),
    Case("team/app:1", ("team",), allowed=False),
    Case("localhost/app", ("localhost",), allowed=True),
    Case(ECR, (), allowed=False),
    Case(ECR, ("docker.io",), allowed=True),
]
