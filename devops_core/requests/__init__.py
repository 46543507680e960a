"""Requests, one module for each kind: its value, and the declaration that reads it.

`schema` has the types of declarations, `fields` the declarations that several kinds share. A
handler imports only the module of its own kind, which keeps its cold start short.
"""
