"""Checks of the quotas of AWS that limit the number of applications and of calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from devops_cli.doctor.facts import Lambda, Problem, Quota

# A new application with dev, qa and production (docs/limits.md#quotas-of-aws).
LOAD_BALANCERS = 3
TARGET_GROUPS = 4
ROLES = 4
# An increase of a quota can take days, so a quota that is nearly used up is a problem too.
_NEARLY = 0.8
# The deploy reserves 10 executions if 100 remain unreserved (serverless/concurrency.js).
_LEAST_EXECUTIONS = 110
_INCREASE = "Request an increase (docs/limits.md#quotas-of-aws): console, Service Quotas"


def problems(quotas: Sequence[Quota]) -> Iterator[Problem]:
    """Yield a problem for each quota that is used up or nearly used up."""
    for each in quotas:
        use = f"{each.used} of {each.limit}"
        if each.used + each.needed > each.limit:
            yield Problem(
                f"The quota of {each.name} is used up",
                use,
                "The create of an application with dev and qa fails.",
                f"{_INCREASE}. Or delete unused applications: devops delete NAME",
            )
        elif each.used >= _NEARLY * each.limit:
            yield Problem(
                f"The quota of {each.name} is nearly used up",
                use,
                "Creates of applications will fail soon.",
                _INCREASE,
            )


def execution_problems(found: Lambda) -> Iterator[Problem]:
    """Yield the problems of the concurrent executions of Lambda."""
    if found.limit < _LEAST_EXECUTIONS:
        yield Problem(
            f"The account has only {found.limit} concurrent executions of Lambda",
            "Lambda, quota L-B99A9384",
            "The reconcile function has no reserved executions, and few calls can wait.",
            "aws service-quotas request-service-quota-increase --service-code lambda"
            " --quota-code L-B99A9384 --desired-value 1000, then npx serverless deploy",
        )
    if found.peak >= _NEARLY * found.limit:
        yield Problem(
            "The concurrent executions of Lambda are nearly used up",
            f"at most {found.peak} of {found.limit} in the last seven days",
            "Calls get 500, and operations end late.",
            f"{_INCREASE}. Or limit the functions of the API with apiconcurrency in parameters.yml",
        )
