"""The pytest plugin: hooks and fixtures only. What they do is in run.py, judging.py and conduct/."""

import sys
from collections.abc import Generator
from typing import Any

import pytest

from dualstack.conduct.board import Board
from dualstack.errors import UserError
from dualstack.profile.model import Profile
from dualstack.redaction import names as pseudonyms
from dualstack.redaction import pytest_output as veil
from dualstack.redaction.run import Disclosure
from dualstack.report.compare import Comparison
from dualstack.report.model import Report
from dualstack.session import judging, options, signals, terminal
from dualstack.session.record import Record
from dualstack.session.run import Run, Shared, failed_start
from dualstack.survey.model import Survey
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Outcome

RUN = pytest.StashKey[Run]()
SHARED = pytest.StashKey[Shared]()
REPORT = pytest.StashKey[Report]()
COMPARISON = pytest.StashKey[Comparison | None]()
EXIT_STATUS = {Outcome.CONFORMANT: 0, Outcome.NOT_CONFORMANT: 1, Outcome.INCOMPLETE: 6}
OURS_TO_DECIDE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Connect, read the survey and make the plan; nothing is created yet."""
    config = session.config
    if handed := getattr(config, "workerinput", {}).get("dualstack"):
        config.stash[SHARED] = Shared.model_validate_json(handed)
        return
    if config.option.collectonly:
        return
    asked, command = options.read(config), options.command(config)
    disclosure = Disclosure(pseudonyms.from_environment() if asked.pseudonyms else None)
    if not disclosure.is_open:
        veil.put_on(config, disclosure.text)
    signals.install(asked.time_limit)
    try:
        run = Run(asked, command, disclosure)
    except UserError as error:
        raise pytest.UsageError(failed_start(asked, command, disclosure, str(error))) from None
    except (KeyboardInterrupt, Exception) as error:
        failed_start(asked, command, disclosure, terminal.why_not_begun(error))
        raise
    config.stash[RUN], config.stash[SHARED] = run, run.shared()
    terminal.quieten(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 (xdist's own type is private)
    """Hand the survey to a worker: all of them judge the same cluster."""
    node.workerinput["dualstack"] = node.config.stash[SHARED].model_dump_json(by_alias=True)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say whom we talk to, before anything is touched."""
    return config.stash[RUN].header if RUN in config.stash else []


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Begin creating and probing, in the background; or print the plan."""
    run = session.config.stash.get(RUN, None)
    if run is None or run.options.plan_only:
        return
    Record.of(run.work)
    run.begin(terminal.progress(session.config, run.disclosure.text))


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Judge in the order of the report."""
    items[:] = judging.in_order(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which behaviours were collected, so that none can get lost; or print the plan and stop."""
    config = session.config
    shared = config.stash.get(SHARED, None)
    if shared is None or not session.items:
        return
    declared = judging.declare(session.items, shared.profile)
    run = config.stash.get(RUN, None)
    if run is not None and run.options.partial is None:
        for unknown in judging.unknown_levels(declared, shared.profile):
            raise pytest.UsageError(f"--profile {run.options.profile}: levels.{unknown}: no such behaviour")
    if run is not None and run.options.plan_only:
        terminal.print_plan(config, run.plan, declared, shared, run.disclosure.text)
        session.items.clear()
        return
    Record.of(shared.work).declare(declared)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """Judge only what applies."""
    judging.call(pyfuncitem, pyfuncitem.config.stash[SHARED])
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn findings into a verdict, and the verdict into pytest's outcome."""
    report = yield
    shared = item.config.stash.get(SHARED, None)
    if shared is not None and isinstance(item, pytest.Function):
        judging.conclude(item, call, report, shared)
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Name verdicts by our words in pytest's own lines."""
    return terminal.status(report)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Clean up, write the report and decide the exit status."""
    config = session.config
    run = config.stash.get(RUN, None)
    if run is None:
        return
    if run.options.plan_only:
        session.exitstatus = pytest.ExitCode.OK
        return
    interrupted = None
    if exitstatus not in OURS_TO_DECIDE:
        interrupted = terminal.why_ended(exitstatus)
    with terminal.undisturbed():
        report = run.end(Record.of(run.work), interrupted=interrupted)
        comparison = run.compared(report)
    config.stash[REPORT], config.stash[COMPARISON] = report, comparison
    if exitstatus in OURS_TO_DECIDE:
        session.exitstatus = EXIT_STATUS[report.verdict]
        if run.options.gate_new and comparison and report.verdict is Outcome.NOT_CONFORMANT:
            news = comparison.new or comparison.unseen
            session.exitstatus = EXIT_STATUS[report.verdict] if news else pytest.ExitCode.OK


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last word on the terminal: one table, one sentence, and where the report is."""
    if REPORT in config.stash:
        folder = config.stash[RUN].folder
        terminal.last_word(config.stash[REPORT], config.stash[COMPARISON], folder, sys.stdout)


@pytest.fixture(scope="session")
def survey(request: pytest.FixtureRequest) -> Survey:
    """What was read of the cluster before anything was created."""
    return request.config.stash[SHARED].survey


@pytest.fixture(scope="session")
def profile(request: pytest.FixtureRequest) -> Profile:
    """What this cluster promises."""
    return request.config.stash[SHARED].profile


@pytest.fixture(scope="session")
def board(request: pytest.FixtureRequest) -> Board:
    """What the probes found, topic by topic; waiting for a topic is part of asking for it."""
    return Board(request.config.stash[SHARED].work / "observations")


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """Takes what a test finds."""
    return judging.judge_of(request.node)
