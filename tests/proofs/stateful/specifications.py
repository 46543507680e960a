"""The part of the model about specifications: their revisions, and the settings that must run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devops_core.model.inventory import RowStatus
from devops_core.model.operation import Operation, Status
from devops_core.naming import Environment
from tests.lab.effective import effective_settings
from tests.lab.fakes import FakeCloud
from tests.proofs.stateful.caller_requests import CallerRequest

# The variables of the application template.
_TEMPLATE = ("APPLICATION", "ENVIRONMENT", "PORT")
Document = Mapping[str, Any]


class Specifications:
    """The specifications of all applications; `current` has the present revisions."""

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self._documents: dict[str, dict[int, Document]] = {}
        self._running: dict[tuple[str, str], dict[str, Any]] = {}
        self.current: dict[str, int] = {}
        for application, record in cloud.tables.records.items():
            stored = cloud.tables.stored_revisions[application]
            documents = {number: each.specification.document for number, each in stored.items()}
            self._documents[application] = documents
            self.current[application] = record.current
            for row in cloud.tables.inventory_of(application).rows.values():
                if row.service and row.service.spec:
                    wanted = effective_settings(documents[row.service.spec], row.environment)
                    self._running[application, row.service.name] = wanted

    def document(self, application: str) -> Document:
        """Return the present document of an application."""
        return self._documents[application][self.current[application]]

    def are_faulty(self, request: CallerRequest) -> bool:
        """Return whether an update names an environment that the application does not have."""
        document = self._after(request)
        existing = {*document.get("environments", {}).get("nonProd", ["dev"]), "prod"}
        return not document.get("overrides", {}).keys() <= existing

    def tested(self, application: str, environment: Environment) -> bool:
        """Return whether an environment runs the present settings, as a promote requires."""
        service = self._cloud.tables.inventory_of(application).service(environment)
        if service is None or service.spec is None:
            return False
        documents = self._documents[application]
        ran, wanted = (
            effective_settings(each, environment)
            for each in (documents[service.spec], self.document(application))
        )
        return _without_count(ran) == _without_count(wanted)

    def record_start(self, operation: Operation, cause: CallerRequest) -> None:
        """Record a new operation; it must follow the present revision."""
        application, revision = operation.application, operation.spec
        if operation.kind == "create":
            members = dict(cause.members)
            chosen = {"nonProd": list(cause.environments)}
            document = {"email": "team@example.com", "environments": chosen, **members}
            self._documents[application], self.current[application] = {1: document}, 1
        present = self.current[application]
        if operation.kind == "update":
            assert cause.revision in (None, present), f"{cause} changed revision {present}"
            after = self._after(cause)
            expected = present if after == self.document(application) else present + 1
            self._documents[application][expected] = after
            self.current[application] = present = expected
        assert revision in (None, present), f"{operation.kind} names {revision}, not {present}"

    def record_end(self, operation: Operation) -> None:
        """Record the settings of the releases that an operation brought."""
        documents = self._documents.get(operation.application, {})
        for part in operation.progress if operation.spec in documents else ():
            # A failed create has removed its services.
            partial = operation.kind != "create" or operation.status is Status.SUCCEEDED
            if part.status is Status.SUCCEEDED and part.spec_hash and partial:
                wanted = effective_settings(documents[operation.spec or 0], part.environment)
                self._running[operation.application, part.service] = wanted

    def check(self) -> None:
        """Check that the records have the present documents."""
        for application, record in self._cloud.tables.records.items():
            present = self.current[application]
            assert record.current == present, f"{application} has revision {record.current}"
            document = self.document(application)
            assert record.specification.document == document, f"{application} has another document"

    def check_services(self, application: str) -> None:
        """Check that each service runs the settings of its last successful rollout."""
        for row in self._cloud.tables.inventory_of(application).rows.values():
            known = row.service and (application, row.service.name) in self._running
            if row.service is None or not known or row.status is not RowStatus.ACTIVE:
                continue
            name, wanted = row.service.name, self._running[application, row.service.name]
            variables = self._cloud.containers.running(application, name).variables
            own = {each: variables[each] for each in variables if each not in _TEMPLATE}
            assert own == wanted["environment"], f"{application} {name} has {own}, not {wanted}"

    def _after(self, request: CallerRequest) -> Document:
        """Return the document that an update asks for."""
        members = dict(request.members)
        if "document" in members:
            document: Document = members["document"]
            return document
        return _patched(self.document(request.application), members["patch"])


def _patched(document: Document, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a merge patch (RFC 7396)."""
    result = {**document}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            inner = document.get(name)
            result[name] = _patched(inner if isinstance(inner, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def _without_count(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "desiredCount"}
