"""How the tests are shared among processes (`make test`)."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# All tests of such a folder are run by one process: of its laptop clouds there is one, which is
# started once, and so is the package that the deploy tool makes.
_TOGETHER = ("tests/e2e/", "tests/infra/", "tests/proofs/laptop/")


class Sharing(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
    """Gives each test to whoever is free, and what must stay together to the first ones."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), nodeid)


@pytest.hookimpl(optionalhook=True)  # where xdist is off there is no such hook
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sharing:
    """Return what says which process runs which test."""
    return Sharing(config, log)
