"""The part of the model about the phases of swaps: their steps, and their ends.

It computes the steps from the policy that a caller asked for, and the rates from the load. It makes
a claim only if the result does not depend on the minute in which something has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from devops_core.details.swap import SwapDetails
from devops_core.model.operation import Operation, Status
from tests.lab import swap_steps
from tests.lab.fakes import Call, FakeCloud
from tests.lab.promises import Broken
from tests.lab.swap_steps import ALL
from tests.proofs.stateful.traffic import Traffic

# The schedule continues each swap every minute. An older alarm must have been read.
_NOTICED = timedelta(seconds=60)
# The baseline of the judge, and the delay of the metrics.
_JUDGED_BEFORE = timedelta(minutes=15)
_MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Track:
    """A swap with the facts that decide about its end.

    `policy` is the one of its request. `changed_at` is the time of its last shift. `calm` means
    that there were no faults, no manual changes and no pauses of the schedule. `weighted` means
    that its listener was changed by hand. `rejected` is the reason why it must not succeed.
    """

    policy: Mapping[str, Any]
    ignored: tuple[str, ...]
    started_at: datetime
    changed_at: datetime | None = None
    approved: bool = False
    finished: bool = False
    calm: bool = True
    weighted: bool = False
    alarmed: bool = False
    rejected: str = ""

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms that count."""
        return tuple(name for name in self.policy.get("alarms", ()) if name not in self.ignored)

    def minutes(self, weight: int) -> int:
        """Return the minutes of a wait: of a step, or of the bake."""
        judged = self.policy.get("judge", "off") != "off"
        if weight == ALL:
            return int(self.policy.get("bakeMinutes", 6 if judged else 0))
        return int((self.policy.get("strategy") or {}).get("stepMinutes", 6))


