"""The crash matrix: every outgoing call of every story, once with every fault.

`stories` has one table of stories, `matrix` their cases and checks. `halves` has the two places
where they run: over the in-memory fakes, and through the real adapters on moto.
"""
