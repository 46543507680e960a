"""Races: all interleavings of two actors with at most two preemptions, over the in-memory fakes.

Only one actor runs at any time. A `schedule` defines the outgoing calls at which it is preempted by
the other one. `python -m tests.proofs.races` runs all races.
"""
