"""The pytest plugin: options, fixtures, and the choice of this process's role. A role is an object with
hooks.

Owner (owner.py) owns the run: a single process, or xdist's controller. Planner prints the plan. Every
process that judges has a Judging as well (judging.py): the owner itself, or each of xdist's workers.
"""

import pytest

from dualstack.errors import UserError
from dualstack.profile.model import Profile
from dualstack.redaction import names, pytest_output
from dualstack.redaction.run import Disclosure
from dualstack.scenario.board import Board
from dualstack.session import catalogue, options, signals, terminal
from dualstack.session.judging import BOARD, JUDGE, SHARED, Judging, behaviour_of, in_order
from dualstack.session.owner import Owner, Planner
from dualstack.session.run import Run, Shared, failed_start
from dualstack.survey.model import Survey
from dualstack.verdict.judge import Judge


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    options.add(parser)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Take this process's role; the owner connects and reads the survey, and creates nothing yet."""
    config = session.config
    if handed := getattr(config, "workerinput", {}).get("dualstack"):
        _register(config, Judging(config, Shared.model_validate_json(handed), None))
        return
    if config.option.collectonly:
        try:
            catalogue.check(options.ids(config.option.only))
        except UserError as error:
            raise pytest.UsageError(str(error)) from None
        return
    read, command = options.read(config), options.command(config)
    disclosure = Disclosure(names.from_environment() if read.pseudonyms else None)
    if not disclosure.is_open:
        pytest_output.put_on(config, disclosure.text)
    signals.install(read.time_limit)
    try:
        run = Run(read, command, disclosure)
    except UserError as error:
        raise pytest.UsageError(failed_start(read, command, disclosure, str(error))) from None
    except (KeyboardInterrupt, Exception) as error:
        failed_start(read, command, disclosure, terminal.why_not_begun(error))
        raise
    terminal.quieten(config)
    _register(config, Planner(config, run) if read.plan_only else Owner(config, run))
    _register(config, Judging(config, run.shared(), run.board))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what --only names, in the order of the report."""
    if only := options.ids(config.option.only):
        config.hook.pytest_deselected(items=[each for each in items if behaviour_of(each).id not in only])
        items[:] = [each for each in items if behaviour_of(each).id in only]
    items[:] = in_order(items)


def _register(config: pytest.Config, role: object) -> None:
    config.pluginmanager.register(role, f"dualstack-{type(role).__name__.lower()}")


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
    """What the scenarios saw, step by step; waiting for a step is part of asking for it."""
    return request.config.stash[BOARD]


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Judge:
    """Takes what a test finds."""
    of_test: Judge = request.node.stash[JUDGE]
    return of_test
