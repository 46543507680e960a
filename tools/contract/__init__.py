"""Tools for the HTTP contract, docs/openapi.yml.

`document` reads it, `conformance` checks responses against it, `reference` generates the page
docs/api.md. `tests.fuzz` sends valid and invalid requests to a running laptop cloud.
"""
