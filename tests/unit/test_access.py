"""Who may change what: teams, admins, production approvers."""

from __future__ import annotations

import json

import pytest

from devops_core.access import AccessPolicy, principal

IAM = "arn:aws:iam::123456789012"
STS = "arn:aws:sts::123456789012"
PAYMENTS = f"{STS}:assumed-role/payments-ci/build-17"
SEARCH = f"{STS}:assumed-role/search-ci/build-4"
ADMIN = f"{IAM}:user/root-of-all"
APPROVER = f"{STS}:assumed-role/release/alice"
POLICY = AccessPolicy(
    teams={
        "payments": (f"{IAM}:role/payments-*", f"{IAM}:user/paul"),
        "search": (f"{IAM}:role/search-ci",),
        "empty": (),
    },
    admins=(ADMIN,),
    production_approvers=(f"{IAM}:role/release",),
)
PAYMENTS_OR_ADMINS = "the team payments or admins"


@pytest.mark.parametrize(
    ("caller", "stands_for"),
    [
        (f"{IAM}:user/alice", f"{IAM}:user/alice"),
        (f"{IAM}:user/division/alice", f"{IAM}:user/division/alice"),
        (f"{IAM}:root", f"{IAM}:root"),
        (PAYMENTS, f"{IAM}:role/payments-ci"),
        (f"{STS}:assumed-role/payments-ci/a/b/c", f"{IAM}:role/payments-ci"),
        (f"{STS}:assumed-role/payments-ci/a@b.example+c=d,e", f"{IAM}:role/payments-ci"),
        (f"{STS}:assumed-role/x/y:role/admin", f"{IAM}:role/x"),
        (f"{STS}:assumed-role/payments-ci", f"{STS}:assumed-role/payments-ci"),
        (f"{STS}:assumed-role/payments-ci/", f"{STS}:assumed-role/payments-ci/"),
        (f"{STS}:federated-user/bob", f"{STS}:federated-user/bob"),
        ("arn:aws-cn:sts::123456789012:assumed-role/r/s", "arn:aws-cn:iam::123456789012:role/r"),
        ("arn:aws-us-gov:sts::123456789012:assumed-role/r/s",
         "arn:aws-us-gov:iam::123456789012:role/r"),
        ("a1b2c3d4e5", "a1b2c3d4e5"),
        ("address 192.0.2.7", None),
        ("address 2001:db8::1", None),
        ("address None", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_caller_stands_for(caller: str, stands_for: str | None) -> None:
    assert principal(caller) == stands_for


def may(pattern: str, caller: str) -> bool:
    return AccessPolicy(teams={"t": (pattern,)}).missing_lists(caller, "t", production=False) == ()


@pytest.mark.parametrize(
    ("pattern", "caller"),
    [
        (f"{IAM}:user/paul", f"{IAM}:user/paul"),
        (f"{IAM}:user/pa*", f"{IAM}:user/pa"),
        (f"{IAM}:user/*", f"{IAM}:user/paul"),
        (f"{IAM}:user/division/*", f"{IAM}:user/division/paul"),
        (f"{IAM}:role/payments-*", PAYMENTS),
        (f"{IAM}:role/*-ci", PAYMENTS),
        (f"{IAM}:role/p*s-*", PAYMENTS),
        (f"{IAM}:role/payments-ci", f"{STS}:assumed-role/payments-ci/any/session"),
        (f"{IAM}:role/a+b=c,d.e@f", f"{STS}:assumed-role/a+b=c,d.e@f/s"),
        ("arn:aws-cn:iam::123456789012:role/r*", "arn:aws-cn:sts::123456789012:assumed-role/r/s"),
        ("a1b2c3d4e5", "a1b2c3d4e5"),
        (f"{IAM}:root", f"{IAM}:root"),
    ],
)
def test_a_pattern_matches(pattern: str, caller: str) -> None:
    assert may(pattern, caller)


@pytest.mark.parametrize(
    ("pattern", "caller"),
    [
        # Neither more than the whole nor less.
        (f"{IAM}:user/paul", f"{IAM}:user/paula"),
        (f"{IAM}:user/paul", f"{IAM}:user/xpaul"),
        (f"{IAM}:user/paul", f"{IAM}:user/Paul"),
        (f"{IAM}:user/paul", f"x{IAM}:user/paul"),
        # A user and a role of the same name, another account, another partition.
        (f"{IAM}:user/payments-ci", PAYMENTS),
        (f"{IAM}:role/paul", f"{IAM}:user/paul"),
        ("arn:aws:iam::999999999999:role/payments-ci", PAYMENTS),
        ("arn:aws-cn:iam::123456789012:role/payments-ci", PAYMENTS),
        # The star stays where it is: in its part, on its side of a slash.
        (f"{IAM}:user/*", f"{IAM}:user/division/paul"),
        (f"{IAM}:*", f"{IAM}:user/paul"),
        ("*", f"{IAM}:user/paul"),
        ("arn:*", f"{IAM}:user/paul"),
        ("arn:aws:iam::123*/paul", f"{IAM}:user/paul"),
        (f"{IAM}:role/*", f"{IAM}:user/paul"),
        (f"{IAM}:role/payments-*", f"{STS}:assumed-role/search-ci/payments-ci"),
        (f"{IAM}:role/*", f"{STS}:federated-user/bob"),
        # Only the star means something else than itself.
        (f"{IAM}:user/p.ul", f"{IAM}:user/paul"),
        (f"{IAM}:user/pau?", f"{IAM}:user/paul"),
        (f"{IAM}:user/[p]aul", f"{IAM}:user/paul"),
        (f"{IAM}:user/paul|x", f"{IAM}:user/paul"),
        # A session does not count, and a role has no path.
        (PAYMENTS, PAYMENTS),
        (f"{IAM}:role/team/payments-ci", PAYMENTS),
        # An address does not identify a caller.
        ("*", "address 192.0.2.7"),
        ("address *", "address 192.0.2.7"),
        ("a1b2c3d4e5", "a1b2c3d4e6"),
        (f"{IAM}:user/paul", f"{IAM}:user/paul\n"),
    ],
)  # fmt: skip
def test_a_pattern_does_not_match(pattern: str, caller: str) -> None:
    assert not may(pattern, caller)


@pytest.mark.parametrize(
    ("caller", "team", "production", "missing"),
    [
        (PAYMENTS, "payments", False, ()),
        (f"{IAM}:user/paul", "payments", False, ()),
        (SEARCH, "payments", False, (PAYMENTS_OR_ADMINS,)),
        (ADMIN, "payments", False, ()),
        (ADMIN, "search", False, ()),
        # A team without callers, and one that is not set up, are for admins.
        (ADMIN, "empty", False, ()),
        (PAYMENTS, "empty", False, ("the team empty or admins",)),
        (ADMIN, "nobodys", False, ()),
        (PAYMENTS, "nobodys", False, ("admins (there is no team nobodys)",)),
        (PAYMENTS, "Payments", False, ("admins (there is no team Payments)",)),
        (PAYMENTS, None, False, ("admins",)),
        (ADMIN, None, False, ()),
        # Production also needs an approver, from any team; an approver alone is not enough.
        (PAYMENTS, "payments", True, ("productionapprovers",)),
        (ADMIN, "payments", True, ("productionapprovers",)),
        (APPROVER, "payments", True, (PAYMENTS_OR_ADMINS,)),
        (APPROVER, "payments", False, (PAYMENTS_OR_ADMINS,)),
        (SEARCH, "payments", True, (PAYMENTS_OR_ADMINS, "productionapprovers")),
        ("address 192.0.2.7", "payments", True, (PAYMENTS_OR_ADMINS, "productionapprovers")),
    ],
)  # fmt: skip
def test_the_lists_that_a_caller_is_missing_from(
    caller: str, team: str | None, production: bool, missing: tuple[str, ...]
) -> None:
    assert POLICY.missing_lists(caller, team, production=production) == missing


def test_who_is_in_both_lists_may_change_production() -> None:
    policy = AccessPolicy(
        teams={"payments": (f"{IAM}:role/payments-*",)},
        production_approvers=(f"{IAM}:role/payments-lead",),
    )
    lead = f"{STS}:assumed-role/payments-lead/x"
    assert policy.missing_lists(lead, "payments", production=True) == ()


@pytest.mark.parametrize("production", [False, True])
def test_without_lists_nobody_is_refused(production: bool) -> None:
    for policy in (AccessPolicy(), AccessPolicy(admins=(ADMIN,))):
        assert policy.missing_lists("address 192.0.2.7", "payments", production=production) == ()
        assert not policy.refuses


def test_each_list_refuses_without_the_other() -> None:
    teams = AccessPolicy(teams={"payments": ()})
    assert teams.refuses
    assert teams.missing_lists(SEARCH, "payments", production=True) == (PAYMENTS_OR_ADMINS,)
    approvers = AccessPolicy(production_approvers=(APPROVER,))
    assert approvers.refuses
    assert approvers.missing_lists(SEARCH, "payments", production=False) == ()
    assert approvers.missing_lists(SEARCH, "payments", production=True) == ("productionapprovers",)


def test_reads_all_of_a_policy() -> None:
    text = json.dumps(
        {
            "teams": {team: list(patterns) for team, patterns in POLICY.teams.items()},
            "admins": list(POLICY.admins),
            "productionApprovers": list(POLICY.production_approvers),
        }
    )
    assert AccessPolicy.parse(text) == POLICY


@pytest.mark.parametrize("text", ["", " \n", "{}", '{"teams": {}, "admins": []}'])
def test_nothing_refuses_nobody(text: str) -> None:
    assert AccessPolicy.parse(text) == AccessPolicy()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("nonsense", "is not JSON"),
        ("[]", "must be an object"),
        ("null", "must be an object"),
        ('"teams"', "must be an object"),
        ('{"teams": {}, "productionapprovers": ["a"]}', "must be an object with teams, secretPref"),
        ('{"teams": ["a"]}', "teams must map the name of each team to a list"),
        ('{"teams": null}', "teams must map"),
        ('{"teams": {"": ["a"]}}', "teams must map"),
        ('{"teams": {"payments": "a"}}', "teams.payments must be a list of non-empty strings"),
        ('{"teams": {"payments": [1]}}', "teams.payments must be a list"),
        ('{"teams": {"payments": [""]}}', "teams.payments must be a list"),
        ('{"secretPrefixes": ["a"]}', "secretPrefixes must map"),
        ('{"secretPrefixes": {"payments": "a"}}', "secretPrefixes.payments must be a list"),
        ('{"secretPrefixes": {"payments": [""]}}', "secretPrefixes.payments must be a list"),
        ('{"admins": "a"}', "admins must be a list"),
        ('{"admins": [["a"]]}', "admins must be a list"),
        ('{"productionApprovers": null}', "productionApprovers must be a list"),
        ('{"productionApprovers": {"a": "b"}}', "productionApprovers must be a list"),
    ],
)
def test_refuses_a_policy_that_it_does_not_understand(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"ACCESS_POLICY.*{message}"):
        AccessPolicy.parse(text)


@pytest.mark.parametrize("text", ['{"selfApproval": "false"}', '{"selfApproval": 0}'])
def test_self_approval_is_a_boolean(text: str) -> None:
    with pytest.raises(ValueError, match="selfApproval must be true or false"):
        AccessPolicy.parse(text)


def test_without_self_approval_a_deployer_is_excluded() -> None:
    policy = AccessPolicy.parse('{"selfApproval": false}')
    assert not policy.refuses
    session = "arn:aws:sts::123456789012:assumed-role/ci/run-1"
    deployers = ("arn:aws:iam::123456789012:role/ci",)
    assert policy.approves_own(session, deployers)
    assert not policy.approves_own(session, ())
    assert not AccessPolicy().approves_own(session, deployers)
