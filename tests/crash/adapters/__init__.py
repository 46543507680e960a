"""The half of the matrix that runs through the real adapters, on moto."""

from tests.crash.adapters.matrix import cases, run

__all__ = ["cases", "run"]
