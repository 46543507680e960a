"""The part of the model about specifications: their revisions, and the settings that must run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devops_core.model.inventory import RowStatus
from devops_core.model.operation import Operation, Status
from devops_core.naming import PRODUCTION, Environment, service_name
from tests.lab.effective import SIZES, effective_settings
from tests.lab.fakes import FakeCloud
from tests.lab.snapshot import secrets_of
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
        """Return whether an update names an environment that the application does not have.

        A part with both a task count and scaling is faulty too. The update must also name exactly
        the environments that it removes.
        """
        document = self._after(request)
        existing = _environments(document)
        removed = _environments(self.document(request.application)) - existing
        named = {*filter(None, dict(request.members).get("remove", "").split(","))}
        overrides = document.get("overrides", {})
        parts = (document.get("service", {}), *overrides.values())
        two_sizes = any(part.keys() >= SIZES for part in parts)
        return two_sizes or removed != named or not overrides.keys() <= {*existing, "prod"}

    def removed(self, application: str, patch: Mapping[str, Any]) -> str:
        """Return the environments that a merge patch removes, as the query parameter names them."""
        if application not in self._documents:
            return ""
        document = self.document(application)
        return ",".join(sorted(_environments(document) - _environments(_patched(document, patch))))

    def needs_stack(self, request: CallerRequest) -> bool:
        """Return whether an update changes the environments or the secrets of the stack."""
        before, after = self.document(request.application), self._after(request)
        return (_environments(before), _secrets(before)) != (_environments(after), _secrets(after))

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
        return _without_size(ran) == _without_size(wanted)

    def explains(self, operation: Operation, cause: CallerRequest) -> bool:
        """Return whether an update has the document that a request asked for.

        Several requests without a response can have the same kind and application.
        """
        stored = self._cloud.tables.stored_revisions.get(operation.application, {})
        revision = stored.get(operation.spec or 0)
        if operation.kind != "update" or revision is None:
            return True
        return bool(revision.specification.document == self._after(cause))

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
            # The number of a revision whose change of the stack failed is not used again.
            following = max(self._documents[application]) + 1
            expected = present if after == self.document(application) else following
            self._documents[application][expected] = after
            if operation.details.stack is None:
                self.current[application] = expected
            present = expected
        assert revision in (None, present), f"{operation.kind} names {revision}, not {present}"

    def record_end(self, operation: Operation) -> None:
        """Record the settings of the releases that an operation brought, also a failed one."""
        documents = self._documents.get(operation.application, {})
        if operation.kind == "update" and operation.details.stack:
            self._record_stack(operation)
        for part in operation.progress if operation.spec in documents else ():
            # A failed create has removed its services.
            partial = operation.kind != "create" or operation.status is Status.SUCCEEDED
            # A release can run although its operation failed, for example without its scaling. A
            # failed rollout can have changed the scaling.
            key = operation.application, part.service
            runs = part.status is Status.SUCCEEDED or part.unrestored
            if runs and part.spec_hash and partial:
                wanted = effective_settings(documents[operation.spec or 0], part.environment)
                self._running[key] = wanted
            elif part.scaled and key in self._running:
                self._running[key] = {**self._running[key], "scaling": part.scaling}

    def _record_stack(self, operation: Operation) -> None:
        """Record the end of an update of the stack.

        A failed one can have changed the stack; then its revision is the present one too.
        """
        application, change = operation.application, operation.details.stack
        record = self._cloud.tables.records.get(application)
        later = [
            each.details.previous
            for each in self._cloud.tables.operations.values()
            if each.kind == "update" and each.application == application
        ]
        adopted = record is not None and operation.spec in (record.current, *later)
        done = operation.status is Status.SUCCEEDED
        assert adopted or not done, f"revision {operation.spec} is not the present one"
        assert operation.details.changed or not adopted, f"the stack lacks {operation.spec}"
        if adopted:
            self.current[application] = operation.spec or 0
            for environment in change.removed:
                self._running.pop((application, service_name(environment)), None)

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
            running = self._cloud.containers.running(application, name)
            own = {each: text for each, text in running.variables.items() if each not in _TEMPLATE}
            assert own == wanted["environment"], f"{application} {name} has {own}, not {wanted}"
            container, *_ = running.request["containerDefinitions"]
            read = secrets_of(container)
            assert read == wanted["secrets"], f"{application} {name} reads {read}, not {wanted}"
            # The size of production changes without a rollout.
            if row.environment not in PRODUCTION and row.service.scaling_known:
                has, scaling = self._scaling(application, name), wanted.get("scaling")
                assert has == scaling, f"{application} {name} has {has}, not {scaling}"

    def _scaling(self, application: str, name: str) -> dict[str, int] | None:
        """Return the scaling that the scalable target of a service has, None without one."""
        target = self._cloud.scaling.targets_.get((application, name))
        if target is None:
            return None
        return {"min": target.limits.minimum, "max": target.limits.maximum, **target.policies}

    def _after(self, request: CallerRequest) -> Document:
        """Return the document that an update asks for."""
        members = dict(request.members)
        document: Document
        if "document" in members:
            document = members["document"]
        else:
            document = _patched(self.document(request.application), members["patch"])
        # A service without settings is the same as none.
        return {name: value for name, value in document.items() if name != "service" or value}


def _environments(document: Document) -> set[str]:
    """Return the names of the environments except production."""
    named = document.get("environments", {})
    others = [name for name in ("training", "da") if named.get(name)]
    return {*named.get("nonProd", ["dev"]), *others}


def _secrets(document: Document) -> dict[str, Mapping[str, str]]:
    """Return the secrets of all environments, and of each one, by variable."""
    parts = {"service": document.get("service", {}), **document.get("overrides", {})}
    return {name: part["secrets"] for name, part in parts.items() if part.get("secrets")}


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


def _without_size(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in SIZES}
