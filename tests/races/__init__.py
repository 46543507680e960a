"""Races: every interleaving of two callers, bounded to two preemptions, over the in-memory fakes.

Both run at once, as two workers would; one of them runs at any time, and a `schedule` says after
which of its outgoing calls it hands over to the other. `python -m tests.races` runs them all.
"""
