"""Corrections to MiniStack, each closing one gap between it and AWS that the service relies on.

Every module has `apply()`, which replaces functions of the emulator before it serves; a function
that replaces one says in its docstring which gap it closes. They name the emulator's internals,
which is why its version is pinned.
"""
