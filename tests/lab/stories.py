"""The stories: an account, one request or trigger, and the expected result."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.lab.fakes.task_service import CRASH, HANG
from tests.lab.memory import accounts, scaled_accounts, swap_accounts
from tests.lab.memory.accounts import ADD_DA, DROP_QA, LEVEL, PRODUCTION, SECRET, Prepare
from tests.lab.moto import states
from tests.lab.moto.states import State
from tests.lab.world import (
    TRIGGERS,
    Request,
    Trigger,
    abort,
    advance,
    create,
    delete,
    deploy,
    drift_check,
    event,
    patch,
    promote,
    read,
    restart,
    schedule,
    swap,
    upgrade,
    watched,
)

# Version by environment; None before the first deploy.
Versions = Mapping[str, str | None]
# Revision of the specification by environment.
Revisions = Mapping[str, int | None]

_TESTS = ("dev", "qa", "stage")
_OK, _ABORTED = "SUCCEEDED", "FAILED: aborted by"
_NEW: Versions = {"DEV": None, "PROD-GREEN": None, "PROD-BLUE": None}
_SWAPPED: Versions = {"PROD-GREEN": "2.0", "PROD-BLUE": "1.0"}
_CONFIGURED: Mapping[str, Any] = {"environment": {"LEVEL": "info"}, "desiredCount": 2}
_OVERRIDES: Mapping[str, Any] = {
    "dev": {"secrets": {"KEY": f"{SECRET}/test-AbCdEf"}},
    "prod": {"secrets": {"KEY": f"{SECRET}/live-AbCdEf"}},
}


@dataclass(frozen=True, slots=True)
class Story:
    """A request or trigger in an account, and the expected result.

    `memory` prepares the account over the fakes, `moto` the one in moto; a story without one of
    them has no cases there. `ends` is the status of its operations ("FAILED: reason"), or REFUSED
    if no operation starts. `runs` has the versions that differ from those at the start, None if no
    row of the inventory remains. `revisions` has the revisions that differ from those at the start,
    `gone` the environments that do not exist any more. `changes_stack` means that it is about an
    update of the stack, `in_steps` that it is about a swap with steps or a bake.
    `request` is None if the story is about its `triggers`; these fire in turn until all operations
    have ended, and at least `at_least` times. With `at_once`, a caller without a response repeats
    the request immediately. `following` is the next operation. `by_hand` means that the drift check
    has findings if no operation starts. With `pairs`, the story has cases with two crashes too.
    """

    name: str
    request: Request | None
    following: Request
    ends: str = _OK
    runs: Versions | None = None
    memory: Prepare | None = None
    moto: State | None = None
    triggers: tuple[Trigger, ...] = TRIGGERS
    at_least: int = 0
    at_once: bool = False
    by_hand: bool = False
    pairs: bool = True
    revisions: Revisions = field(default_factory=dict)
    gone: Collection[str] = ()
    changes_stack: bool = False
    in_steps: bool = False

    @property
    def moves(self) -> bool:
        """Whether environments are added or removed."""
        return bool(self.gone) or "DA" in (self.runs or {})


def _creates() -> Iterator[Story]:
    plain = create(environments={"nonProd": ["dev", "qa"]})
    configured = create(service=_CONFIGURED, overrides=_OVERRIDES)
    fails, stays = accounts.failing(create=True), accounts.failing(create=True, delete=True)
    made: Versions = {**_NEW, "QA": None}
    why, crashes = "FAILED: it was not stable", "FAILED: Essential container in task exited"
    bad, next_one = accounts.first_image(CRASH), deploy("1.0", "dev")
    yield Story("create", plain, next_one, runs=made, memory=accounts.empty)
    yield Story("create-unseen", plain, next_one, runs=made, memory=accounts.lagging)
    yield Story("create-configured", configured, next_one, runs=_NEW, memory=accounts.empty)
    yield Story("create-fails", plain, create(), why, memory=fails)
    yield Story("create-stays", plain, delete(), why, made, memory=stays)
    yield Story("create-crashes", configured, create(), crashes, memory=bad)
    # The repository of moto has no image before the application exists.
    yield Story("create", create(), promote(), runs=_NEW, moto=states.EMPTY)
    yield Story("create-configured", configured, promote(), runs=_NEW, moto=states.EMPTY)


def _deploys() -> Iterator[Story]:
    def story(name: str, request: Request, ends: str = _OK, **runs: str) -> Story:
        following = deploy("4.0", *_TESTS)
        return Story(f"deploy-{name}", request, following, ends, runs, accounts.shop)

    one, three = deploy("3.0", "dev"), deploy("3.0", *_TESTS)
    yield replace(story("one", one, DEV="3.0"), following=deploy("2.0", "dev"), moto=states.SHOP)
    all_of = story("three", three, DEV="3.0", QA="3.0", STAGE="3.0")
    yield replace(all_of, following=deploy("2.0", *_TESTS), moto=states.LARGE)
    # The schedule fires again after the end, and sends the notification.
    notified = replace(story("notified", one, DEV="3.0"), triggers=(schedule,), at_least=3)
    yield replace(notified, following=deploy("2.0", "dev"), moto=states.SHOP)
    yield story("waiting", deploy("3.0", "dev", wait=25), DEV="3.0")
    yield story("same", deploy("2.0", "dev"))
    # ECS reports the digest after the rollout.
    foreign = deploy("3.0", "dev", "qa", repouri="public.ecr.aws/nginx/nginx")
    yield story("foreign", foreign, DEV="3.0", QA="3.0")
    # The record of updates and the updates themselves go out together, in any order.
    backwards = story("two-backwards", deploy("3.0", "dev", "qa"), DEV="3.0", QA="3.0")
    yield replace(backwards, memory=accounts.backwards)
    yield replace(story("resized", one, DEV="3.0"), memory=accounts.resized("dev"), by_hand=True)
    yield story("crashes", deploy("crash", "dev", "qa"), "FAILED: exit code 1")
    late = "FAILED: within the time limit"
    # It makes a hundred similar calls until the time limit: pairs of crashes add nothing.
    yield replace(story("hangs", deploy("hang", "dev"), late), pairs=False)


def _production() -> Iterator[Story]:
    def swaps(name: str, memory: Prepare, moto: State | None = None) -> Story:
        return Story(name, swap("2.0"), swap("1.0"), runs=_SWAPPED, memory=memory, moto=moto)

    promoted, same = {"PROD-BLUE": "3.0"}, dict[str, str | None]()
    tested, bad = accounts.tested("3.0"), accounts.tested("crash")
    yield Story("promote", promote(), swap("3.0"), runs=promoted, memory=tested, moto=states.TESTED)
    resized = accounts.resized("prod-1")
    begun = Story("promote-resized", promote(), swap("3.0"), runs=promoted, memory=resized)
    yield replace(begun, by_hand=True)
    exits = "FAILED: exit code 1"
    yield Story("promote-crashes", promote(), swap("2.0"), exits, same, memory=bad)
    untested = accounts.unverified
    following = deploy("4.0", "stage")
    yield Story("promote-unverified", promote(), following, "REFUSED", same, memory=untested)
    # Another caller deploys the approved version with other bytes before the promote.
    unexpected, following = promote(version="3.0", digest=accounts.REBUILT_DIGEST), swap("2.0")
    yield Story("promote-unexpected", unexpected, following, "REFUSED", same, memory=tested)
    rebuilt = swap("1.0", digest=accounts.REBUILT_DIGEST)
    yield Story(
        "swap-rebuilt", rebuilt, deploy("4.0", "stage"), runs={"STAGE": "1.0", "PROD-BLUE": "1.0"},
        memory=accounts.rebuilt,
    )  # fmt: skip
    yield swaps("swap", accounts.shop, states.SHOP)
    yield swaps("swap-raised", accounts.small_blue, states.GROWN)
    yield swaps("swap-warmed", accounts.cold)
    back: Versions = {"PROD-GREEN": "1.0", "PROD-BLUE": "2.0"}
    yield Story(
        "swap-back", swap("1.0"), swap("2.0"), runs=back,
        memory=accounts.swapped, moto=states.SWAPPED,
    )  # fmt: skip
    # The call continues the swap immediately.
    throttled = Story("finish-swap-back", advance("finish"), deploy("4.0", "stage"), runs=back)
    yield replace(throttled, memory=swap_accounts.throttled_swap_back, at_once=True)


def _swaps_in_steps() -> Iterator[Story]:
    """Swaps that divide the customers between the slots, wait and check the new release."""
    same = dict[str, str | None]()
    # They make several calls a minute, so all pairs of all stories would take hours. The stories of
    # calls about a swap in progress are short.
    story = Story("", None, swap("1.0"), runs=_SWAPPED, in_steps=True, pairs=False)

    def starts(name: str, policy: Mapping[str, Any], memory: Prepare) -> Story:
        return replace(story, name=name, request=swap("2.0", **policy), memory=memory)

    def fails(done: Story, reason: str) -> Story:
        return replace(done, ends=f"FAILED: {reason}", runs=same)

    policies, good = swap_accounts, swap_accounts.monitored()
    steps = starts("swap-steps", policies.STEPS, accounts.shop)
    yield replace(steps, moto=states.SHOP)
    yield replace(starts("swap-linear", policies.LINEAR, accounts.shop), pairs=True)
    yield starts("swap-judged", policies.JUDGED, good)
    watched_one = starts("swap-watched", policies.BAKED, good)
    yield replace(watched_one, triggers=(watched,))
    alarm = f"the alarm {policies.ALARM} is in the state ALARM"
    yield fails(starts("swap-alarm", policies.WATCHED, policies.alarming), alarm)
    worse = swap_accounts.monitored(errors=300)
    yield fails(starts("swap-worse", policies.JUDGED, worse), "failed too often")
    yield starts("swap-steps-raised", policies.STEPS, accounts.small_blue)
    scaled = starts("swap-steps-scaled", policies.STEPS, scaled_accounts.busy)
    yield scaled

    # Swaps that are in progress.
    under_way = replace(story, following=deploy("1.0", "dev"), at_once=True, pairs=True)
    awaiting = swap_accounts.begun(policies.APPROVED, "AWAITING_APPROVAL")
    yield replace(under_way, name="continue", request=advance("continue"), memory=awaiting)
    expired = replace(under_way, name="swap-unapproved", memory=awaiting, pairs=False)
    yield fails(expired, "not approved within 4 minutes")
    by_hand = replace(under_way, name="swap-foreign-weights", memory=policies.split_by_hand)
    yield fails(by_hand, "the production listener was changed outside of the service")
    finish = replace(under_way, request=advance("finish"), memory=swap_accounts.shifted())
    yield replace(finish, name="finish")
    refused = replace(finish, name="finish-alarm", memory=policies.shifted_with_alarm)
    yield fails(refused, alarm)
    back = replace(finish, name="swap-emergency", request=swap("1.0"))
    yield fails(back, "aborted by")
    for name, memory in (
        ("shifted", swap_accounts.begun(policies.STEPS, "SHIFTED")),
        ("baking", swap_accounts.begun(policies.STEPS, "BAKING")),
        ("baking-at-once", swap_accounts.begun(policies.BAKED, "BAKING")),
        ("shifted-scaled", swap_accounts.scaled("SHIFTED")),
        ("baking-scaled", swap_accounts.scaled("BAKING")),
    ):
        aborted = replace(under_way, name=f"abort-swap-{name}", request=abort(), memory=memory)
        yield fails(replace(aborted, pairs=not name.endswith("-scaled")), "aborted by")


def _updates() -> Iterator[Story]:
    same = dict[str, str | None]()
    dev: Mapping[str, Any] = {"overrides": {"dev": {"environment": {"DEV": None, "NEW": "1"}}}}
    story = Story("", patch(dev), deploy("4.0", *_TESTS), runs=same, memory=accounts.configured)
    one = replace(story, name="update-one", revisions={"DEV": 2})
    yield replace(one, moto=states.SHOP, following=deploy("3.0", "dev"))
    three = replace(story, name="update-three", request=patch(LEVEL))
    yield replace(three, revisions={"DEV": 2, "QA": 2, "STAGE": 2})
    sidecar = patch({"overrides": {"dev": {"sidecars": [accounts.AGENT]}}})
    pinned = replace(one, name="update-sidecar", request=sidecar, memory=accounts.with_agent)
    yield replace(pinned, following=deploy("3.0", "dev"))
    crash, hang = ({"dev": {"environment": {"BEHAVIOUR": each}}} for each in (CRASH, HANG))
    fails = replace(story, name="update-crashes", request=patch({"overrides": crash}))
    yield replace(fails, ends="FAILED: exit code 1")
    late = replace(fails, name="update-hangs", request=patch({"overrides": hang}), pairs=False)
    yield replace(late, ends="FAILED: within the time limit")
    by_hand = replace(one, name="update-by-hand", memory=accounts.variable_by_hand, by_hand=True)
    yield by_hand
    # Without a rollout, the new revision ends with its claim.
    yield replace(story, name="update-production", request=patch(PRODUCTION))
    count = patch({"overrides": {"prod": {"desiredCount": 3}}})
    counted = replace(story, name="update-count", request=count, moto=states.SHOP)
    yield replace(counted, following=deploy("3.0", "dev"))
    again = replace(story, name="update-again", request=patch({}), memory=accounts.outdated)
    yield replace(again, revisions={"DEV": 2})
    restarted = replace(story, name="restart", request=restart("dev", "qa"))
    yield replace(restarted, following=deploy("4.0", "dev", "qa"))
    outdated = replace(again, name="deploy-outdated", request=deploy("3.0", "dev"))
    yield replace(outdated, revisions={"DEV": 2}, runs={"DEV": "3.0"})


def _updates_of_stacks() -> Iterator[Story]:
    """Updates that add and remove environments, and that give tasks other secrets."""
    same = dict[str, str | None]()
    story = Story("", patch(ADD_DA), deploy("4.0", *_TESTS), runs=same, memory=accounts.configured)
    # Their operations make so many calls that all pairs of all stories would take hours.
    story = replace(story, changes_stack=True, pairs=False)
    adds = replace(story, name="update-adds", runs={"DA": None}, revisions={"DA": 2})
    yield replace(adds, moto=states.SHOP, following=deploy("3.0", "dev"))
    crash = {**ADD_DA, "overrides": {"da": {"environment": {"BEHAVIOUR": CRASH}}}}
    crashes = replace(adds, name="update-adds-crashes", request=patch(crash))
    yield replace(crashes, ends="FAILED: exit code 1", revisions={"DA": None})
    removes = replace(story, request=patch(DROP_QA, "qa"), following=deploy("3.0", "dev", "stage"))
    removes = replace(removes, name="update-removes", gone=("QA",))
    yield replace(removes, moto=states.LARGE, pairs=True)
    yield replace(removes, name="update-removes-partly", memory=accounts.remaining_resources)
    read = {"secrets": {"KEY": f"{SECRET}/third-AbCdEf"}}
    tests: Revisions = {"DEV": 2, "QA": 2, "STAGE": 2}
    secret = replace(story, name="update-secrets", request=patch({"service": read}))
    yield replace(secret, revisions=tests)
    one = replace(secret, memory=None, moto=states.SHOP, following=deploy("3.0", "dev"))
    yield replace(one, revisions={"DEV": 2})
    third: Revisions = {"DEV": 3, "QA": 3, "STAGE": 3}
    secret = replace(secret, name="update-secrets-again", memory=accounts.replaced_secret)
    yield replace(secret, revisions=third)
    moved = {"environments": {"nonProd": ["dev", "stage"], "da": True}, "service": read}
    moves = replace(adds, name="update-moves", request=patch(moved, "qa"), gone=("QA",))
    moves = replace(moves, following=deploy("4.0", "dev", "stage"))
    yield replace(moves, revisions={"DEV": 2, "STAGE": 2, "DA": 2})
    fails = replace(story, name="update-stack-fails", ends="FAILED: it was not stable")
    fails = replace(fails, following=deploy("3.0", "dev"))
    once = replace(fails, memory=accounts.failing_update(), moto=states.FAILING_UPDATE)
    yield replace(once, pairs=True)
    removed = replace(fails, name="update-removes-fails", request=removes.request)
    yield replace(removed, memory=accounts.failing_update())
    again = accounts.failing_update(rollback=True, repaired=True)
    continued = replace(fails, name="update-rollback-continued", memory=again)
    yield replace(continued, moto=states.FAILING_ROLLBACK)
    stays = replace(fails, name="update-rollback-fails", ends="FAILED: it is in use")
    yield replace(stays, memory=accounts.failing_update(rollback=True))
    unexpected = replace(story, name="update-unexpected", ends="FAILED: it would Modify prod1")
    yield replace(unexpected, memory=accounts.changed_stack, pairs=True)


def _upgrades() -> Iterator[Story]:
    same = dict[str, str | None]()
    story = Story("upgrade", upgrade(), deploy("3.0", "dev"), runs=same, changes_stack=True)
    story = replace(story, memory=accounts.newer_template(), pairs=False)
    yield replace(story, moto=states.OLDER_SETTINGS)
    fails = replace(story, name="upgrade-fails", ends="FAILED: it is too large")
    yield replace(fails, memory=accounts.failing_upgrade)
    reset = replace(story, name="upgrade-forbidden", ends="FAILED: it would Modify ProductionListe")
    yield replace(reset, memory=accounts.newer_template(accounts.LISTENER))


def _releases_with_settings() -> Iterator[Story]:
    """A new specification in production: promote, swap and swap back."""
    same = dict[str, str | None]()
    promoted = Story("promote-update", promote(spec=2), swap("2.0", spec=2), runs=same)
    promoted = replace(promoted, memory=accounts.updated, runs={"PROD-BLUE": "2.0"})
    yield replace(promoted, revisions={"PROD-BLUE": 2})
    live = Story("swap-update", swap("2.0", spec=2), swap("1.0", spec=1), runs=_SWAPPED)
    live = replace(live, revisions={"PROD-GREEN": 2, "PROD-BLUE": 1})
    yield replace(live, memory=accounts.promoted_update, moto=states.UPDATED)
    back: Versions = {"PROD-GREEN": "1.0", "PROD-BLUE": "2.0"}
    returned = Story("swap-back-update", swap("1.0", spec=1), swap("2.0", spec=2), runs=back)
    returned = replace(returned, revisions={"PROD-GREEN": 1, "PROD-BLUE": 2})
    yield replace(returned, memory=accounts.swapped_update)


def _scaling() -> Iterator[Story]:
    """Scalable targets through updates, rollouts, promotes, swaps and deletes."""
    same = dict[str, str | None]()
    scale = patch(scaled_accounts.SCALE_DEV)
    story = Story("", scale, deploy("4.0", *_TESTS), runs=same, memory=accounts.configured)
    story = replace(story, revisions={"DEV": 2})
    update = replace(story, name="update-scaling")
    yield replace(update, moto=states.SHOP, following=deploy("3.0", "dev"))
    used_up = scaled_accounts.refusing(accounts.configured)
    fails = replace(story, name="update-scaling-refused", memory=used_up)
    fails = replace(fails, request=patch(scaled_accounts.RELEASE_AND_SCALE_DEV))
    yield replace(fails, ends="FAILED: the quota of scalable targets is used up")
    scaled = replace(story, memory=scaled_accounts.scaled)
    unscaled = replace(scaled, name="update-unscaled", revisions={"DEV": 3})
    yield replace(unscaled, request=patch(scaled_accounts.COUNT_DEV))
    yield replace(scaled, name="deploy-scaled", request=deploy("3.0", "dev"), runs={"DEV": "3.0"})
    live = patch(scaled_accounts.SCALE_PRODUCTION)
    production = replace(story, name="update-scaling-production", request=live, revisions={})
    yield replace(production, following=deploy("3.0", "dev"))
    released = replace(story, following=deploy("4.0", "dev"), revisions={})
    promoted = replace(released, name="promote-scaled", request=promote(environment="dev"))
    yield replace(promoted, memory=scaled_accounts.swapped, runs={"PROD-BLUE": "2.0"})
    swapped = replace(released, request=swap("2.0"), following=swap("1.0"), runs=_SWAPPED)
    swapped = replace(swapped, name="swap-scaled", memory=scaled_accounts.busy)
    yield replace(swapped, moto=states.SCALED)
    back: Versions = {"PROD-GREEN": "1.0", "PROD-BLUE": "2.0"}
    returned = replace(swapped, name="swap-back-scaled", memory=scaled_accounts.swapped)
    yield replace(returned, request=swap("1.0"), following=swap("2.0"), runs=back)
    aborted = replace(released, name="abort-swap-scaled", memory=scaled_accounts.swapping)
    yield replace(aborted, request=abort(), ends=_ABORTED, at_once=True)
    yield Story("delete-scaled", delete(), create(), memory=scaled_accounts.scaled)
    created = create(service={"scaling": scaled_accounts.SCALING})
    new = Story("create-scaled", created, deploy("1.0", "dev"), runs=_NEW, memory=accounts.empty)
    yield new
    refused = replace(new, memory=scaled_accounts.refusing(accounts.empty), runs=None)
    refused = replace(refused, name="create-scaling-refused", following=create())
    yield replace(refused, ends="FAILED: the quota of scalable targets is used up")


def _deletes() -> Iterator[Story]:
    stays, same = "FAILED: it is not empty", dict[str, str | None]()
    yield Story("delete", delete(), create(), memory=accounts.shop, moto=states.SHOP)
    revised = Story("delete-revisions", delete(), create(), memory=accounts.several_revisions)
    yield replace(revised, moto=states.UPDATED)
    yield Story("delete-fails", delete(), delete(), stays, same, memory=accounts.undeletable)


def _triggers() -> Iterator[Story]:
    runs: Versions = {"DEV": "4.0", "QA": "4.0", "PROD-BLUE": "3.0"}
    several = Story("", None, deploy("2.0", *_TESTS), runs=runs, memory=accounts.under_way)
    one = Story("", None, deploy("2.0", "dev"), runs={"DEV": "3.0"}, moto=states.DEPLOYING)
    for name, trigger in (("event", event), ("schedule", schedule), ("read", read)):
        for story in (several, one):
            yield replace(story, name=f"reconcile-by-{name}", triggers=(trigger,))
    created: Revisions = dict.fromkeys(_NEW, 1)
    for name, state, versions, revisions in (
        ("create", states.BEGUN_CREATE, _NEW, created),
        ("deploy", states.BEGUN_DEPLOY, {"DEV": "3.0"}, {}),
        ("update", states.BEGUN_UPDATE, {}, {"DEV": 2}),
        ("swap", states.BEGUN_SWAP, _SWAPPED, {}),
    ):
        begun = replace(one, name=f"reconcile-{name}", moto=state, runs=versions)
        yield replace(begun, triggers=(schedule,), revisions=revisions)


def _aborts() -> Iterator[Story]:
    same = dict[str, str | None]()
    story = Story("", abort(), deploy("1.0", "dev"), _ABORTED, same, at_once=True)
    created = replace(story, following=create(), runs=None)
    yield replace(created, name="abort-create", memory=accounts.creating, moto=states.CREATING)
    yield replace(created, name="abort-create-configured", memory=accounts.configuring)
    for name, memory, moto in (
        ("deploy", accounts.deploying, states.HANGING),
        ("promote", accounts.promoting, states.PROMOTING),
        ("update", accounts.updating, states.UPDATING),
        ("swap", accounts.swapping, states.SWAPPING),
    ):
        yield replace(story, name=f"abort-{name}", memory=memory, moto=moto)
    stack = replace(story, changes_stack=True)
    yield replace(stack, name="abort-change-set", memory=accounts.preparing, gone=("DA",))
    stack = replace(stack, pairs=False)
    yield replace(stack, name="abort-upgrade", memory=accounts.preparing_upgrade, gone=())
    adding = replace(stack, name="abort-update-adds", memory=accounts.executing(ADD_DA))
    # CloudFormation completes the update of the stack.
    yield replace(adding, runs={"DA": None}, revisions={"DA": None})
    # Nothing remains to be aborted.
    removing = replace(stack, name="abort-update-removes", ends=_OK, gone=("QA",))
    yield replace(removing, memory=accounts.executing(DROP_QA, "qa"))
    # Another tool has deregistered the previous task definition.
    inactive = replace(story, memory=accounts.deploying_over_inactive, runs={"DEV": "hang"})
    yield replace(inactive, name="abort-deploy-inactive", ends="FAILED: another tool deregistered")
    yield replace(story, name="abort-swap-switched", memory=accounts.switched)
    yield replace(story, name="abort-swap-unseen", memory=swap_accounts.unseen_shift)


def _drifts() -> Iterator[Story]:
    same = dict[str, str | None]()
    memory = Story("", None, deploy("3.0", "qa"), triggers=(drift_check,), at_least=4)
    # If a fault hits one check, the next one corrects the rows.
    moto = replace(memory, following=deploy("3.0", "dev"), triggers=(drift_check, schedule))
    changes: tuple[tuple[str, Prepare | State, str, Versions], ...] = (
        ("listeners", accounts.moved_listeners, _OK, _SWAPPED),
        ("test-listener", accounts.moved_test_listener, "FAILED: the test listener", same),
        ("service", accounts.changed_service, _OK, {"DEV": "7"}),
        ("scaling", scaled_accounts.target_by_hand,
         "FAILED: the scaling of the service has the limits 1 to 5", same),
        ("service-deleted", accounts.deleted_service, "FAILED: the ECS service does not exist",
         same),
        ("stack-deleted", accounts.deleted_stack, _OK, same),
        ("claim", accounts.stale_claim, _OK, same),
        ("listener", states.LISTENER_MOVED, "FAILED: the test listener", _SWAPPED),
        ("service", states.SERVICE_CHANGED, _OK, {"DEV": "2"}),
        ("stack", states.STACK_DELETED, _OK, same),
        ("claim", states.CLAIM_LEFT, _OK, same),
    )  # fmt: skip
    for name, account, ends, runs in changes:
        if isinstance(account, State):
            story = replace(moto, moto=account, at_least=3)
        else:
            story = replace(memory, memory=account)
        # The settings of a task definition of another tool are unknown.
        revisions = {"DEV": None} if name == "service" else story.revisions
        yield replace(story, name=f"drift-{name}", ends=ends, runs=runs, revisions=revisions)


STORIES: tuple[Story, ...] = tuple(
    story
    for stories in (
        _creates,
        _deploys,
        _production,
        _swaps_in_steps,
        _updates,
        _updates_of_stacks,
        _upgrades,
        _releases_with_settings,
        _scaling,
        _deletes,
        _triggers,
        _aborts,
        _drifts,
    )
    for story in stories()
)
