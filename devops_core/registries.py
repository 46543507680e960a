"""The registries whose images applications can use: `allowedregistries` in parameters.yml."""

from __future__ import annotations

from typing import NamedTuple

from devops_core.naming import EcrRegistry, Image

# The entry that allows every registry that is not a private ECR.
ANY_OTHER = "*"


class AllowedRegistries(NamedTuple):
    """`own` is the ECR of the installation's account and region; its images are always allowed.

    `hosts` lists further registries. A private ECR is allowed only if its own host is in the list,
    because the execution roles can read only the listed ones.
    """

    own: EcrRegistry
    hosts: tuple[str, ...] = (ANY_OTHER,)

    @property
    def ecr(self) -> tuple[EcrRegistry, ...]:
        """The allowed ECR registries without duplicates, the own one first."""
        listed = [found for host in self.hosts if (found := EcrRegistry.of_host(host))]
        return tuple(dict.fromkeys([self.own, *listed]))

    def refusal(self, image: Image) -> str | None:
        """Return the reason why an image is not allowed, None if it is allowed."""
        registry = EcrRegistry.of_host(image.host)
        if registry:
            if registry in self.ecr:
                return None
            return "is in the ECR of another account or region, which this service cannot read"
        if ANY_OTHER in self.hosts or image.host in self.hosts:
            return None
        return "is in a registry that this service does not allow"
