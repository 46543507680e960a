"""Mutation tests: a test must fail for each small change (mutant) of the product.

mutmut makes the mutants and runs the tests (`[tool.mutmut]` in pyproject.toml). This package
computes the score, and compares the survivors with a reviewed list in `survivors`.
"""

from pathlib import Path

ROOT = Path(__file__).parents[3]
