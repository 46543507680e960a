"""Races: interleavings of two actors with at most two preemptions, over the in-memory fakes.

Only one actor runs at any time. A schedule defines the outgoing calls before which the other one
preempts it. `python -m tests.proofs.races` runs all races in full size; `make proofs` runs a part.
"""
