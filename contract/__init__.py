"""What reads the HTTP contract, docs/openapi.yml.

`document` has its parts, `answers` holds answers to it, `reference` writes the page docs/api.md,
`fuzz` sends a running laptop cloud what it allows and what it does not.
"""
