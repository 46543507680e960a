"""The half of the matrix that runs over the in-memory fakes."""

from tests.crash.memory.matrix import cases, run

__all__ = ["cases", "run"]
