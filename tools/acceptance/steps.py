"""The steps of the test. Each one sends a write, and compares all that follows from it.

A step whose write fails raises `StopError`: the later steps need its result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from devops_cli.responses import Object, get_object, get_text
from devops_cli.writing import Call
from tools.acceptance import checks, pages, removal
from tools.acceptance.account import NotPossibleError
from tools.acceptance.checks import DEV, IDLE, LIVE, Expected, Image, Release
from tools.acceptance.pages import Fingerprint, PageError, Watch
from tools.acceptance.recorder import Recorder, StopError
from tools.acceptance.results import LoggedCall, Measure
from tools.acceptance.service import Course, Service

TITLES = {
    "health": "Check the health of the service",
    "create": "Create an application with dev and production",
    "deploy": "Deploy the first version to dev",
    "failing version": "Deploy a version that does not start to dev",
    "promote": "Promote the first version to the idle slot",
    "swap": "Swap: the first version becomes live",
    "second deploy": "Deploy the second version to dev",
    "second promote": "Promote the second version to the idle slot",
    "second swap": "Swap: the second version becomes live",
    "swap back": "Swap back: the first version becomes live again",
    "abort": "Abort a deploy of the first version to dev",
    "drift": "Change AWS outside of the service",
    "delete": "Delete the application",
}
# From this status on, the service may have accepted a call although the response is an error.
_UNCERTAIN = 500
# Seconds until the nodes of a load balancer use a new listener or new targets.
_PROPAGATION = 60.0
# Seconds until the state of AWS is complete after the end of an operation.
_SETTLING, _PAUSE = 60.0, 2.0


class PageReader(Protocol):
    """Fetches pages of the application, such as `pages.Pages`."""

    def fetch(self, url: str) -> Fingerprint:
        """Return the fingerprint of a page; raises PageError."""
        ...

    def watched(
        self, url: str, is_new: Callable[[Fingerprint], bool]
    ) -> AbstractContextManager[Watch]:
        """Fetch a page repeatedly until the end of the context."""
        ...


class Aws(Protocol):
    """The caller's own access to AWS, such as `account.Account`; raises NotPossibleError."""

    def installed_version(self, stack: str) -> str:
        """Return the version of the service in a stack."""
        ...

    def set_desired_count(self, application: str, service: str, count: int) -> None:
        """Change the number of tasks of a service."""
        ...

    def exchange_listeners(self, application: str) -> None:
        """Exchange the actions of the production listener and the test listener."""
        ...

    def remaining(self, application: str) -> list[str]:
        """Return the resources of a deleted application that still exist."""
        ...

    def logged(self, application: str, since: datetime) -> list[LoggedCall]:
        """Return the throttled and refused calls."""
        ...


class Ledger(Protocol):
    """Records that an application must be removed."""

    def sending(self) -> None:
        """Record it before the create is sent."""
        ...

    def answered(self) -> None:
        """Record the response to the create."""
        ...


@dataclass(frozen=True)
class Subject:
    """The tested application: the body of its create, its images, and times to wait.

    `drift_limit` is the longest wait for the drift check, `failing_limit` that for the end of the
    deploy of the failing image.
    """

    name: str
    body: Object
    first: Image
    second: Image
    failing: Image
    drift_limit: timedelta
    failing_limit: timedelta


