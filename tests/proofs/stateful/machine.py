"""The state machine: its rules run in random order; then all operations must end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from devops_core.model.inventory import RowStatus
from tests.lab import events
from tests.lab.client import SCHEDULE
from tests.lab.faults import Kind as Fault
from tests.lab.memory.accounts import SECRET
from tests.lab.world import TRIGGERS, drift_check
from tests.proofs.stateful.caller_requests import CallerRequest, members
from tests.proofs.stateful.manual_changes import CHANGES, restore_production
from tests.proofs.stateful.simulation import (
    ACCOUNTS,
    NAMES,
    STACK_FAULTS,
    Simulation,
    StackFault,
    violations_as_assertions,
)  # fmt: skip

_TESTS = ("dev", "qa", "stage")
_names = st.sampled_from(NAMES)
_some = st.lists(st.sampled_from(_TESTS), min_size=1, max_size=3, unique=True).map(
    lambda chosen: tuple(name for name in _TESTS if name in chosen)
)
_versions = st.sampled_from(("1.0", "2.0", "3.0", "4.0", "crash", "hang"))
_keys = st.sampled_from((None, None, "k1", "k2", "k3", "k4"))
_SCALING = {"min": 2, "max": 4, "cpuPercent": 60}
_services = st.sampled_from(
    (None, {"desiredCount": 2}, {"environment": {"LEVEL": "info"}}, {"scaling": _SCALING})
)
_pick = st.integers(0, 11)
# Merge patches of specifications: most change single environments.
_patches = st.sampled_from(
    (
        {"service": {"environment": {"LEVEL": "debug"}}},
        {"service": {"environment": {"LEVEL": None, "MODE": "1"}}},
        {"service": {"environment": None}},
        {"overrides": {"dev": {"environment": {"OWN": "1"}}}},
        {"overrides": {"dev": {"environment": {"LEVEL": "info"}, "unset": ["MODE"]}}},
        {"overrides": {"dev": None, "qa": None}},
        {"overrides": {"qa": {"environment": {"BEHAVIOUR": "crash"}}}},
        {"overrides": {"prod": {"environment": {"LIVE": "1"}}}},
        {"overrides": {"prod": {"environment": {"LIVE": "2"}, "desiredCount": 2}}},
        {"overrides": {"prod": {"desiredCount": 3}}},
        {"overrides": {"prod": {"desiredCount": 3, "scaling": None}}},
        {"overrides": {"prod": {"desiredCount": None, "scaling": {**_SCALING, "min": 1}}}},
        {"overrides": {"dev": {"scaling": {"min": 1, "max": 3, "requestsPerTarget": 100}}}},
        {"service": {"desiredCount": None, "scaling": _SCALING}},
        {"overrides": {"prod": None}},
        {"production": {"alarms": []}},
        {"production": {"bakeMinutes": 0, "judge": "off"}},
        {"production": None},
        {"description": "another one"},
        {},
    )
)
# Merge patches that add and remove environments.
_environments = st.sampled_from(
    (
        {"environments": {"da": True}},
        {"environments": {"da": None}},
        {"environments": {"nonProd": ["dev", "qa", "stage"]}},
        {"environments": {"nonProd": ["dev"]}, "overrides": {"qa": None}},
    )
)
# Merge patches that change the secrets of tasks.
_secrets = st.sampled_from(
    (
        {"service": {"secrets": {"KEY": f"{SECRET}/first-AbCdEf"}}},
        {"service": {"secrets": {"KEY": f"{SECRET}/second-AbCdEf"}}},
        {"service": {"secrets": None}},
        {"overrides": {"dev": {"secrets": {"KEY": f"{SECRET}/test-AbCdEf"}}}},
        {"overrides": {"prod": {"secrets": {"KEY": f"{SECRET}/live-AbCdEf", "LEVEL": None}}}},
    )
)
_stack_patches = _environments | _secrets
_stack_faults = st.sampled_from((StackFault(), StackFault(), *STACK_FAULTS))
# Seconds between two schedules of the service.
_TURN = 60
_turns = st.integers(0, 4)
_revisions = st.sampled_from((None, None, None, 1, 2, 3))
# Maximum difference between two clocks, in seconds (tests/functional/test_clocks.py).
_SKEW = 5
_SECONDS = (1, 5, 30, 63, 66, 120, 300, 900, 1900, 3700, 10800)
_waits = st.sampled_from((False, False, False, True))
# The maximum of turns (minutes) before the end of all operations: the limits of the longest
# operation (create) and of its undo, the grace period of a blocked operation, and the two hours by
# which clocks can differ.
_TURNS = 2 * 60 + 30 + 2 * 60
_TRIGGERS = (*TRIGGERS, drift_check)
# The maximum of drift checks with findings: each one can uncover more drift.
_DRIFT_CHECKS = 4


class Actors(RuleBasedStateMachine):
    """The service, its callers, AWS, and users of the console."""

    simulation: Simulation

    # --- callers ---

    @rule(name=_names, chosen=_some, service=_services, key=_keys, wait=_waits)
    def create(self, name: str, chosen: Any, service: Any, key: str | None, wait: bool) -> None:
        self.simulation.send(
            CallerRequest("create", name, members(service=service), chosen, key, wait)
        )

    @rule(name=_names, chosen=_some, version=_versions, key=_keys, wait=_waits)
    def deploy(self, name: str, chosen: Any, version: str, key: str | None, wait: bool) -> None:
        self.simulation.send(
            CallerRequest("deploy", name, members(version=version), chosen, key, wait)
        )

    @rule(name=_names, chosen=_some, key=_keys, wait=_waits)
    def restart(self, name: str, chosen: Any, key: str | None, wait: bool) -> None:
        restart = members(restart=True)
        self.simulation.send(CallerRequest("deploy", name, restart, chosen, key, wait))

    @rule(name=_names, patch=_patches, revision=_revisions, key=_keys, wait=_waits)
    def patch(
        self, name: str, patch: Any, revision: int | None, key: str | None, wait: bool
    ) -> None:
        change = members(patch=patch)
        self.simulation.send(CallerRequest("update", name, change, (), key, wait, revision))

    @rule(name=_names, first=_patches, second=_patches)
    def patch_in_turn(self, name: str, first: Any, second: Any) -> None:
        """Send two updates, and let the schedule continue each: the second can undo the first."""
        for patch in (first, second):
            self.simulation.send(CallerRequest("update", name, members(patch=patch)))
            self._continue(2)
            # The model of the next response needs the end of this update.
            self.simulation.check()

    @rule(name=_names, service=_services, revision=_revisions, key=_keys)
    def replace(self, name: str, service: Any, revision: int | None, key: str | None) -> None:
        """Replace the specification by a document with the present environments."""
        record = self.simulation.cloud.tables.records.get(name)
        document: dict[str, Any] = {"email": "team@example.com"}
        present = record.specification.document if record else {}
        document |= {name: present[name] for name in ("environments",) if name in present}
        document |= {"service": service} if service else {}
        change = members(document=document)
        self.simulation.send(CallerRequest("update", name, change, (), key, False, revision))

    @rule(name=_names)
    def read_specification(self, name: str) -> None:
        self.simulation.read_specification(name)

    @rule(name=_names, source=st.sampled_from((None, None, *_TESTS)), spec=_revisions, key=_keys,
          wait=_waits)  # fmt: skip
    def promote(
        self, name: str, source: str | None, spec: int | None, key: str | None, wait: bool
    ) -> None:
        request = ("deploy-blue", name, members(environment=source, spec=spec), (), key, wait)
        self.simulation.send(CallerRequest(*request))

    @rule(name=_names, version=st.sampled_from((None, None, None, "1.0", "2.0")), spec=_revisions,
          key=_keys)  # fmt: skip
    def swap(self, name: str, version: str | None, spec: int | None, key: str | None) -> None:
        expected = members(version=version, spec=spec)
        self.simulation.send(CallerRequest("swap", name, expected, (), key))

    @rule(name=_names, key=_keys, wait=_waits)
    def delete(self, name: str, key: str | None, wait: bool) -> None:
        self.simulation.send(CallerRequest("delete", name, (), (), key, wait))

    @precondition(lambda self: self.simulation.requests)
    @rule(back=_pick)
    def attempt_again(self, back: int) -> None:
        """Repeat an earlier request with its key, if it had one."""
        requests = self.simulation.requests
        self.simulation.send(requests[-1 - back % len(requests)])

    @precondition(lambda self: self.simulation.operations)
    @rule(back=_pick, wait=_waits)
    def read(self, back: int, wait: bool) -> None:
        self.simulation.read(back, wait=wait)

    @precondition(lambda self: self.simulation.operations)
    @rule(back=_pick)
    def abort(self, back: int) -> None:
        self.simulation.abort(back)

    # --- triggers: late, repeated, in another order, or missing ---

    @rule()
    def schedule(self) -> None:
        self.simulation.wake(SCHEDULE)

    @rule(name=st.sampled_from((*NAMES, "Unknown")), number=st.integers(0, 2))
    def event(self, name: str, number: int) -> None:
        event = (
            events.stack_status(name, "CREATE_COMPLETE"),
            events.deployment_state(name, "dev", "SERVICE_DEPLOYMENT_COMPLETED"),
            events.task_stopped(name, "prod-1"),
        )[number]
        self.simulation.events.append(event)
        self.simulation.wake(event)

    @precondition(lambda self: self.simulation.events)
    @rule(back=_pick)
    def old_event(self, back: int) -> None:
        self.simulation.wake(self.simulation.events[-1 - back % len(self.simulation.events)])

    @rule(minutes=st.sampled_from((0, 5)))
    def drift_check(self, minutes: int) -> None:
        self.simulation.pass_(60 * minutes)
        self.simulation.drift_check()

    # --- faults ---

    @rule(kind=st.sampled_from([each for each in Fault if each != "ERROR_500_WITH_EFFECT"]),
          ahead=_pick, skew=st.sampled_from((0, _SKEW, -_SKEW)))  # fmt: skip
    def fault(self, kind: Fault, ahead: int, skew: int) -> None:
        """Schedule a fault at a later call; the clock of the other worker can differ."""
        self.simulation.other_skew = timedelta(seconds=skew)
        self.simulation.faults.schedule(kind, ahead)

    @rule(
        port=st.sampled_from(
            ("tables", "containers", "load_balancer", "scaling", "stacks", "images")
        )
    )
    def throttle(self, port: str) -> None:
        self.simulation.faults.throttle(port)

    @rule()
    def heal(self) -> None:
        self.simulation.heal()

    # --- AWS and manual changes ---

    @rule(automatic=st.booleans(), pace=st.sampled_from((0, 1, 3, None)), lag=st.integers(0, 2))
    def pace(self, automatic: bool, pace: int | None, lag: int) -> None:
        """Set the speed of AWS by the number of observations; False and None stop it."""
        self.simulation.cloud.containers.automatic = automatic
        self.simulation.cloud.stacks.pace, self.simulation.cloud.stacks.lag = pace, lag

    @rule(create=st.booleans(), delete=st.booleans())
    def stacks_fail(self, create: bool, delete: bool) -> None:
        stacks = self.simulation.cloud.stacks
        stacks.create_failures = ("DevService: it was not stable",) if create else ()
        stacks.delete_failures = ("Repository: it is not empty",) if delete else ()

    @rule(name=_names)
    def aws_advances(self, name: str) -> None:
        self.simulation.advance_aws(name)

    @rule(name=_names, change=st.sampled_from(sorted(CHANGES)), pick=_pick)
    def change_manually(self, name: str, change: str, pick: int) -> None:
        self.simulation.change_manually(name, change, pick)

    @rule(name=_names, pick=_pick, tasks=st.integers(0, 5))
    def load(self, name: str, pick: int, tasks: int) -> None:
        """Let the load of a service with scaling require a number of tasks."""
        self.simulation.follow_load(name, pick, tasks)

    # --- time ---

    @rule(seconds=st.sampled_from(_SECONDS))
    def time_passes(self, seconds: int) -> None:
        self.simulation.pass_(seconds)

    @rule(hours=st.sampled_from((-1, 0, 1)))
    def clock_jumps(self, hours: int) -> None:
        """Set the clocks of the workers, but not that of AWS."""
        self.simulation.set_clock(timedelta(hours=hours))

    # --- checks ---

    def _continue(self, turns: int) -> None:
        """Fire the schedule after each minute."""
        for _ in range(turns):
            self.simulation.pass_(_TURN)
            self.simulation.wake(SCHEDULE)

    @invariant()
    def promises_hold(self) -> None:
        if hasattr(self, "simulation"):
            self.simulation.check()

    def teardown(self) -> None:
        if hasattr(self, "simulation"):
            recover(self.simulation)


class Service(Actors):
    """Sequences that start in any of the accounts."""

    @initialize(account=st.sampled_from(sorted(ACCOUNTS)))
    def begin(self, account: str) -> None:
        self.simulation = Simulation(account)


class Stacks(Actors):
    """Sequences in which callers change stacks too: environments, and the secrets of tasks."""

    @initialize(account=st.sampled_from(("backwards", "both")), patch=_stack_patches,
                fault=_stack_faults, turns=_turns)  # fmt: skip
    def begin(self, account: str, patch: Any, fault: StackFault, turns: int) -> None:
        """Begin with an update of a stack, because random steps seldom start one."""
        self.simulation = Simulation(account)
        self.change_stack(NAMES[0], patch, None, False, fault, turns)

    @rule(name=_names, patch=_stack_patches, key=_keys, wait=_waits, fault=_stack_faults,
          turns=_turns)  # fmt: skip
    def change_stack(
        self, name: str, patch: Any, key: str | None, wait: bool, fault: StackFault, turns: int
    ) -> None:
        """Update a stack, in which resources can fail; the schedule continues the operation."""
        self.simulation.set_stack_fault(fault)
        removed = self.simulation.model.specifications.removed(name, patch)
        change = members(patch=patch, remove=removed or None)
        self.simulation.send(CallerRequest("update", name, change, (), key, wait))
        self._continue(turns)

    @rule(name=_names, forbidden=st.booleans(), key=_keys, wait=_waits, fault=_stack_faults,
          turns=_turns)  # fmt: skip
    def upgrade(
        self, name: str, forbidden: bool, key: str | None, wait: bool, fault: StackFault, turns: int
    ) -> None:
        """Upgrade a stack to a newer template; the schedule continues the operation."""
        self.simulation.publish_template(forbidden=forbidden)
        self.simulation.set_stack_fault(fault)
        self.simulation.send(CallerRequest("upgrade", name, (), (), key, wait))
        self._continue(turns)

    @precondition(lambda self: self.simulation.open_changes)
    @rule(back=_pick)
    def abort_change(self, back: int) -> None:
        """Abort an open update or upgrade of a stack."""
        changes = self.simulation.open_changes
        self.simulation.abort_operation(changes[back % len(changes)])


def recover(simulation: Simulation) -> None:
    """Remove all faults, wait for the end of all operations, and check the final state."""
    with violations_as_assertions():
        _restore_aws(simulation)
        _await_ends(simulation)
        simulation.record_overtaken()
        simulation.check()
        before = simulation.world.inventory()
        _correct_drift(simulation)
        if not (simulation.model.changed_manually or simulation.faults.blind):
            assert simulation.world.inventory() == before, "6: the inventory had drift"
            for application in NAMES:
                simulation.model.specifications.check_services(application)
        _check_final_state(simulation)


def _restore_aws(simulation: Simulation) -> None:
    simulation.heal()
    cloud = simulation.cloud
    cloud.resume()
    cloud.clock.skew = timedelta()
    cloud.stacks.lag = 0
    cloud.stacks.create_failures = cloud.stacks.delete_failures = ()
    simulation.set_stack_fault(StackFault())
    simulation.world.rest()


def _await_ends(simulation: Simulation) -> None:
    """Fire the triggers until all operations have ended."""
    for turn in range(_TURNS):
        if not simulation.cloud.tables.in_progress():
            return
        simulation.cloud.clock.wait(60)
        _TRIGGERS[turn % len(_TRIGGERS)](simulation.world)
    raise AssertionError(f"7: still open: {simulation.cloud.tables.in_progress()}")


def _correct_drift(simulation: Simulation) -> None:
    """Run the drift check until it has no findings."""
    simulation.world.rest()
    for application in NAMES:
        simulation.advance_aws(application)
    for application in simulation.watcher.excused & set(simulation.model.live):
        restore_production(simulation.cloud, application)
    simulation.watcher.excused.clear()
    _repeat_failed_deletes(simulation)
    simulation.cloud.clock.pass_(hours=1)
    for _ in range(_DRIFT_CHECKS):
        if not simulation.world.drift():
            break
    assert simulation.world.drift() == 0, "the drift check has the same findings again"


def _repeat_failed_deletes(simulation: Simulation) -> None:
    """Repeat failed deletes, because the drift check omits their applications."""
    rows = simulation.cloud.tables.rows
    failed = {name for (name, _), row in rows.items() if row.status is RowStatus.DELETE_FAILED}
    if not simulation.faults.blind:
        failed &= simulation.model.changed_manually
    for application in sorted(failed):
        _delete(simulation, application)


def _check_final_state(simulation: Simulation) -> None:
    tidy = not (simulation.faults.untidy or simulation.model.changed_manually)
    simulation.world.hold(tidy=tidy)
    if tidy:
        return
    for application in NAMES:
        _delete(simulation, application)
    simulation.world.hold()


def _delete(simulation: Simulation, application: str) -> None:
    """Delete an application, and once more after another create if resources can remain.

    The other create has all environments, so that the delete finds the resources of each.
    """
    api = simulation.api
    exists = simulation.cloud.tables.inventory_of(application).rows
    if exists:
        assert api.finished(api.delete(application)).operation["status"] == "SUCCEEDED"
    incomplete = application in simulation.incomplete or simulation.faults.untidy
    if incomplete or not exists:
        environments = {"nonProd": ["dev", "qa", "stage"], "da": True}
        api.finished(api.create(application, environments=environments))
        assert api.finished(api.delete(application)).operation["status"] == "SUCCEEDED"
