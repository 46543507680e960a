"""Reads with teams: other teams receive versions, but no images, digests and alarms."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from devops_core.http.visibility import concealed
from tests.lab.callers import ADMIN, APPROVER, ONLY_TEAMS, OTHER, OWNER, with_policy
from tests.lab.client import SCHEDULE, Client, Reply
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import CRASH

PUBLIC = "public.ecr.aws/nginx/nginx"
READS: Mapping[str, Callable[[Client], Reply]] = {
    "stacks": lambda api: api.send("GET", "/stacks"),
    "stack": lambda api: _of_shop(api, "/stacks/{applicationName}"),
    "live stack": lambda api: _of_shop(api, "/stacks/{applicationName}", live="true"),
    "operations": lambda api: _of_shop(api, "/stacks/{applicationName}/operations"),
    "events": lambda api: _of_shop(api, "/stacks/{applicationName}/events"),
    "all events": lambda api: api.send("GET", "/events"),
    "operation": lambda api: api.status(max(api.cloud.tables.operations)[1]),
}


def _of_shop(api: Client, route: str, **query: str) -> Reply:
    return api.send("GET", route, parameters={"applicationName": "Shop"}, query=query)


@pytest.fixture
def secretive(owned: FakeCloud) -> FakeCloud:
    """Shop with releases of its own repository and of another one, with warnings and failures."""
    owner = Client(owned, OWNER)
    other = owned.containers
    other.resolved[f"{PUBLIC}:1.27"] = tuple(f"sha256:{digit * 64}" for digit in "12")
    owner.finished(owner.deploy("1.27", "qa", repouri=PUBLIC))
    owner.finished(owner.deploy("1.1", "stage"))
    owned.push("bad", CRASH)
    owner.finished(owner.deploy("bad", "stage"))
    return owned


@pytest.mark.parametrize("read", READS)
def test_another_team_receives_no_image_and_no_digest(secretive: FakeCloud, read: str) -> None:
    reply = READS[read](Client(secretive, OTHER))
    assert reply.status == 200
    text = json.dumps(reply.body)
    for hidden in ("sha256:", "dkr.ecr", PUBLIC, '"image"', '"digest"', '"repository"'):
        assert hidden not in text, hidden
    assert '"version"' in text


@pytest.mark.parametrize("caller", [OWNER, ADMIN])
@pytest.mark.parametrize("read", READS)
def test_the_team_and_admins_receive_images_and_digests(
    secretive: FakeCloud, read: str, caller: str
) -> None:
    calls = len(secretive.wire.journal)
    text = json.dumps(READS[read](Client(secretive, caller)).body)
    for shown in ("sha256:", "dkr.ecr", '"image"', '"digest"'):
        assert shown in text, shown
    # The team of an operation or event must be read; admins need no read.
    reads = secretive.wire.count("listing.inventories", calls)
    needs = read in ("operations", "operation", "events", "all events") and caller == OWNER
    assert reads == (1 if needs or read == "stacks" else 0)


def test_without_teams_all_callers_receive_them(secretive: FakeCloud) -> None:
    policy = secretive.settings.access
    with_policy(secretive, policy._replace(teams={}))
    for read in READS:
        assert "sha256:" in json.dumps(READS[read](Client(secretive, OTHER)).body)
    with_policy(secretive, policy)


def test_the_events_of_a_deleted_application_belong_to_admins(
    secretive: FakeCloud
) -> None:  # fmt: skip
    admin = Client(secretive, ADMIN)
    secretive.settings = secretive.settings._replace(
        access=secretive.settings.access._replace(production_approvers=())
    )
    admin.finished(admin.delete())
    for caller, shown in ((OWNER, False), (OTHER, False), (ADMIN, True)):
        text = json.dumps(READS["all events"](Client(secretive, caller)).body)
        assert ("sha256:" in text) is shown


def test_the_events_of_an_earlier_application_belong_to_admins(secretive: FakeCloud) -> None:
    """The next application of the same name can belong to another team."""
    admin = Client(secretive, ADMIN)
    with_policy(secretive, secretive.settings.access._replace(production_approvers=()))
    admin.finished(admin.delete())
    earlier = max(secretive.tables.operations)[1]
    admin.finished(admin.create())
    admin.finished(admin.deploy("1.1", "dev"))
    for caller, shown in ((OWNER, False), (OTHER, False), (ADMIN, True)):
        events = READS["events"](Client(secretive, caller)).body["events"]
        old = [each for each in events if each["operation"] <= earlier]
        new = [each for each in events if each["operation"] > earlier]
        assert ("sha256:" in json.dumps(old)) is shown
        assert ("sha256:" in json.dumps(new)) is (caller != OTHER)


@pytest.fixture
def watched(owned: FakeCloud) -> FakeCloud:
    """Shop with a swap that an alarm has ended, and with one that ignores a missing alarm."""
    lead, states = Client(owned, APPROVER), {"payments-fraud": "OK", "payments-slow": "OK"}
    owned.monitoring.states = states
    policy = {"strategy": {"type": "canary", "percent": 10}, "alarms": list(states)}
    lead.patch({"production": policy, "service": {"warmup": ["/payments-health"]}})
    lead.swap()
    owned.monitoring.states = {**states, "payments-fraud": "ALARM"}
    lead.settle()
    owned.monitoring.states = {"payments-slow": "ALARM"}
    lead.swap(ignoreAlarms=True)
    return owned


@pytest.mark.parametrize("read", READS)
def test_another_team_receives_no_policy_and_no_alarm(watched: FakeCloud, read: str) -> None:
    """They are parts of the specification, which only the team reads."""
    reply = READS[read](Client(watched, OTHER))
    assert reply.status == 200
    text = json.dumps(reply.body)
    for hidden in ("payments-", '"policy"', '"alarmStates"', '"ignoredAlarms"'):
        assert hidden not in text.replace("payments-ci", "").replace("payments-lead", ""), hidden
    if read == "events":
        assert "the alarm <alarm> is in the state ALARM" in text
    if read == "operation":
        assert "ignored: the alarm <alarm> does not exist" in text


def test_the_team_receives_policies_and_alarms(watched: FakeCloud) -> None:
    text = json.dumps(READS["operations"](Client(watched, OWNER)).body)
    for shown in ("the alarm payments-fraud is in", '"policy"', '"ignoredAlarms"', "/payments-h"):
        assert shown in text, shown


@pytest.fixture
def deleted(owned: FakeCloud) -> Mapping[str, Reply]:
    """Calls about operations of an application that its team has deleted, by their names.

    The aborted deploy has a failed task with a log, and the swap was approved.
    """
    owner, lead = Client(owned, OWNER), Client(owned, APPROVER)
    owned.push("bad", CRASH)
    deploy = owner.deploy("bad", "dev")
    owned.clock.wait(60)
    owner.wake(SCHEDULE)
    owner.abort(deploy.id)
    owner.settle()
    swap = lead.swap(approval={"before": "shift"})
    lead.advance(swap.id, "continue")
    lead.finished(lead.delete())
    return {"abort": deploy, "force": deploy, "continue": swap}


def _repeated(api: Client, call: str, deleted: Mapping[str, Reply]) -> str:
    """Repeat a call about an operation; return the body of the response."""
    operation = deleted[call].id
    if call == "abort":
        reply = api.abort(operation)
    elif call == "continue":
        reply = api.advance(operation, "continue")
    else:
        parameters = {"applicationName": "Shop", "id": operation}
        resource = "/stacks/{applicationName}/operations/{id}"
        query = {"force": "true"}
        reply = api.send("DELETE", resource, parameters=parameters, query=query)
    assert reply.status == 200, reply.body
    return json.dumps(reply.body)


@pytest.mark.parametrize("call", ["abort", "continue"])
@pytest.mark.parametrize("recreated", [False, True], ids=["deleted", "recreated"])
def test_a_repeated_call_shows_another_team_nothing_of_a_deleted_application(
    owned: FakeCloud, deleted: Mapping[str, Reply], call: str, recreated: bool
) -> None:
    with_policy(owned, ONLY_TEAMS)
    other = Client(owned, OTHER)
    if recreated:
        other.finished(other.create(tags={"technicalTeam": "search"}))
    text = _repeated(other, call, deleted)
    for hidden in ("sha256:", "dkr.ecr", '"image"', "containerLog", "fatal: no database"):
        assert hidden not in text, hidden
    assert '"version"' in text


@pytest.mark.parametrize("call", ["abort", "force", "continue"])
def test_a_repeated_call_shows_admins_the_images_of_a_deleted_application(
    owned: FakeCloud, deleted: Mapping[str, Reply], call: str
) -> None:
    assert '"image"' in _repeated(Client(owned, ADMIN), call, deleted)


@pytest.mark.parametrize("call", ["abort", "continue"])
def test_a_repeated_call_shows_the_team_its_images(owned: FakeCloud, call: str) -> None:
    lead = Client(owned, APPROVER)
    swap = lead.swap(approval={"before": "shift"})
    if call == "continue":
        lead.advance(swap.id, "continue")
    else:
        lead.abort(swap.id)
    assert '"image"' in _repeated(lead, call, {call: swap})


DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing to see: 2 of 3 tasks, http 503, v1.2.3", None),
        (f"the image {DIGEST} is missing", "the image <image> is missing"),
        (
            "CannotPullContainerError: failed to resolve ref docker.io/team/app:1: not found",
            "CannotPullContainerError: failed to resolve ref <image>: not found",
        ),
        (f"ran registry.local:5000/app@{DIGEST}, then", "ran <image>, then"),
        ("replaces team/app:7, which", "replaces <image>:7, which"),
        ("(target-group elasticloadbalancing targetgroup/Shop-dev/1)", None),
        (
            "DEV: keeps changes: containerDefinitions.app.environment.TOKEN, cpu and 2 more",
            "DEV: keeps changes: containerDefinitions.app.environment, cpu and 2 more",
        ),
        ("QA: OVERWRITTEN: secrets.DB.KEY, command", "QA: OVERWRITTEN: secrets, command"),
        (
            "the alarm a b, c is in the state ALARM; the alarm d is in the state ALARM",
            "the alarm <alarm> is in the state ALARM; the alarm <alarm> is in the state ALARM",
        ),
        (
            "ignored: the alarm a;b, whose state could not be read: AWS throttles DescribeAlarms",
            "ignored: the alarm <alarm>, whose state could not be read: AWS throttles"
            " DescribeAlarms",
        ),
        (
            "5 checks in a row had no result: alarms that do not exist: a, b",
            "5 checks in a row had no result: alarms that do not exist: <alarm>",
        ),
    ],
)
def test_texts_do_not_name_images_variables_and_alarms(text: str, expected: str | None) -> None:
    view = {
        "applicationName": "Shop",
        "url": "https://api.example.com/dev/stacks/Shop",
        "reasons": [text],
        "environments": [{"environment": "DEV", "image": f"team/app@{DIGEST}", "reason": text}],
    }
    assert concealed(view) == {
        "applicationName": "Shop",
        "url": "https://api.example.com/dev/stacks/Shop",
        "reasons": [expected or text],
        "environments": [{"environment": "DEV", "reason": expected or text}],
    }


@pytest.mark.parametrize(
    "member",
    [
        "drift", "message", "previousVersion", "reason", "reasons", "version", "waitingFor",
        "warnings",
    ],
)  # fmt: skip
def test_each_member_with_a_text_of_aws_is_concealed(member: str) -> None:
    """ECS, another tool or a failed pull can name an image in these members at any depth."""
    text, hidden = f"cannot pull ghcr.io/team/app@{DIGEST}", "cannot pull <image>"
    plural = member in ("reasons", "warnings")
    view: dict[str, object] = {member: [text] if plural else text}
    expected: dict[str, object] = {member: [hidden] if plural else hidden}
    deep = {"applicationName": "Shop", "environments": [{"messages": [view], **view}], **view}
    assert concealed(deep) == {
        "applicationName": "Shop",
        "environments": [{"messages": [expected], **expected}],
        **expected,
    }
