"""One run: an earlier removal, the test, the removal, the report."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import httpx

from devops_cli import __version__, certificates, client, config, signing
from devops_cli.client import Api
from devops_cli.clock import Clock
from devops_cli.config import Profile
from devops_cli.exits import Exit
from devops_cli.failures import CliError
from devops_cli.signing import CredentialSource
from tools.acceptance import removal, report, steps
from tools.acceptance.account import NotPossibleError
from tools.acceptance.options import Options
from tools.acceptance.recorder import Recorder, StopError
from tools.acceptance.results import Results
from tools.acceptance.service import Limits, Service
from tools.acceptance.state import Pending, State

_ALPHABET = string.ascii_lowercase + string.digits
_CONTINUE = 'make acceptance ARGS="--remove"'
_STOPPED = "the removal was interrupted"


class ClosingPageReader(steps.PageReader, Protocol):
    """Fetches pages, and has connections to close."""

    def close(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True)
class Runtime:
    """The parts of the machine that tests replace.

    `out` prints a line. `credentials` returns the credential source of a profile, `pages` a reader
    of pages for an HTTP proxy, `account` the access to AWS for a profile of the AWS CLI and a
    region. `transport` replaces the network of the API; None uses the network.
    """

    environment: Mapping[str, str]
    clock: Clock
    out: Callable[[str], None]
    credentials: Callable[[Profile], CredentialSource]
    pages: Callable[[str], ClosingPageReader]
    account: Callable[[str, str], steps.Aws]
    transport: httpx.BaseTransport | None = None


@dataclass(frozen=True)
class Installation:
    """An installation of the service: the client, its settings and its region."""

    api: Api
    profile: Profile
    region: str


class Ledger:
    """Records the application of a run; implements `steps.Ledger`."""

    def __init__(self, state: State, pending: Pending, clock: Clock) -> None:
        self._state, self._pending, self._clock = state, pending, clock

    def sending(self) -> None:
        """Record the application before its create is sent."""
        self._pending = replace(self._pending, sent=self._clock.now())
        self._state.write(self._pending)

    def answered(self) -> None:
        """Record the response to the create."""
        self._state.write(replace(self._pending, answered=True))


def test(runtime: Runtime, options: Options, state: State) -> int:
    """Run the test, remove its application and write the report; return the exit code.

    Raises:
        CliError: the settings are not valid, or the credentials cannot be used.

    """
    if state.read() and (code := remove(runtime, options.limits, state)):
        return code
    there = connect(runtime, options.api, options.profile, options.region)
    started = runtime.clock.monotonic()
    images = tuple(map(str, (options.first, options.second, options.failing)))
    name = "Acceptance-" + "".join(secrets.choice(_ALPHABET) for _ in range(6))
    results = Results(name, there.region, __version__, runtime.clock.now(), images)
    recorder = Recorder(results, steps.TITLES, runtime.out)
    account = runtime.account(there.profile.aws_profile, there.region)
    pending = Pending(name, there.profile.api, options.profile, there.region, runtime.clock.now())
    _read_version(account, config.stack_of(there.profile.api), results)
    runtime.out(f"Acceptance test with the application {name}")
    try:
        _run_steps(
            runtime, options, there, account, recorder, Ledger(state, pending, runtime.clock)
        )
    except KeyboardInterrupt:
        results.interrupted = True
        runtime.out("Interrupted. A second Ctrl-C also stops the removal.")
    except Exception as error:
        recorder.failed("the acceptance test works", repr(error))
        raise
    finally:
        results.remaining = _remaining(runtime, options.limits, state)
        results.interrupted |= results.remaining == _STOPPED
        results.seconds = runtime.clock.monotonic() - started
        cause = "the test was interrupted" if results.interrupted else "an earlier step failed"
        recorder.skip_the_rest(f"not reached, because {cause}")
        _read_logs(account, results)
        _write(runtime, options, results)
    if results.interrupted:
        return Exit.INTERRUPTED
    return Exit.SUCCEEDED if results.passed else Exit.FAILED


def remove(runtime: Runtime, limits: Limits, state: State) -> int:
    """Complete an earlier removal; return the exit code."""
    pending = state.read()
    if pending is None:
        runtime.out("There is nothing to remove.")
        return Exit.SUCCEEDED
    runtime.out(f"Removing {pending.application} of an earlier test ...")
    reason = _remaining(runtime, limits, state)
    if reason == _STOPPED:
        return Exit.INTERRUPTED
    return Exit.FAILED if reason else Exit.SUCCEEDED


def connect(runtime: Runtime, api: str, profile: str, region: str) -> Installation:
    """Return an installation, with the settings and certificates that `devops` would use.

    Raises:
        CliError: the settings are not valid, or the credentials or certificates cannot be used.

    """
    chosen = config.resolve(runtime.environment, api=api, profile=profile, region=region)
    source = runtime.credentials(chosen)
    trust = certificates.load(runtime.environment, source.ca_bundle)
    auth = signing.auth(chosen, source, runtime.environment)
    connected = client.connect(
        chosen,
        auth,
        runtime.transport,
        runtime.clock,
        lambda text: runtime.out(f"      {text}"),
        trust=trust,
    )
    region = signing.known_region(chosen, source, runtime.environment)
    return Installation(connected, chosen, region)


def _run_steps(
    runtime: Runtime, options: Options, there: Installation, account: steps.Aws,
    recorder: Recorder, ledger: Ledger,
) -> None:  # fmt: skip
    name = recorder.results.application
    body = steps.create_body(
        name,
        email=options.email,
        team=options.team,
        tags=options.tags,
        port=options.port,
        health_path=options.health_path,
    )
    subject = steps.Subject(
        name,
        body,
        options.first,
        options.second,
        options.failing,
        options.drift_limit,
        options.limits.failing,
    )
    service = Service(there.api, runtime.clock, options.limits, runtime.out)
    pages = runtime.pages(options.page_proxy)
    steps_of_test = steps.AcceptanceTest(subject, service, pages, account, recorder, ledger)
    try:
        steps_of_test.run()
    except StopError as error:
        runtime.out(f"Stopped, because the step '{error}' failed.")
    finally:
        pages.close()


def _remaining(runtime: Runtime, limits: Limits, state: State) -> str:
    """Remove the application; return the reason why it can remain, empty after the removal."""
    pending = state.read()
    if pending is None:
        return ""
    try:
        there = connect(runtime, pending.api, pending.profile, pending.region)
        removal.remove(Service(there.api, runtime.clock, limits, runtime.out), pending, runtime.out)
    except CliError as error:
        reason = str(error)
    except KeyboardInterrupt:
        reason = _STOPPED
    else:
        state.clear()
        runtime.out(f"{pending.application} is removed.")
        return ""
    runtime.out(
        f"REMOVAL INCOMPLETE: {pending.application} can still exist and cost money: {reason}\n"
        f"Continue the removal: {_CONTINUE}"
    )
    return reason


def _read_version(account: steps.Aws, stack: str, results: Results) -> None:
    try:
        results.service = account.installed_version(stack)
    except NotPossibleError as error:
        results.version_unread = str(error)
    else:
        results.version_unread = "" if results.service else f"the stack {stack} has no version"


def _read_logs(account: steps.Aws, results: Results) -> None:
    try:
        results.logged = account.logged(results.application, results.started)
    except NotPossibleError as error:
        results.logs_unread = str(error)


def _write(runtime: Runtime, options: Options, results: Results) -> None:
    files = {"report.md": report.as_markdown(results), "report.json": report.as_json(results)}
    for name, text in files.items():
        (options.directory / name).write_text(text, encoding="utf-8")
    runtime.out(f"\nResult: {results.verdict}. Report: {options.directory / 'report.md'}")
