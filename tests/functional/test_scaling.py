"""Scaling: scalable targets through rollouts, promotes, swaps and deletes."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.errors import RefusedError
from devops_core.model.scaling import SCALE_IN_EVALUATION
from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.scaling import FakeTarget

CPU = {"min": 2, "max": 5, "cpuPercent": 60}
REQUESTS = {"min": 1, "max": 4, "requestsPerTarget": 100}
IN_DEV: dict[str, Any] = {"overrides": {"dev": {"scaling": CPU}}}
IN_PROD: dict[str, Any] = {"overrides": {"prod": {"scaling": CPU}}}


def drift_of(cloud: FakeCloud, environment: Environment) -> str | None:
    return cloud.tables.inventory_of("Shop").rows[environment].drift


def target(cloud: FakeCloud, service: str = "dev") -> FakeTarget:
    return cloud.scaling.targets_["Shop", service]


def limits(cloud: FakeCloud, service: str = "dev") -> tuple[int, int]:
    found = target(cloud, service).limits
    return found.minimum, found.maximum


def desired(cloud: FakeCloud, service: str = "dev") -> int:
    return cloud.containers.service("Shop", service).desired


def test_an_update_registers_a_target_with_its_policies(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.patch(IN_DEV))
    assert limits(promoted) == (2, 5)
    assert target(promoted).policies == {"cpuPercent": 60}
    assert desired(promoted) == 2
    assert promoted.scaling.targets_.keys() == {("Shop", "dev")}


def test_requests_need_the_label_of_the_load_balancer(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.patch({"overrides": {"dev": {"scaling": REQUESTS}}}))
    label = target(promoted).label
    assert label
    assert "/targetgroup/Shop-dev/" in label
    assert "loadbalancer" not in label


def test_another_scaling_replaces_the_policies(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.patch(IN_DEV))
    api.ended(api.patch({"overrides": {"dev": {"scaling": REQUESTS | {"cpuPercent": None}}}}))
    assert limits(promoted) == (1, 4)
    assert target(promoted).policies == {"requestsPerTarget": 100}


def test_a_deploy_sends_no_count_and_keeps_the_scaled_tasks(
    promoted: FakeCloud, api: Client
) -> None:
    api.ended(api.patch(IN_DEV))
    assert promoted.scaling.follow_load("Shop", "dev", 4) == 4
    before = len(promoted.wire.journal)
    api.ended(api.deploy("1.1", "dev"))
    updates = [call for call in promoted.wire.journal[before:] if call.name == "containers.update"]
    assert [call.args[3] for call in updates] == [None]
    assert desired(promoted) == 4


def test_a_task_count_instead_removes_the_target_and_sets_the_count(
    promoted: FakeCloud, api: Client
) -> None:
    api.ended(api.patch(IN_DEV))
    promoted.scaling.follow_load("Shop", "dev", 5)
    api.ended(api.patch({"overrides": {"dev": {"scaling": None, "desiredCount": 3}}}))
    assert promoted.scaling.targets_ == {}
    assert desired(promoted) == 3
    service = promoted.tables.inventory_of("Shop").service(Environment.DEV)
    assert service
    assert (service.scaling, service.desired_count) == (None, 3)


def test_a_removed_scaling_keeps_the_tasks(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.patch(IN_DEV))
    promoted.scaling.follow_load("Shop", "dev", 4)
    api.ended(api.patch({"overrides": None}))
    assert promoted.scaling.targets_ == {}
    assert desired(promoted) == 4


def test_an_override_with_a_count_replaces_the_scaling_of_the_service(
    promoted: FakeCloud, api: Client
) -> None:
    document = {"service": {"scaling": CPU}, "overrides": {"qa": {"desiredCount": 1}}}
    api.ended(api.patch(document))
    services = {service for _, service in promoted.scaling.targets_}
    assert services == {"dev", "stage", "training", "prod-1", "prod-2"}
    assert desired(promoted, "qa") == 1


def test_a_create_with_scaling_starts_with_its_minimum(cloud: FakeCloud, api: Client) -> None:
    api.ended(api.create(service={"scaling": REQUESTS | {"min": 3}}))
    assert {service for _, service in cloud.scaling.targets_} == {"dev", "prod-1", "prod-2"}
    assert {desired(cloud, name) for name in ("dev", "prod-1", "prod-2")} == {3}


def test_production_receives_only_a_scaling_at_once(promoted: FakeCloud, api: Client) -> None:
    reply = api.ended(api.patch(IN_PROD))
    assert {part["environment"] for part in reply.operation["environments"]} == {
        "PROD-GREEN", "PROD-BLUE",
    }  # fmt: skip
    assert limits(promoted, "prod-1") == limits(promoted, "prod-2") == (2, 5)
    assert (desired(promoted, "prod-1"), desired(promoted, "prod-2")) == (2, 2)


def test_production_receives_scaling_with_other_settings_by_a_promote(
    promoted: FakeCloud, api: Client
) -> None:
    reply = api.ended(api.patch({"overrides": {"prod": {"scaling": CPU, "startSeconds": 90}}}))
    assert ("Shop", "prod-1") not in promoted.scaling.targets_
    assert "scaling" in reply.operation["pending"]
    api.ended(api.promote())
    assert ("Shop", "prod-1") not in promoted.scaling.targets_
    assert limits(promoted, "prod-2") == (2, 5)


def test_a_swap_gives_the_next_live_slot_the_tasks_of_the_live_one(
    scaled: FakeCloud, api: Client
) -> None:
    scaled.scaling.follow_load("Shop", "prod-2", 5)
    assert desired(scaled, "prod-1") == 2
    api.ended(api.swap())
    assert scaled.live("Shop") == "prod-1"
    assert desired(scaled, "prod-1") == 5
    # The alarms of the slot have not seen its customers yet.
    assert scaled.scaling.follow_load("Shop", "prod-1", 1) == 5


def test_the_minimum_ends_after_the_swap(scaled: FakeCloud, api: Client) -> None:
    scaled.scaling.follow_load("Shop", "prod-2", 5)
    api.ended(api.swap())
    scaled.clock.pass_(minutes=15 + SCALE_IN_EVALUATION.seconds // 60 + 1)
    assert scaled.scaling.follow_load("Shop", "prod-1", 3) == 3
    assert limits(scaled, "prod-1") == (2, 5)


def test_the_idle_slot_keeps_its_tasks_until_the_next_promote(
    scaled: FakeCloud, api: Client
) -> None:
    scaled.scaling.follow_load("Shop", "prod-2", 5)
    api.ended(api.swap())
    scaled.clock.pass_(hours=1)
    assert scaled.scaling.follow_load("Shop", "prod-2", 0) == 5
    # A swap back finds all tasks.
    api.ended(api.swap())
    assert target(scaled, "prod-2").limits.scales_in
    assert not target(scaled, "prod-1").limits.scales_in
    api.ended(api.promote(environment="dev"))
    assert target(scaled, "prod-1").limits.scales_in


def test_a_larger_live_slot_than_the_maximum_raises_it_for_a_while(
    scaled: FakeCloud, api: Client
) -> None:
    scaled.containers.service("Shop", "prod-2").desired = 7
    api.ended(api.swap())
    assert limits(scaled, "prod-1") == (7, 7)
    assert desired(scaled, "prod-1") == 7


def test_a_failed_swap_restores_the_minimum(scaled: FakeCloud, api: Client) -> None:
    scaled.scaling.follow_load("Shop", "prod-2", 5)
    scaled.containers.service("Shop", "prod-1").sick = True
    reply = api.swap()
    assert reply.status == 409
    scaled.containers.service("Shop", "prod-1").sick = False
    scaled.containers.automatic = False
    reply = api.swap()
    assert reply.status == 202
    assert limits(scaled, "prod-1") == (5, 5)
    api.abort(reply.id)
    scaled.containers.automatic = True
    api.settle()
    assert limits(scaled, "prod-1") == (2, 5)


def test_a_swap_of_a_target_that_was_removed_by_hand_succeeds(
    scaled: FakeCloud, api: Client
) -> None:
    del scaled.scaling.targets_["Shop", "prod-1"]
    scaled.containers.service("Shop", "prod-2").desired = 4
    api.ended(api.swap())
    assert desired(scaled, "prod-1") == 4
    scaled.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    assert "no scalable target" in (drift_of(scaled, Environment.PROD_GREEN) or "")


def test_a_delete_removes_the_targets_after_the_services(scaled: FakeCloud, api: Client) -> None:
    api.ended(api.patch(IN_DEV))
    before = len(scaled.wire.journal)
    api.ended(api.delete())
    assert scaled.scaling.targets_ == {}
    names = scaled.wire.names(before)
    assert names.index("stacks.delete") < names.index("scaling.remove")


def test_the_undo_of_a_create_removes_the_targets(cloud: FakeCloud, api: Client) -> None:
    cloud.wire.fail("scaling.apply", RefusedError("quota"), times=1)
    reply = api.ended(api.create(service={"scaling": CPU}), "FAILED")
    assert "quota" in str(reply.operation["reasons"])
    (operation,) = cloud.tables.operations.values()
    assert not any(part.unrestored or part.completed for part in operation.progress)
    assert cloud.scaling.targets_ == {}
    assert not cloud.tables.inventory_of("Shop").rows


def test_a_removed_environment_leaves_no_target(promoted: FakeCloud, api: Client) -> None:
    api.ended(api.patch({"overrides": {"qa": {"scaling": CPU}}}))
    document = {"environments": {"nonProd": ["dev", "stage"]}, "overrides": None}
    api.ended(api.patch(document, remove="qa"))
    assert promoted.scaling.targets_ == {}


def test_an_added_environment_gets_its_scaling(promoted: FakeCloud, api: Client) -> None:
    document = {"environments": {"da": True}, "overrides": {"da": {"scaling": CPU}}}
    api.ended(api.patch(document))
    assert limits(promoted, "da") == (2, 5)


def test_an_added_environment_without_its_scaling_has_its_settings(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.wire.fail("scaling.apply", RefusedError("the quota is used up"), times=1)
    settings = {"scaling": CPU, "environment": {"A": "b"}}
    document = {"environments": {"da": True}, "overrides": {"da": settings}}
    api.ended(api.patch(document), "FAILED")
    running = promoted.containers.running("Shop", "da")
    assert running.variables["A"] == "b"
    service = promoted.tables.inventory_of("Shop").service(Environment.DA)
    assert service
    assert (service.task_definition, service.spec, service.scaling_known) == (running.arn, 2, False)
    # The same document needs only the scaling.
    api.ended(api.patch(document))
    assert promoted.containers.running("Shop", "da") is running
    assert limits(promoted, "da") == (2, 5)


def test_dry_runs_show_the_scaling(promoted: FakeCloud, api: Client, dry: DryClient) -> None:
    plan = dry.patch(IN_DEV).body["plan"]
    (dev,) = plan["environments"]
    assert {"field": "scaling", "new": CPU} in dev["changes"]
    api.ended(api.patch(IN_DEV))
    plan = dry.patch({"overrides": {"dev": {"scaling": {"max": 6}}}}).body["plan"]
    (dev,) = plan["environments"]
    assert dev["changes"] == [{"field": "scaling.max", "old": 5, "new": 6}]
    assert promoted.scaling.targets_.keys() == {("Shop", "dev")}


@pytest.mark.usefixtures("promoted")
def test_the_specification_shows_the_scaling(api: Client) -> None:
    api.ended(api.patch(IN_DEV))
    environments = api.specification().body["environments"]
    settings = {each["environment"]: each["settings"] for each in environments}
    assert settings["DEV"]["scaling"] == CPU
    assert "scaling" not in settings["QA"]


def test_drift_of_a_target_is_found_and_ended_by_the_same_document(
    promoted: FakeCloud, api: Client
) -> None:
    api.ended(api.patch(IN_PROD))
    del promoted.scaling.targets_["Shop", "prod-1"]
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    assert "no scalable target" in (drift_of(promoted, Environment.PROD_GREEN) or "")
    api.ended(api.patch(IN_PROD))
    assert limits(promoted, "prod-1") == (2, 5)
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    assert drift_of(promoted, Environment.PROD_GREEN) is None


def test_a_swap_back_from_a_broken_release_keeps_the_tasks(scaled: FakeCloud, api: Client) -> None:
    scaled.scaling.follow_load("Shop", "prod-2", 5)
    api.ended(api.swap())
    # The new release loses its tasks; the slot with the previous one still has five.
    live = scaled.containers.service("Shop", "prod-1")
    target(scaled, "prod-1").limits = target(scaled, "prod-1").limits._replace(minimum=2)
    live.desired = live.running = 2
    api.ended(api.swap())
    assert scaled.live("Shop") == "prod-2"
    assert scaled.scaling.follow_load("Shop", "prod-2", 1) == 5


def test_another_scaling_of_the_live_slot_keeps_its_tasks_for_a_while(
    scaled: FakeCloud, api: Client
) -> None:
    scaled.scaling.follow_load("Shop", "prod-2", 5)
    api.ended(api.swap())
    api.ended(api.patch({"overrides": {"prod": {"scaling": {"max": 8}}}}))
    assert limits(scaled, "prod-1") == (5, 8)
    assert scaled.scaling.follow_load("Shop", "prod-1", 1) == 5
    scaled.clock.pass_(hours=1)
    assert scaled.scaling.follow_load("Shop", "prod-1", 1) == 2


def test_a_scaling_of_production_does_not_wait_for_an_unhealthy_slot(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.containers.automatic = False
    idle = promoted.containers.service("Shop", "prod-2")
    idle.desired, idle.running = 3, 0
    reply = api.patch(IN_PROD)
    assert reply.operation["status"] == "SUCCEEDED"
    assert limits(promoted, "prod-2") == (2, 5)
    promoted.containers.automatic = True


def test_drift_of_a_target_follows_its_slot_through_a_swap(scaled: FakeCloud, api: Client) -> None:
    del scaled.scaling.targets_["Shop", "prod-1"]
    scaled.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    assert "no scalable target" in (drift_of(scaled, Environment.PROD_BLUE) or "")
    api.ended(api.swap())
    scaled.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    assert "no scalable target" in (drift_of(scaled, Environment.PROD_GREEN) or "")
    assert drift_of(scaled, Environment.PROD_BLUE) is None
    api.ended(api.patch({}))
    assert limits(scaled, "prod-1") == (2, 5)
