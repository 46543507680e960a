"""Corrections to MiniStack, each closing one gap between it and AWS that the service relies on.

Every module has `apply()`, which replaces functions of the emulator before it serves; a function
that replaces one says in its docstring which gap it closes. They name the emulator's internals,
which is why its version is pinned.
"""

from __future__ import annotations


def apply(*, real_docker: bool) -> None:
    """Apply all corrections; the emulator must be importable, its services are loaded by this."""
    from tools.laptop.patches import (
        api,
        functions,
        images,
        kept_state,
        load_balancers,
        permissions,
        templates,
        times,
        unhealthy_tasks,
    )

    for patch in (
        load_balancers,
        unhealthy_tasks,
        templates,
        images,
        times,
        api,
        functions,
        kept_state,
        permissions,
    ):
        patch.apply()
    _of_containers(real_docker=real_docker)


def _of_containers(*, real_docker: bool) -> None:
    """Apply what depends on whether tasks are containers or stand-ins of them."""
    from tools.laptop.patches import ended_tasks, rollouts
    from tools.laptop.patches import real_docker as registry

    rollouts.apply(real_docker=real_docker)
    (registry if real_docker else ended_tasks).apply()
