"""Distribution of the tests to the processes of `make test`."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# One process runs all tests of such a folder, so that its laptop cloud starts only once, and the
# deploy tool builds the package only once.
_TOGETHER = ("tests/e2e/", "tests/infra/", "tests/proofs/attack/", "tests/proofs/laptop/")


class Sharing(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
    """Gives each test to a free process, and all tests of some folders to one process."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), nodeid)


@pytest.hookimpl(optionalhook=True)  # the hook exists only with xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sharing:
    """Return the scheduler."""
    return Sharing(config, log)
