"""Bugs in the deployed functions, to show that each check of the attack can fail."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.lab.laptop.api import Api


@dataclass(frozen=True)
class Mutation:
    """A bug: `source` is added at the end of a module and replaces one of its functions.

    `checks` are the checks that can find it first. The attack has the calls of `seed` from the
    number `first`, because the first calls of a seed do not meet each bug.
    """

    name: str
    module: str
    source: str
    checks: tuple[str, ...]
    seed: int = 1
    first: int = 1


MUTATIONS = (
    # The first one, because later the swaps of the installation no longer wait.
    Mutation(
        "each caller finishes swaps",
        "devops_core/engine/advance.py",
        "permit_change = lambda *_, **__: None",
        ("forbidden change", "leak"),
        seed=4,
    ),
    Mutation(
        "the teams are not checked",
        "devops_core/access.py",
        "AccessPolicy.missing_lists = lambda *_, **__: ()",
        ("forbidden change", "leak"),
    ),
    Mutation(
        "an error shows the recorded image",
        "devops_core/engine/accept.py",
        """
_permit = permit
def permit(cloud, kind, application, team, caller, **options):
    try:
        _permit(cloud, kind, application, team, caller, **options)
    except ForbiddenError as error:
        rows = cloud.tables.inventory(application)[0].rows.values()
        digests = [row.service.digest for row in rows if row.service]
        raise ForbiddenError(f"{error.message} {digests}") from None
""",
        ("leak",),
    ),
    Mutation(
        "each team reads each specification",
        "devops_core/reads/specification.py",
        "_require_team = lambda *_: None",
        ("leak",),
    ),
    Mutation(
        "an update of production needs no approver",
        "devops_core/engine/accept.py",
        "_approvable = lambda cloud, plan, *_: plan",
        ("forbidden change",),
        seed=5,
        first=100,
    ),
    Mutation(
        "an application shows its secrets",
        "devops_core/http/views/inventory.py",
        """
_view = application_view
def application_view(inventory, *rest):
    return _view(inventory, *rest) | {"secrets": str(inventory.record.specification.document)}
""",
        ("leak",),
    ),
    Mutation(
        "refusals are not counted",
        "devops_core/engine/accept.py",
        "record_refusal = lambda *_: None",
        ("incomplete log",),
    ),
    Mutation(
        "the log has no callers",
        "devops_core/http/request.py",
        """
_facts = Request.facts.fget
Request.facts = property(lambda self: {**_facts(self), "caller": "-"})
""",
        ("incomplete log",),
    ),
)


@contextmanager
def planted(api: Api, bug: Mutation) -> Iterator[None]:
    """Deploy the functions with a bug during the context."""
    client = api.client("lambda")
    original = _package(api)
    names = [each["FunctionName"] for each in client.list_functions()["Functions"]]
    try:
        _deploy(client, names, _mutated(original, bug))
        yield
    finally:
        _deploy(client, names, original)


def _package(api: Api) -> bytes:
    """Return the deployed package."""
    s3 = api.client("s3")
    objects = [
        (each["LastModified"], bucket["Name"], each["Key"])
        for bucket in s3.list_buckets()["Buckets"]
        for each in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ())
        if each["Key"].endswith(".zip")
    ]
    _, bucket, key = max(objects)
    content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def _mutated(package: bytes, bug: Mutation) -> bytes:
    """Return the package with the bug, without the bytecode of the module."""
    changed = io.BytesIO()
    stem = bug.module.rpartition("/")[2].removesuffix(".py")
    found = False
    with (
        zipfile.ZipFile(io.BytesIO(package)) as old,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            content = old.read(entry)
            folder, _, name = entry.filename.rpartition("/")
            folder = folder.removesuffix("/__pycache__")
            if entry.filename == bug.module:
                content += f"\n{bug.source}\n".encode()
                found = True
            elif name.startswith(f"{stem}.") and f"{folder}/{stem}.py" == bug.module:
                continue
            new.writestr(entry, content)
    assert found, bug.module
    return changed.getvalue()


def _deploy(client: Any, names: list[str], package: bytes) -> None:
    for name in names:
        client.update_function_code(FunctionName=name, ZipFile=package)
