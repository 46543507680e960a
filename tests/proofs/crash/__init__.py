"""The crash matrix: every outgoing call of every story, once with every fault.

`memory` runs the stories over the in-memory fakes, `adapters` through the real adapters on moto.
Each half is a `report.Half`: it has `cases` and `run(case)`; a case is independent of other cases.
"""
