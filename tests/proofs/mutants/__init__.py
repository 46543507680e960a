"""The product is changed in one small way after the other: does a test notice each of them?

mutmut makes the changes (mutants) and runs the tests (`[tool.mutmut]` in pyproject.toml); this
package tells the score and holds what survives to a list that was read by a person.
"""

from pathlib import Path

ROOT = Path(__file__).parents[3]
