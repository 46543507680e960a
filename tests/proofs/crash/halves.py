"""The two halves of the matrix: the fakes in memory, and the real adapters on moto."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab.fakes import wire
from tests.lab.faults import Faults, Kind, Plan
from tests.lab.memory import wire_faults
from tests.lab.memory.memory_world import World as MemoryWorld
from tests.lab.moto import transport, transport_faults
from tests.lab.moto.moto_world import World as MotoWorld
from tests.lab.moto.stand import stand
from tests.lab.stories import STORIES, Story
from tests.lab.world import World

Meanwhile = Mapping[Kind, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Half:
    """The accounts, the wire and the names of calls of a half.

    `begin` returns the world at the start of a story, `plant` puts the faults of a plan on its
    wire, and `journal` returns its calls. `tables` is the service or port of the tables.
    `orphans` has the calls that find and remove orphans; operations end without them. If one of
    the calls in `blind` fails permanently, an operation of that kind is given up without knowing
    its result, and without a rollback. `create_stack` is the call of the stack, `switch` that of a
    listener, `suspends` finds those that allow or suspend scale-in, `stop_reasons` are those for
    the reasons of stopped tasks, and `example` is any call. `firsts` and `pairs` limit the first
    crashes and the pairs of a story, None for all.
    """

    stories: Mapping[str, Story]
    begin: Callable[[Story], World]
    plant: Callable[[Any, Plan[Any], Meanwhile], Faults[Any]]
    journal: Callable[[Any], Sequence[Any]]
    applies: Callable[[Kind, Any], bool]
    tables: str
    orphans: Mapping[str, Collection[str]]
    blind: Mapping[str, Collection[str]]
    create_stack: str
    switch: str
    suspends: Callable[[Any], bool]
    example: Any
    stop_reasons: Collection[str]
    firsts: int | None = None
    pairs: int | None = None


def _memory(story: Story) -> World:
    assert story.memory
    return MemoryWorld.begun(story.memory)


def _moto(story: Story) -> World:
    assert story.moto
    return stand().opened(story.moto)


def _plant_in_memory(world: MemoryWorld, plan: Plan[Any], meanwhile: Meanwhile) -> Faults[Any]:
    return wire_faults.Fault(world.cloud, plan, meanwhile)


def _plant_in_moto(world: MotoWorld, plan: Plan[Any], meanwhile: Meanwhile) -> Faults[Any]:
    return transport_faults.Fault(world.account, plan, meanwhile)


_UPDATES = ("containers.services",)
_ECS_UPDATES = ("ecs.DescribeServices",)
_ORPHANS = ("ecs.DeregisterTaskDefinition", "ecs.ListTaskDefinitions")
_DESCRIBED_ORPHANS = (*_ORPHANS, "ecs.DescribeTaskDefinition")
HALVES: Mapping[str, Half] = {
    "memory": Half(
        stories={story.name: story for story in STORIES if story.memory},
        begin=_memory,
        plant=_plant_in_memory,
        journal=lambda world: world.cloud.wire.journal,
        applies=wire_faults.applies,
        tables="tables",
        orphans={"": ("containers.registered", "containers.deregister")},
        blind={
            "deploy": _UPDATES,
            "deploy-blue": _UPDATES,
            # Without its stack and the first task definitions, new environments have no rows.
            "update": (*_UPDATES, "stacks.describe", "containers.blueprint"),
            "swap": ("load_balancer.rules",),
        },
        create_stack="stacks.create",
        switch="load_balancer.switch",
        suspends=lambda call: call.name == "scaling.allow_scale_in",
        example=wire.Call(0, "tables", "claim", ()),
        stop_reasons=("containers.stopped",),
    ),
    "adapters": Half(
        stories={story.name: story for story in STORIES if story.moto},
        begin=_moto,
        plant=_plant_in_moto,
        journal=lambda world: world.account.wire.journal,
        applies=transport_faults.applies,
        tables="dynamodb",
        # A delete, and an update that removes environments, describe orphans.
        orphans={"": _ORPHANS, "delete": _DESCRIBED_ORPHANS, "update": _DESCRIBED_ORPHANS},
        blind={
            "deploy": _ECS_UPDATES,
            "deploy-blue": _ECS_UPDATES,
            "update": (
                *_ECS_UPDATES,
                "cloudformation.DescribeStacks",
                "ecs.DescribeTaskDefinition",
            ),
            "swap": ("elbv2.DescribeRules",),
        },
        create_stack="cloudformation.CreateStack",
        switch="elbv2.ModifyListener",
        suspends=lambda call: "SuspendedState" in call.params,
        example=transport.Call(0, "dynamodb", "BatchGetItem", {}),
        stop_reasons=("ecs.ListTasks", "ecs.DescribeTasks"),
        # A case takes a hundred times as long as with the fakes.
        firsts=6,
        pairs=24,
    ),
}
