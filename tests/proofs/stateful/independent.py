"""A backend of Hypothesis that generates each sequence independently of all others.

The usual backend derives five of six sequences from an earlier one, by repeating a part of it. This
suits values, but a bug that needs several rare steps then depends on the seed.
"""

from __future__ import annotations

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

BACKEND = "independent"


class Independent(HypothesisProvider):
    """The usual provider of random values; the engine changes only the sequences of its own one."""


AVAILABLE_PROVIDERS[BACKEND] = f"{__name__}.{Independent.__name__}"
