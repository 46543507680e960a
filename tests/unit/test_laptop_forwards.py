"""The forward actions of the laptop cloud's load balancers."""

from __future__ import annotations

from typing import Any

import pytest

from tools.laptop.forwards import forward_groups, receiving_group, refused_action, target_groups


def forward(*weights: int | None, **further: Any) -> dict[str, Any]:
    groups = [
        {"TargetGroupArn": f"group/{number}"} | ({} if weight is None else {"Weight": weight})
        for number, weight in enumerate(weights)
    ]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}, **further}


def oidc(issuer: str = "https://login.example.com", **further: Any) -> dict[str, Any]:
    config = {"Issuer": issuer, **further}
    return {"Type": "authenticate-oidc", "AuthenticateOidcConfig": config}


PLAIN = {"Type": "forward", "TargetGroupArn": "group/0"}
KNOWN = oidc(ClientSecret="s")
ACTIONS: list[tuple[str, dict[str, Any], str | None]] = [
    ("one group", PLAIN, None),
    ("weights", forward(100, 0), None),
    ("no weights", forward(None, None), None),
    ("the same group twice", forward(100, TargetGroupArn="group/0"), None),
    ("a group beside several", forward(100, 0, TargetGroupArn="group/0"), "If you specify both"),
    ("another group beside one", forward(100, TargetGroupArn="other"), "If you specify both"),
    ("no group", {"Type": "forward"}, "A target group ARN must be specified"),
    ("five groups", forward(1, 1, 1, 1, 1), None),
    ("six groups", forward(1, 1, 1, 1, 1, 1), "An action can have at most 5 target groups"),
    ("the largest weight", forward(999), None),
    ("a weight that is too large", forward(1000), "The weight of a target group must be between"),
    ("a redirect", {"Type": "redirect"}, None),
    ("a new secret", oidc("https://other.example.com", ClientSecret="n"), None),
    ("the present secret", oidc(UseExistingClientSecret=True), None),
    ("both secrets", oidc(ClientSecret="s", UseExistingClientSecret=True),
     "You cannot both specify a client secret"),
    ("no secret", oidc(), "You must either specify a client secret"),
    ("the secret of another issuer",
     oidc("https://other.example.com", UseExistingClientSecret=True),
     "You must either specify a client secret"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "problem"), [case[1:] for case in ACTIONS], ids=[case[0] for case in ACTIONS]
)
def test_an_action_is_accepted_or_refused_as_by_elb(
    action: dict[str, Any], problem: str | None
) -> None:
    found = refused_action(action, [KNOWN])
    assert found == problem or (found or "").startswith(problem or "an accepted action")


def test_the_groups_of_actions_include_those_with_weight_0() -> None:
    assert target_groups([KNOWN, forward(0, 100)]) == {"group/0", "group/1"}
    assert target_groups([PLAIN, {"Type": "redirect"}]) == {"group/0"}
    assert forward_groups({"Type": "redirect", "TargetGroupArn": "x"}) == []


def test_the_receiving_group_has_a_weight_above_0() -> None:
    assert receiving_group([KNOWN, forward(0, 100)]) == "group/1"
    assert receiving_group([forward(None)]) == "group/0"
    with pytest.raises(ValueError, match="too many"):
        receiving_group([forward(1, 1)])
