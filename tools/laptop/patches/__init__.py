"""Corrections to MiniStack; each closes a gap between MiniStack and AWS.

Every module has `apply()`, which replaces functions of the emulator before it serves. The docstring
of a replacement describes the gap. The corrections use internals of the emulator, so its version is
pinned.
"""

from __future__ import annotations


def apply(*, real_docker: bool) -> None:
    """Apply all corrections. The emulator must be importable; this imports its services."""
    from tools.laptop.patches import (
        access_log,
        api,
        application_autoscaling,
        change_sets,
        clock,
        concurrency,
        conditions,
        events,
        functions,
        images,
        kept_state,
        load_balancers,
        monitoring,
        permissions,
        role_policies,
        stack_deletes,
        stack_policies,
        stack_roles,
        stack_updates,
        target_groups,
        task_definitions,
        template_urls,
        templates,
        times,
        unhealthy_tasks,
        weights,
    )

    for patch in (
        clock, load_balancers, weights, target_groups, unhealthy_tasks, templates, template_urls,
        role_policies, stack_deletes, stack_policies, task_definitions, images, times, api,
        access_log, functions, concurrency, kept_state, monitoring, application_autoscaling,
        events, permissions,
        stack_roles, conditions, stack_updates, change_sets,
    ):  # fmt: skip
        patch.apply()
    _apply_container_patches(real_docker=real_docker)


def _apply_container_patches(*, real_docker: bool) -> None:
    """Apply the corrections that depend on the container engine, real or replaced."""
    from tools.laptop.patches import ended_tasks, image_digests, rollouts
    from tools.laptop.patches import real_docker as registry

    rollouts.apply(real_docker=real_docker)
    for patch in (registry,) if real_docker else (ended_tasks, image_digests):
        patch.apply()