class SwapModel:
    """The swaps of one application; `policy` is the one of the last request, as JSON."""

    def __init__(self, cloud: FakeCloud, traffic: Traffic, application: str) -> None:
        self._cloud = cloud
        self._traffic = traffic
        self._application = application
        self._alarming: dict[str, datetime] = {}
        self.policy: Mapping[str, Any] = {}
        self.tracks: dict[str, Track] = {}
        self.ended: dict[str, str] = {}
        cloud.wire.watchers.append(self._hold_call)

    # --- facts ---

    def _track(self, operation: Operation) -> Track:
        """Return the facts of a swap; a new one has the policy of the last request."""
        if operation.id not in self.tracks:
            details: SwapDetails = operation.details
            now = self._cloud.clock.right()
            self.tracks[operation.id] = Track(self.policy, details.ignored, now)
        return self.tracks[operation.id]

    def set_alarm(self, name: str, state: str) -> None:
        """Set the state of an alarm."""
        self._cloud.monitoring.states[name] = state
        if state != "ALARM":
            self._alarming.pop(name, None)
            return
        self._alarming.setdefault(name, self._cloud.clock.right())
        for track in self._open().values():
            track.alarmed |= name in track.alarms

    def disturb(self, *, weighted: bool = False) -> None:
        """Record a fault, a manual change or a pause of the schedule."""
        for track in self._open().values():
            track.calm = False
            track.weighted |= weighted

    def record_advance(self, identifier: str, action: str) -> Track:
        """Record a call to continue or to finish, and return the facts before it.

        The swap is checked before it continues, so it must not succeed with an alarm.
        """
        track = self.tracks[identifier]
        before = replace(track)
        track.approved = True
        track.finished |= action == "finish"
        alarming = [name for name in track.alarms if name in self._alarming]
        if alarming and track.calm:
            track.rejected = f"it continued with the alarms {alarming}"
        return before

    def record_return(self, identifier: str) -> None:
        """Record that the abort of a swap was accepted."""
        self.tracks[identifier].rejected = "it was aborted"

    def _open(self) -> dict[str, Track]:
        return {name: track for name, track in self.tracks.items() if name not in self.ended}

    # --- checks ---

    def _hold_call(self, call: Call) -> None:
        """Check a change of the production listener, just before it takes effect."""
        estate = self._cloud.stacks.estate
        listener = estate.listener(self._application, "production")
        if call.name != "load_balancer.switch" or call.args[0] != listener:
            return
        for operation in self._swaps():
            group = estate.target_group(self._application, operation.details.live)
            before = (self._cloud.load_balancer.weights(listener) or {}).get(group, 0)
            after = call.args[2].get(group, 0)
            if after > before:
                problems = "; ".join(self._problems_of_shift(operation, before, after))
                if problems:
                    raise Broken(f"{operation.id} shifts from {before} to {after}: {problems}")
                self._track(operation).changed_at = self._cloud.clock.right()

    def _problems_of_shift(self, operation: Operation, before: int, after: int) -> Iterator[str]:
        track = self._track(operation)
        # A call without a response can be recorded later.
        track.approved |= operation.details.approved_by is not None
        track.finished |= operation.details.finished_by is not None
        following = [each for each in swap_steps.weights(track.policy) if each > before]
        if not track.weighted and after != following[0] and not (track.finished and after == ALL):
            yield f"the next weight is {following[0]}"
        if swap_steps.needs_approval(track.policy, before, after) and not track.approved:
            yield "it has no approval"
        if operation.aborted_by or operation.details.returning:
            yield "all customers must return"
        yield from self._problems_of_time(track, before)

    def _problems_of_time(self, track: Track, weight: int) -> Iterator[str]:
        now = self._cloud.clock.right()
        for name in track.alarms:
            if name in self._alarming and now - self._alarming[name] >= _NOTICED:
                yield f"the alarm {name} has the state ALARM"
        if weight and track.changed_at and not (track.finished or track.weighted):
            waited = now - track.changed_at
            if waited < track.minutes(weight) * _MINUTE:
                yield f"it has waited only {waited} of {track.minutes(weight)} minutes"

    def check(self) -> None:
        """Check the swaps that have ended."""
        self._traffic.sample()
        for (_, identifier), operation in self._cloud.tables.operations.items():
            if operation.kind != "swap" or identifier in self.ended:
                continue
            track = self._track(operation)
            if operation.ended:
                problems = "; ".join(self._problems_of_end(operation, track))
                assert not problems, f"{identifier} has ended {operation.status}: {problems}"
                self.ended[identifier] = operation.status.value

    def _problems_of_end(self, operation: Operation, track: Track) -> Iterator[str]:
        if operation.status is Status.SUCCEEDED:
            if track.rejected:
                yield track.rejected
            yield from self._problems_of_time(track, ALL)
            if self._is_bad(operation, track) and not (track.finished or track.weighted):
                yield f"the new release is worse: {self._traffic.load}"
        elif track.calm and not (track.rejected or track.alarmed or self._expired(track)):
            if not self._is_good(operation, track):
                return
            yield f"nothing was wrong, but the reasons are {operation.reasons}"

    def _expired(self, track: Track) -> bool:
        approval = track.policy.get("approval", "off")
        if approval == "off" or track.approved:
            return False
        minutes: int = approval.get("timeoutMinutes", 1440)
        return self._cloud.clock.right() - track.started_at >= minutes * _MINUTE

    def _constant(self, track: Track) -> bool:
        """Return whether the load was the same since the beginning of the baseline."""
        changed = self._traffic.changed_at
        return changed is None or changed <= track.started_at - _JUDGED_BEFORE

    def _is_bad(self, operation: Operation, track: Track) -> bool:
        """Return whether the judge must have seen a worse release in each step."""
        judge = track.policy.get("judge", "off")
        if judge == "off" or not self._constant(track):
            return False
        new, live = self._rates(operation)
        requests = self._traffic.load.requests * swap_steps.weights(track.policy)[0] // 100
        limit = max(judge.get("errorRatePercent", 1), 2 * live)
        return bool(requests >= judge.get("minRequests", 50) and new > limit)

    def _is_good(self, operation: Operation, track: Track) -> bool:
        """Return whether no minute can be bad."""
        if track.policy.get("judge", "off") == "off":
            return True
        new, live = self._rates(operation)
        return self._constant(track) and (new == 0 or new <= live)

    def _rates(self, operation: Operation) -> tuple[int, int]:
        details, load = operation.details, self._traffic.load
        return load.rate(details.live), load.rate(details.idle)

    def _swaps(self) -> list[Operation]:
        return [
            operation
            for (name, _), operation in self._cloud.tables.operations.items()
            if name == self._application and operation.kind == "swap" and not operation.ended
        ]
