"""The laptop cloud checks each action that the roles of the functions allow."""

from __future__ import annotations

from typing import Any

from tests.infra.conftest import Packaged
from tests.lab.templates import of_type
from tools.laptop.permissions import ACTIONS, ADDITIONAL_ACTIONS

# The emulator itself checks these services as AWS does; Lambda writes the output of the functions
# to logs.
_BY_THE_EMULATOR = {"dynamodb", "s3", "ecr", "logs", "secretsmanager", "ssm"}


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_every_action_of_the_functions_is_judged_on_the_laptop(packaged: Packaged) -> None:
    allowed = {
        action
        for role in of_type(packaged.template, "AWS::IAM::Role").values()
        if "lambda.amazonaws.com" in str(role["AssumeRolePolicyDocument"])
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }
    assert "ecs:UpdateService" in allowed
    others = {each for each in allowed if each.partition(":")[0] not in _BY_THE_EMULATOR}
    assert others <= ACTIONS | ADDITIONAL_ACTIONS, others - ACTIONS - ADDITIONAL_ACTIONS