class AcceptanceTest:
    """Runs the steps in order; each step leaves the state that the next one expects."""

    def __init__(
        self, subject: Subject, service: Service, page_reader: PageReader, aws: Aws,
        recorder: Recorder, ledger: Ledger,
    ) -> None:  # fmt: skip
        self._subject, self._service, self._ledger = subject, service, ledger
        self._pages, self._aws, self._recorder = page_reader, aws, recorder
        self._expected: dict[str, Expected] = {}
        self._released: dict[Image, Release] = {}
        self._urls: dict[str, str] = {}

    def run(self) -> None:
        """Run all steps.

        Raises:
            StopError: a step failed, and the later steps did not run.

        """
        first, second = self._subject.first, self._subject.second
        self._check_health()
        self._create()
        released = self._deploy("deploy", first)
        self._deploy_failing()
        self._promote("promote", released)
        self._swap("swap", released)
        following = self._deploy("second deploy", second)
        self._promote("second promote", following)
        self._swap("second swap", following)
        self._swap("swap back", released)
        self._abort()
        self._drift()
        self._delete()

    # --- steps ---

    def _check_health(self) -> None:
        with self._step("health"):
            body = self._service.get("/health").body
            status = get_text(body, "status")
            self._recorder.check("the service is healthy", [] if status == "ok" else [status])

    def _create(self) -> None:
        with self._step("create") as name:
            self._ledger.sending()
            response, seconds = self._service.start(Call("POST", "/stacks", self._subject.body))
            if response.status < _UNCERTAIN:
                self._ledger.answered()
            course = self._service.finish(response, seconds)
            self._succeeded(name, course)
            self._measure(name, course)
            self._expected = {
                DEV: Expected(Release()),
                LIVE: Expected(Release(), "prod-1"),
                IDLE: Expected(Release(), "prod-2"),
            }
            self._state(course.operation)
            stack = self._service.stack(self._subject.name) or {}
            rows = {each: checks.environment_of(stack, each) for each in self._expected}
            self._urls = {each: get_text(row, "url") for each, row in rows.items()}

    def _deploy(self, step: str, image: Image) -> Release:
        with self._step(step) as name:
            course, _ = self._watched(name, DEV, self._deploy_call(image))
            self._succeeded(name, course)
            stack = self._service.stack(self._subject.name) or {}
            release = checks.release_of(stack, DEV)
            faults = [] if release.digest.startswith("sha256:") else ["the digest is missing"]
            self._recorder.check("the digest of the image is on record", faults)
            self._released[image] = Release(image.tag, release.digest)
            self._expected[DEV] = Expected(self._released[image])
            self._state(course.operation)
        return self._released[image]

    def _deploy_failing(self) -> None:
        text = "the circuit breaker of ECS ends the rollout, and the operation has the reason"
        with self._step("failing version") as name:
            before = self._page(DEV)
            course = self._service.run(
                self._deploy_call(self._subject.failing), self._subject.failing_limit
            )
            if not course.operation:
                self._recorder.unchecked(text, f"{course.problem}. Use another image: --failing")
                return
            faults = [*checks.of_operation(course.operation, "FAILED")]
            if not course.operation.get("reasons"):
                faults.append("the operation has no reason")
            if course.problem:
                faults = [course.problem]
            self._recorder.check(text, faults)
            self._measure(name, course)
            self._state(course.operation)
            self._unchanged(DEV, before)

    def _promote(self, step: str, release: Release) -> None:
        with self._step(step) as name:
            live = self._page(LIVE)
            body = self._body(environment="dev", version=release.version, digest=release.digest)
            course, _ = self._watched(name, IDLE, Call("POST", "/stacks/deploytoprodBlue", body))
            self._succeeded(name, course)
            self._expected[IDLE] = replace(self._expected[IDLE], release=release)
            self._state(course.operation)
            self._unchanged(LIVE, live)

    def _swap(self, step: str, release: Release) -> None:
        text = "the page of the idle slot becomes the live page, and no request fails"
        with self._step(step) as name:
            idle, live = self._page(IDLE), self._page(LIVE)
            body = self._body(version=release.version, digest=release.digest)
            call = Call("POST", "/stacks/swapProdBlueAndGreen", body)
            if isinstance(idle, str) or idle == live:
                why = idle if isinstance(idle, str) else "both slots have the same page"
                course, watch = self._service.run(call), None
                self._measure(name, course)
            else:
                why, (course, watch) = "", self._watched(name, LIVE, call, lambda e: e == idle)
            self._succeeded(name, course)
            faults = [] if get_text(course.operation, "switchedAt") else ["switchedAt is missing"]
            self._recorder.check("the operation has the time of the switch", faults)
            old, new = self._expected[LIVE], self._expected[IDLE]
            self._expected |= {LIVE: new, IDLE: old}
            self._state(course.operation)
            self._check_swapped_page(text, why, watch)

    def _check_swapped_page(self, text: str, why: str, watch: Watch | None) -> None:
        if watch is None or not watch.requests:
            self._recorder.unchecked(text, why or "the live page was not requested")
            return
        faults = [f"{watch.failed} of {watch.requests} requests failed"] if watch.failed else []
        if watch.first_new is None:
            faults.append(f"the page did not change within {_PROPAGATION:.0f} s")
        self._recorder.check(text, faults)

    def _abort(self) -> None:
        """Abort a deploy; if it ends before the abort, a second one in the opposite direction."""
        with self._step("abort") as name:
            images = self._subject.first, self._subject.second
            if not any(self._abort_deploy(name, image) for image in images):
                reason = "both deploys ended before the abort"
                self._recorder.unchecked("the abort ends the deploy", reason)

    def _abort_deploy(self, step: str, image: Image) -> bool:
        """Abort a deploy and check the result; return False if the deploy ended before."""
        before = self._page(DEV)
        response, seconds = self._service.start(self._deploy_call(image))
        operation = get_object(response.body, "operation")
        if response.status != 202 or not operation:
            problem = f"{response.status}: {response.error_message}"
            self._recorder.failed("the deploy is accepted", problem)
            raise StopError(step)
        operation = self._service.abort(operation)
        if get_text(operation, "status") == "SUCCEEDED":
            self._expected[DEV] = Expected(self._released[image])
            return False
        faults = [*checks.of_operation(operation, "FAILED")]
        if "aborted by" not in checks.reasons(operation):
            faults.append(f"the reasons do not name the abort: {checks.reasons(operation)}")
        self._recorder.check("the abort ends the deploy", faults)
        self._measure(step, Course(response.status, operation, "", seconds))
        self._state(operation)
        self._unchanged(DEV, before)
        return True

    def _drift(self) -> None:
        with self._step("drift"):
            self._change_desired_count()
            self._change_listeners()

    def _change_desired_count(self) -> None:
        text = "the inventory shows a desired count that was changed by hand"
        name = self._subject.name
        try:
            self._aws.set_desired_count(name, "dev", 2)
        except NotPossibleError as error:
            self._recorder.unchecked(text, str(error))
            return
        shown = self._eventually(lambda: self._desired_count() == 2, _SETTLING)
        actual = f"the desired count of dev is {self._desired_count()}, expected 2"
        self._recorder.check(text, [] if shown else [actual])
        try:
            self._aws.set_desired_count(name, "dev", 1)
        except NotPossibleError as error:
            self._recorder.unchecked("the desired count is restored", str(error))

    def _change_listeners(self) -> None:
        shows = "the inventory shows the live slot after an exchange of the listeners by hand"
        repairs = "the drift check corrects the roles of the slots"
        old, new = self._expected[LIVE], self._expected[IDLE]
        try:
            self._aws.exchange_listeners(self._subject.name)
        except NotPossibleError as error:
            self._recorder.unchecked(shows, str(error))
            self._recorder.unchecked(repairs, str(error))
            return
        shown = self._eventually(lambda: self._live_slot() == new.slot, _SETTLING)
        actual = f"the live slot is {self._live_slot() or 'unknown'}, expected {new.slot}"
        self._recorder.check(shows, [] if shown else [actual])
        self._expected |= {LIVE: new, IDLE: old}
        limit = self._subject.drift_limit.total_seconds()
        if not limit:
            self._recorder.unchecked(repairs, "not waited for (--drift 0)")
            return
        if not self._eventually(lambda: not [*self._row_faults()], limit):
            late = f"not within {limit:.0f} s (--drift; one check has at most 100 applications)"
            self._recorder.check(repairs, [*self._row_faults(), late])
            return
        operations = self._service.operations(self._subject.name) or []
        repair = next((e for e in operations if get_text(e, "kind") == "repair"), {})
        self._recorder.check(repairs, checks.of_operation(repair, "SUCCEEDED"))

    def _delete(self) -> None:
        name = self._subject.name
        with self._step("delete") as step:
            before = self._in_aws()
            course = self._service.run(removal.delete(name))
            self._succeeded(step, course)
            self._measure(step, course)
            self._log(course.operation)
            remaining = ["the application is still listed"] if self._service.stack(name) else []
            self._recorder.check("the inventory does not have the application", remaining)
            self._check_removed(before)

    def _check_removed(self, before: list[str] | str) -> None:
        """Compare the resources in AWS before and after the delete."""
        text = "AWS does not have the stack and the ECR repository"
        after = self._in_aws()
        if isinstance(before, str) or isinstance(after, str):
            self._recorder.unchecked(text, before if isinstance(before, str) else str(after))
        elif not before:
            why = "the credentials belong to another account or region than the installation"
            self._recorder.unchecked(text, why)
        else:
            self._recorder.check(text, after)

    def _in_aws(self) -> list[str] | str:
        """Return the resources of the application in AWS, or the reason why they are not known."""
        try:
            return self._aws.remaining(self._subject.name)
        except NotPossibleError as error:
            return str(error)

    # --- parts of steps ---

    @contextmanager
    def _step(self, name: str) -> Iterator[str]:
        with self._recorder.step(name):
            try:
                yield name
            finally:
                text = "all responses follow the contract"
                self._recorder.check(text, self._service.take_faults())

    def _body(self, **members: object) -> Object:
        return {"applicationName": self._subject.name, **members}

    def _deploy_call(self, image: Image) -> Call:
        body = self._body(environment=["dev"], version=image.tag, repouri=image.repository)
        return Call("POST", "/stacks/deploy", body)

    def _succeeded(self, step: str, course: Course) -> None:
        """Check that an operation succeeded.

        Raises:
            StopError: it did not succeed.

        """
        faults = [*checks.of_operation(course.operation, "SUCCEEDED")]
        if course.problem:
            faults = [checks.with_remedy(course.problem)]
        if not self._recorder.check("the operation succeeds", faults):
            raise StopError(step)

    def _measure(self, step: str, course: Course, watch: Watch | None = None) -> None:
        self._recorder.measure(
            Measure(
                step,
                response=course.response,
                switched=course.switched,
                first_page=watch.first_new if watch else None,
                ended=course.ended,
                requests=watch.requests if watch else 0,
                failed=watch.failed if watch else 0,
            )
        )

    def _watched(
        self,
        step: str,
        environment: str,
        call: Call,
        is_new: Callable[[Fingerprint], bool] | None = None,
    ) -> tuple[Course, Watch | None]:
        """Run a write while its page is fetched; measure it.

        Without `is_new`, each page that differs from the present one is new.
        """
        text = "the page of the new version appears"
        before = self._page(environment)
        if isinstance(before, str):
            self._recorder.unchecked(text, before)
            course = self._service.run(call)
            self._measure(step, course)
            return course, None
        is_new = is_new or (lambda each: each != before)
        with self._pages.watched(self._urls[environment], is_new) as watch:
            course = self._service.run(call)
            if get_text(course.operation, "status") == "SUCCEEDED":
                watch.wait_for_new(_PROPAGATION)
        self._measure(step, course, watch)
        if watch.first_new is None:
            self._recorder.unchecked(text, "the page is the same before and after the step")
        else:
            self._recorder.check(text, [])
        return course, watch

    def _page(self, environment: str) -> Fingerprint | str:
        """Return the fingerprint of a page, or the reason why it has none."""
        url = self._urls.get(environment)
        if not url:
            return "the address of the environment is not known"
        try:
            return pages.stable(self._pages.fetch, url)
        except PageError as error:
            return str(error)

    def _unchanged(self, environment: str, before: Fingerprint | str) -> None:
        text = f"the page of {environment} is unchanged"
        if isinstance(before, str):
            self._recorder.unchecked(text, before)
            return
        after = self._page(environment)
        self._recorder.check(text, [] if after == before else [f"{before} became {after}"])

    def _state(self, operation: Object) -> None:
        """Check the inventory, the state of AWS and the event log after an operation."""
        self._recorder.check("the inventory has the expected releases", [*self._row_faults()])
        self._eventually(lambda: not [*self._task_faults()], _SETTLING)
        self._recorder.check("all tasks are running and healthy", [*self._task_faults()])
        self._log(operation)

    def _log(self, operation: Object) -> None:
        faults = checks.of_events(self._service.events(operation), operation)
        self._recorder.check("the event log has the same result", [*faults])

    def _row_faults(self) -> Iterator[str]:
        return checks.of_inventory(self._stack(), self._expected)

    def _task_faults(self) -> Iterator[str]:
        return checks.of_tasks(self._stack(), self._expected)

    def _desired_count(self) -> object:
        row = checks.environment_of(self._stack(), DEV)
        return get_object(row, "tasks").get("desired")

    def _live_slot(self) -> str:
        rows = (checks.environment_of(self._stack(), each) for each in (LIVE, IDLE))
        return next((get_text(row, "slot") for row in rows if row.get("live") is True), "")

    def _stack(self) -> Object:
        return self._service.stack(self._subject.name) or {}

    def _eventually(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition is true; return whether it became true in time."""
        clock = self._service.clock
        end = clock.monotonic() + seconds
        while not condition():
            if clock.monotonic() >= end:
                return False
            clock.pause(_PAUSE)
        return True


def create_body(
    name: str, *, email: str, team: str, tags: Mapping[str, str], port: int, health_path: str
) -> Object:
    """Return the body of the create."""
    return {
        "applicationName": name,
        "description": "Acceptance test",
        "email": email,
        "environments": {"nonProd": ["dev"]},
        "tags": {**tags, "technicalTeam": team},
        "service": {"containerPort": port, "healthCheckPath": health_path},
    }
