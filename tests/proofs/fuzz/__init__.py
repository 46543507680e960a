"""Fuzz: valid and invalid calls of docs/openapi.yml, sent to a laptop cloud (`make fuzz`).

schemathesis generates the calls: the examples of the document, the limits of each field and the
values beyond them, random bodies, and sequences of calls that follow the links. `schemathesis.toml`
has the numbers of calls and the checks. `schemathesis_hooks` signs the calls, and `adapted_calls`
changes them so that most of them have an effect.
"""
