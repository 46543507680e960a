"""The report of `devops doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import RenderableType

from devops_cli.doctor.examination import Report
from devops_cli.show import texts


def elements(report: Report, now: datetime) -> Iterator[RenderableType]:
    """Yield the elements of a report."""
    if found := report.installation:
        version = f"version {found.version or 'unknown'}"
        age = texts.age(found.changed_at, now)
        yield texts.heading(f"{found.stack}  {version}, last deploy {age} ago, {found.status}")
    for each in report.problems:
        yield texts.sentence(texts.text(f"{each.name}: ", "red"), each.place)
        yield texts.text(f"  {each.consequence}")
        yield texts.sentence("  Remedy: ", texts.command(each.remedy))
    count = len(report.problems)
    yield texts.heading(f"{count} problem{'' if count == 1 else 's'}" if count else "No problem")
    for unchecked in report.unchecked:
        yield texts.text(f"Not checked: {unchecked.check}: {unchecked.reason}", "yellow")
    if report.quotas:
        yield texts.Rows(
            ("QUOTA", "USED", "LIMIT"),
            [[each.name, str(each.used), str(each.limit)] for each in report.quotas],
        )
    if report.routes:
        yield texts.Rows(
            ("ROUTE", "PERMITTED"),
            [
                [each.route, f"no: {each.refusal}" if each.refusal else "yes"]
                for each in report.routes
            ],
        )
