"""Tools for the HTTP contract, docs/openapi.yml, and for the texts that are derived.

`document` reads the contract, `conformance` checks responses against it, `reference` generates the
page docs/api.md. `schemas` derives the schemas of requests from their declarations in devops_core,
`rules` the checks of the command line, `recording` the examples; `derived` lists all files with
such texts, and `places` finds their places.
"""
