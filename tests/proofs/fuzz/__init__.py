"""Sends a laptop cloud what docs/openapi.yml allows and what it does not (`make fuzz`).

schemathesis makes the calls: the examples, every limit of every field and a step beyond it, random
bodies, and courses of calls along the links. `schemathesis.toml` says how many and what is held,
`hooks` how they are signed, and what a laptop can bear.
"""
