"""Tools that read the HTTP contract, docs/openapi.yml.

`document` has its parts, `conformance` checks responses against it, `reference` writes the page
docs/api.md. `tests.fuzz` sends valid and invalid requests to a running laptop cloud.
"""
