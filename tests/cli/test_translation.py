"""The translation of an existing service, as tables: settings, notes, and the text of the file."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from devops_cli.translation import written
from devops_cli.translation.facts import Described, Note, Region, Translation, with_task_set
from devops_cli.translation.translate import translate

GROUP = "arn:aws:elasticloadbalancing:eu-west-1:012345678901:targetgroup/web/0123456789abcdef"
ROLE = "arn:aws:iam::012345678901:role/web"


def container(name: str = "web", **members: Any) -> dict[str, Any]:
    found = {"name": name, "image": f"012345678901.dkr.ecr.eu-west-1.amazonaws.com/{name}:1"}
    return found | {"portMappings": [{"containerPort": 8080}]} | members


def sidecar(name: str = "agent", **members: Any) -> dict[str, Any]:
    return container(name, portMappings=[], essential=False) | members


def definition(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    size = {"cpu": "256", "memory": "512"}
    found = {"family": "web", "networkMode": "awsvpc", **size} | members
    return found | {"containerDefinitions": list(containers) or [container()]}


def translated(*containers: dict[str, Any], **members: Any) -> Translation:
    return translate(Described(definition(*containers, **members)), "Shop")


def served(**members: Any) -> Translation:
    """Return the translation of a service with other members of `Described`."""
    own = {
        "serviceName": "web",
        "desiredCount": 2,
        "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "web", "containerPort": 8080}],
    }
    own |= members.pop("service", {})
    return translate(Described(definition(), own, **members), "Shop")


def places(found: Translation) -> list[str]:
    return [each.place for each in found.notes]


def note(found: Translation, place: str) -> Note:
    (one,) = (each for each in found.notes if each.place == place)
    return one


@pytest.mark.parametrize(
    ("size", "expected", "is_exact"),
    [
        ({"cpu": "1024", "memory": "2048"}, (1024, 2048), True),
        ({"cpu": "1 vCPU", "memory": "3 GB"}, (1024, 3072), True),
        ({"cpu": ".5 vcpu", "memory": "1GB"}, (512, 1024), True),
        ({"cpu": "300", "memory": "600"}, (512, 1024), False),
        ({"cpu": "256", "memory": "4096"}, (512, 4096), False),
        ({"cpu": "32768", "memory": "65536"}, (16384, 122880), False),
    ],
)
def test_the_size_is_one_of_fargate(
    size: dict[str, str], expected: tuple[int, int], is_exact: bool
) -> None:
    found = translated(**size)
    service = found.document["service"]
    assert (service["cpu"], service["memory"]) == expected
    assert ("cpu, memory" not in places(found)) == is_exact
    if not is_exact:
        kind = "largest" if expected == (16384, 122880) else "next larger"
        assert note(found, "cpu, memory").reason.endswith(f"the file has the {kind} size")


def test_a_task_on_ec2_has_the_size_of_its_containers() -> None:
    found = translated(
        container(cpu=100, memory=300),
        sidecar(cpu=200, memoryReservation=300),
        cpu="x",
        memory=None,
    )
    service = found.document["service"]
    assert (service["cpu"], service["memory"]) == (512, 1024)
    assert "300 CPU units and 600 MiB" in note(found, "cpu, memory").reason


@pytest.mark.parametrize(
    ("containers", "chosen", "is_guess"),
    [
        ([container("a")], "a", False),
        ([sidecar("a"), container("b")], "b", False),
        ([container("a", portMappings=[]), container("b")], "b", False),
        ([container("a"), container("b")], "a", True),
        ([container("a", portMappings=[]), container("b", portMappings=[])], "a", True),
        ([sidecar("a"), sidecar("b")], "a", True),
        ([container("a", firelensConfiguration={"type": "fluentbit"}), container("b")], "b", False),
    ],
)
def test_the_application_is_the_most_likely_container(
    containers: list[dict[str, Any]], chosen: str, is_guess: bool
) -> None:
    found = translated(*containers)
    assert f"containerDefinitions.{chosen}.image" == found.notes[2].place
    assert (f"containerDefinitions.{chosen}" in places(found)) == is_guess


def test_a_sidecar_with_the_name_of_the_application_is_renamed() -> None:
    waits = container(dependsOn=[{"containerName": "app", "condition": "START"}])
    found = translated(waits, sidecar("app"))
    service = found.document["service"]
    assert [each["name"] for each in service["sidecars"]] == ["app-sidecar"]
    assert service["dependsOn"] == {"app-sidecar": "START"}
    assert note(found, "containerDefinitions.app").at == ("service", "sidecars", 0, "name")


def test_a_sidecar_does_not_wait_for_the_application() -> None:
    found = translated(
        container(), sidecar(dependsOn=[{"containerName": "web", "condition": "HEALTHY"}])
    )
    assert "dependsOn" not in found.document["service"]["sidecars"][0]
    assert "containerDefinitions.agent.dependsOn" in places(found)


@pytest.mark.parametrize(
    ("members", "source"),
    [
        ({"taskDefinitionArn": "arn:aws-cn:ecs:cn-north-1:012345678901:task-definition/web:1"},
         "arn:aws-cn:ssm:cn-north-1:012345678901:parameter/db"),
        ({"executionRoleArn": ROLE}, "db"),
        ({}, "db"),
    ],
)  # fmt: skip
def test_the_name_of_a_parameter_becomes_an_arn_in_the_region(
    members: dict[str, Any], source: str
) -> None:
    found = translated(container(secrets=[{"name": "DB", "valueFrom": "db"}]), **members)
    assert found.document["service"]["secrets"] == {"DB": source}
    assert ("service.secrets.DB" in places(found)) == (source == "db")


def test_the_region_can_be_that_of_the_logs() -> None:
    logging = {"logDriver": "awslogs", "options": {"awslogs-region": "eu-north-1"}}
    own = container(secrets=[{"name": "DB", "valueFrom": "/db"}], logConfiguration=logging)
    found = translated(own, executionRoleArn=ROLE)
    arn = "arn:aws:ssm:eu-north-1:012345678901:parameter/db"
    assert found.document["service"]["secrets"] == {"DB": arn}


def test_the_region_of_arns() -> None:
    assert Region.of("", "x", ROLE) == ("aws", "", "012345678901")
    assert Region.of(ROLE, GROUP) == ("aws", "eu-west-1", "012345678901")
    assert Region.of() == ("", "", "")


def test_variables_of_the_service_are_named_unless_they_are_equal() -> None:
    pairs = [{"name": "PORT", "value": "8080"}, {"name": "ENVIRONMENT", "value": "eu"}]
    found = translated(container(environment=[*pairs, {"name": "EMPTY"}]))
    assert found.document["service"]["environment"] == {"EMPTY": ""}
    variables = [each for each in places(found) if ".environment." in each]
    assert variables == ["containerDefinitions.web.environment.ENVIRONMENT"]


def test_a_member_that_is_not_known_is_named() -> None:
    found = translated(container(quantum=True), colour={"a": 1})
    assert note(found, "colour").value == {"a": 1}
    assert "does not know" in note(found, "containerDefinitions.web.quantum").reason


def test_defaults_of_ecs_need_no_note() -> None:
    empty: dict[str, Any] = {
        "volumesFrom": [],
        "privileged": False,
        "entryPoint": None,
        "user": "",
        "links": [],
    }
    assert places(translated(container(**empty), volumes=[])) == [
        "email", "tags.technicalTeam", "containerDefinitions.web.image", "targetGroup",
    ]  # fmt: skip


def test_further_ports_and_load_balancers_are_named() -> None:
    balanced = [
        {"targetGroupArn": GROUP, "containerName": "web", "containerPort": port}
        for port in (8080, 9090)
    ]
    found = served(service={"loadBalancers": balanced})
    assert found.document["service"]["containerPort"] == 8080
    assert "service.loadBalancers.1" in places(found)
    ports = [{"containerPort": 8080}, {"containerPort": 9090}, {"containerPortRange": "1-9"}]
    found = translated(container(portMappings=ports))
    assert "containerDefinitions.web.portMappings.1" in places(found)
    assert "containerDefinitions.web.portMappings.2.containerPortRange" in places(found)


def test_the_service_of_a_task_set_has_its_load_balancer() -> None:
    balanced = [{"targetGroupArn": GROUP, "containerName": "web", "containerPort": 9090}]
    sets = [
        {"status": "ACTIVE", "loadBalancers": []},
        {"status": "PRIMARY", "loadBalancers": balanced, "taskDefinition": "web:7"},
    ]
    service = {"taskDefinition": "", "taskSets": sets, "launchType": "FARGATE"}
    found = with_task_set(service)
    assert (found["taskDefinition"], found["loadBalancers"]) == ("web:7", balanced)
    own = with_task_set(service | {"taskDefinition": "web:8"})
    assert own["taskDefinition"] == "web:8"
    assert with_task_set({}) == {}


def test_another_container_than_that_of_the_load_balancer_is_named() -> None:
    balanced = [{"targetGroupArn": GROUP, "containerName": "agent", "containerPort": 80}]
    service = {"loadBalancers": balanced}
    described = Described(definition(container(), sidecar()), service)
    found = translate(described, "Shop", container="web")
    assert found.document["service"]["containerPort"] == 8080
    assert note(found, "service.loadBalancers").remedy.endswith("use --container agent")


def test_only_the_load_balancer_of_the_target_group_has_notes() -> None:
    balancers = [
        {"LoadBalancerArn": "one", "Scheme": "internet-facing"},
        {"LoadBalancerArn": "two", "Type": "network"},
    ]
    group = {"TargetGroupArn": GROUP, "HealthCheckPath": "/", "LoadBalancerArns": ["one"]}
    found = served(target_groups=[group], load_balancers=balancers)
    assert [each for each in places(found) if each.startswith("load")] == ["loadBalancer.Scheme"]


def test_parts_that_were_not_read_are_named_at_their_fields() -> None:
    reasons = {"health check": "no permission", "scaling": "no response", "load balancer": "denied"}
    found = served(unread=reasons)
    assert note(found, "loadBalancer").at == ("service",)
    assert note(found, "targetGroup").at == ("service", "healthCheckPath")
    assert note(found, "scaling").at == ("service", "desiredCount")
    assert {each.reason for each in found.notes} >= set(reasons.values())


TARGET = {"MinCapacity": 1, "MaxCapacity": 4}


def tracking(metric: str, value: float, **members: Any) -> dict[str, Any]:
    specification = {"PredefinedMetricSpecification": {"PredefinedMetricType": metric}}
    configuration = {"TargetValue": value, **specification, **members}
    return {"PolicyName": "p", "TargetTrackingScalingPolicyConfiguration": configuration}


@pytest.mark.parametrize(
    ("policies", "scaling", "named"),
    [
        (
            [tracking("ECSServiceAverageCPUUtilization", 60.0),
             tracking("ECSServiceAverageMemoryUtilization", 70.0),
             tracking("ALBRequestCountPerTarget", 500.0)],
            {"cpuPercent": 60, "memoryPercent": 70, "requestsPerTarget": 500},
            [],
        ),
        ([tracking("ECSServiceAverageCPUUtilization", 62.4)], {"cpuPercent": 62}, ["cpuPercent"]),
        (
            [tracking("ECSServiceAverageCPUUtilization", 50, DisableScaleIn=True)],
            {"cpuPercent": 50},
            ["scaling"],
        ),
        ([tracking("SomethingElse", 1)], {}, ["desiredCount"]),
        ([{"PolicyName": "p", "StepScalingPolicyConfiguration": {"Cooldown": 60}}], {},
         ["desiredCount"]),
        ([], {}, ["desiredCount"]),
    ],
)  # fmt: skip
def test_scaling_with_target_values_is_translated(
    policies: list[dict[str, Any]], scaling: dict[str, int], named: list[str]
) -> None:
    found = served(scalable_targets=[TARGET], scaling_policies=policies)
    service = found.document["service"]
    if scaling:
        assert service["scaling"] == {"min": 1, "max": 4, **scaling}
        assert "desiredCount" not in service
    else:
        assert service["desiredCount"] == 2
        assert "scaling" not in service
    fields = [each.at[-1] for each in found.notes if each.place.startswith("scal")]
    assert fields == named


def test_policies_that_were_not_read_are_not_missing() -> None:
    unread = {"scaling": "the permission is missing"}
    found = served(scalable_targets=[TARGET], unread=unread)
    assert note(found, "scaling").reason == unread["scaling"]
    assert "scalableTarget" not in places(found)
    other = served(scalable_targets=[TARGET], unread={"load balancer": "denied"})
    assert "scalableTarget" in places(other)


SCALED = {"clusterArn": "arn:aws:ecs:eu-west-1:012345678901:cluster/shop", "serviceName": "web"}
CPU = tracking("ECSServiceAverageCPUUtilization", 60)


def of(resource: str, values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "ResourceId": f"service/{resource}"}


@pytest.mark.parametrize(
    ("service", "resources", "is_found"),
    [
        (SCALED, ("shop/api", "shop/web"), True),
        (SCALED, ("other/web", "shop/web"), True),
        (SCALED, ("shop/api",), False),
        ({"cluster": "shop"}, ("other/web", "shop/web"), True),
        ({}, ("shop/api", "shop/web"), True),
        ({}, ("other/web", "shop/web"), False),
        ({"serviceName": ""}, ("shop/web",), True),
        ({"serviceName": ""}, ("shop/api", "shop/web"), False),
    ],
)
def test_only_the_scaling_of_the_service_is_translated(
    service: dict[str, Any], resources: tuple[str, ...], is_found: bool
) -> None:
    own, others = resources[-1], resources[:-1]
    targets = [of(each, TARGET | {"MinCapacity": 9, "MaxCapacity": 9}) for each in others]
    policies = [of(each, tracking("ECSServiceAverageMemoryUtilization", 5)) for each in others]
    found = served(
        service=service,
        scalable_targets=[*targets, of(own, TARGET)],
        scaling_policies=[*policies, of(own, CPU)],
    )
    document = found.document["service"]
    if is_found:
        assert document["scaling"] == {"min": 1, "max": 4, "cpuPercent": 60}
        assert "scaling" not in places(found)
    else:
        assert "scaling" not in document
        assert "describe-scalable-targets --service-namespace ecs" in note(found, "scaling").remedy


OTHER = GROUP.replace("web", "api")


@pytest.mark.parametrize(
    ("arn", "groups", "path"),
    [
        (GROUP, (OTHER, GROUP), f"/{GROUP}"),
        (GROUP, (OTHER,), None),
        (GROUP, (OTHER, OTHER), None),
        (None, (OTHER,), f"/{OTHER}"),
        (None, (OTHER, GROUP), None),
    ],
)
def test_only_the_health_check_of_the_service_is_translated(
    arn: str | None, groups: tuple[str, ...], path: str | None
) -> None:
    balanced = [{"targetGroupArn": arn, "containerName": "web", "containerPort": 80}]
    found = served(
        service={"loadBalancers": balanced if arn else []},
        target_groups=[{"TargetGroupArn": each, "HealthCheckPath": f"/{each}"} for each in groups],
        load_balancers=[{"Type": "network"}, {"Type": "network"}],
    )
    assert found.document["service"]["healthCheckPath"] == path or path is None
    assert ("targetGroup" in places(found)) == (path is None)
    if path is None:
        assert "target group of the service is not known" in note(found, "targetGroup").reason
    assert "loadBalancer.Type" not in places(found)


def test_a_slow_start_has_a_longer_rollout() -> None:
    usual = served(service={"healthCheckGracePeriodSeconds": 1799})
    assert "rolloutMinutes" not in usual.document["service"]
    slow = served(service={"healthCheckGracePeriodSeconds": 1800})
    service = slow.document["service"]
    assert (service["startSeconds"], service["rolloutMinutes"]) == (1800, 60)
    assert "service.healthCheckGracePeriodSeconds" in places(slow)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("DB", "db.prod.example.com", "move it to overrides.prod"),
        ("LEVEL", "staging", "move it to overrides.stage"),
        ("DB_PASSWORD", "x", "store the value in Secrets Manager"),
        ("PRODUCT", "developer", ""),
        ("TOKEN", "", ""),
    ],
)
def test_values_of_one_environment_and_secrets_are_named(
    name: str, value: str, remedy: str
) -> None:
    pairs = [{"name": name, "value": value}]
    for containers in ([container(environment=pairs)], [container(), sidecar(environment=pairs)]):
        found = translated(*containers)
        hints = [each.remedy for each in found.notes if each.at[-1:] == (name,)]
        assert [each.partition(",")[0] for each in hints] == ([remedy] if remedy else [])


CLEAR = "x1y2"


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ({"logConfiguration": {"logDriver": "awsfirelens", "options": {"apikey": CLEAR}}},
         "service.logs.options.apikey"),
        ({"environment": [{"name": "DD-API-KEY", "value": "x1y2"}]},
         "service.environment.DD-API-KEY"),
    ],
)  # fmt: skip
def test_options_of_logs_are_checked_as_variables(member: dict[str, Any], field: str) -> None:
    found = translated(container(**member))
    remedies = [each.remedy for each in found.notes if each.place == field]
    assert any(each.startswith("store the value in Secrets Manager") for each in remedies)


def test_options_of_a_log_router_are_checked_as_variables() -> None:
    router = {"type": "fluentbit", "options": {"auth-token": "x1y2", "host": "logs.prod.example"}}
    found = translated(container(), sidecar(firelensConfiguration=router))
    place = "service.sidecars.0.logRouter.options"
    assert any("Secrets Manager" in each.remedy for each in found.notes
               if each.place == f"{place}.auth-token")  # fmt: skip
    assert any("overrides.prod" in each.remedy for each in found.notes
               if each.place == f"{place}.host")  # fmt: skip


@pytest.mark.parametrize(
    "members",
    [
        {"dockerLabels": {"com.example.token": "x1y2", "colour": "red"}},
        {"logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "x1y2"}}},
        {"entryPoint": ["serve", "--password=x1y2"]},
        {"environmentFiles": [{"name": "API_KEY", "value": "x1y2"}]},
        {"logConfiguration": {"logDriver": "awslogs", "options": {"auth-token": "x1y2"}}},
    ],
    ids=["label", "driver", "command", "pair", "option"],
)
def test_a_comment_does_not_repeat_a_secret(members: dict[str, Any]) -> None:
    found = translated(container(**members))
    assert any("x1y2" in str(each.value) for each in found.notes)
    content, _ = written.text(found, [])
    assert "x1y2" not in content
    assert "***" in content


def test_the_name_of_a_container_hides_no_value() -> None:
    content, _ = written.text(translated(container("token-service", user="1000")), [])
    assert 'token-service.user = "1000"' in content


def test_tags_of_aws_are_not_tags_of_the_application() -> None:
    tags = [
        {"key": "aws:x", "value": "1"}, {"key": "devops:x", "value": "1"},
        {"key": "cost", "value": "42"}, {"key": "empty", "value": ""},
    ]  # fmt: skip
    found = translate(Described(definition(), tags=tags), "Shop", team="core", email="a@b.cd")
    assert found.document["tags"] == {"cost": "42", "technicalTeam": "core"}
    assert found.document["email"] == "a@b.cd"
    assert "tags.empty" in places(found)
    assert not {"email", "tags.technicalTeam"} & set(places(found))


def test_a_name_that_is_not_valid_is_not_written() -> None:
    found = translate(Described(definition(family="web_site")))
    assert "applicationName" not in found.document
    assert note(found, "applicationName").value == "web_site"


def test_sidecars_leave_a_part_for_the_application() -> None:
    found = translated(container(), sidecar(cpu=128), sidecar("b", cpu=128))
    assert note(found, "cpu, memory").at == ("service", "sidecars")


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"healthCheck": {"command": ["curl", "x"]}}, "healthCheck.command"),
        ({"healthCheck": {"command": ["CMD", "x"], "interval": 1}}, "healthCheck.intervalSeconds"),
        ({"image": "redis:8"}, "image"),
        ({"image": "999999999999.dkr.ecr.eu-west-1.amazonaws.com/a:1"}, "image"),
        ({"image": "012345678901.dkr.ecr.eu-north-1.amazonaws.com/a:1"}, "image"),
        ({"name": "a.b"}, "name"),
        ({"firelensConfiguration": {"type": "fluentbit", "options": {"config-file-type": "s3"}}},
         "logRouter.options.config-file-type"),
        ({"firelensConfiguration": {"type": "fluentbit", "options": {"x": "1"}}},
         "logRouter.options.x"),
    ],
)  # fmt: skip
def test_values_that_the_service_refuses_are_marked(members: dict[str, Any], field: str) -> None:
    found = translated(container(), sidecar(**members), taskDefinitionArn=GROUP)
    marks = {".".join(map(str, each.at)) for each in found.notes}
    assert f"service.sidecars.0.{field}" in marks


def test_too_many_sidecars_are_marked() -> None:
    found = translated(container(), *(sidecar(f"s{n}") for n in range(10)))
    assert ("service", "sidecars") in {each.at for each in found.notes}


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_value_ends_its_comment(value: str) -> None:
    own = container(user=value, environment=[{"name": "A", "value": value}])
    found = translated(own, sidecar(entryPoint=[value]))
    before = copy.deepcopy(found.document)
    content, lines = written.text(found, ["head"])
    assert yaml.safe_load(content) == before
    shown = content.splitlines()
    assert all(shown[line - 1].lstrip().startswith("# ") for line in lines)


def test_a_long_value_is_cut_off() -> None:
    content, _ = written.text(translated(container(dockerLabels={"a": "x" * 1000})), [])
    assert "x" * 301 not in content
    assert "…:" in content


def test_a_note_of_a_missing_field_is_at_its_object() -> None:
    found = served(service={"desiredCount": 2}, scalable_targets=[TARGET])
    del found.document["service"]["desiredCount"]
    content, lines = written.text(found, [])
    (number,) = (n for n, each in enumerate(found.notes) if each.place == "scalableTarget")
    shown = content.splitlines()
    assert shown[lines[number] - 1].startswith("  # scalableTarget: ")


def test_a_name_of_a_variable_that_is_not_valid_is_marked() -> None:
    found = translated(container(environment=[{"name": "1 A", "value": "x"}]))
    assert ("service", "environment", "1 A") in {each.at for each in found.notes}
