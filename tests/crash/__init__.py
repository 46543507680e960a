"""The crash matrix: every outgoing call of every story, once with every fault.

`memory` runs the stories over the in-memory fakes, `adapters` through the real adapters on moto.
Each half exposes `cases()`, all there are, and `run(case)`, which needs nothing but the case.
"""
