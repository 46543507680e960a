"""What reads the HTTP contract, docs/openapi.yml, and what writes the derived parts of it.

`document` has its parts, `conformance` holds answers to it, `reference` writes the page docs/api.md.
`schemas` derives the schemas of requests from their declarations in devops_core, `rules` the checks
of the command line; `recording` writes the examples; `derived` has all files that hold such text,
and `places` where in them it stands.
"""
