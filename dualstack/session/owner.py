"""The process that owns the run: begins and ends it, whoever judges; or prints the plan and stops."""

import sys
from typing import Any

import pytest

from dualstack.errors import UserError
from dualstack.report.compare import Comparison
from dualstack.report.model import Report
from dualstack.session import judging, terminal
from dualstack.session.progress import Progress
from dualstack.session.record import Record
from dualstack.session.run import Run
from dualstack.verdict.words import Outcome

EXIT_STATUS = {Outcome.CONFORMANT: 0, Outcome.NOT_CONFORMANT: 1, Outcome.INCOMPLETE: 6}
OURS_TO_DECIDE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


class Planner:
    """Prints what a run would do."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self.config, self.run = config, run

    def pytest_report_header(self) -> list[str]:
        """Say whom we talk to."""
        return self.run.header

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Print the plan of what was selected, and run nothing."""
        _select(self.run, session.items)
        declared = judging.declare(session.items, self.run.profile)
        why = judging.why_not(declared, self.run.shared(), self.run.plan)
        terminal.print_plan(self.config, self.run.plan, declared, why, self.run.disclosure.text)
        session.items.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A plan that was printed is a success."""
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK


class Owner:
    """Begins the run when the selection is known, and ends it whatever happened."""

    def __init__(self, config: pytest.Config, run: Run) -> None:
        self.config, self.run = config, run
        self.report: Report | None = None
        self.comparison: Comparison | None = None
        self._progress: Progress | None = None
        self._workers = bool(getattr(config.option, "numprocesses", None))

    def pytest_report_header(self) -> list[str]:
        """Say whom we talk to, before anything is touched."""
        return self.run.header

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 (xdist's own type is private)
        """Hand the survey to a worker: all of them judge the same cluster."""
        node.workerinput["dualstack"] = self.run.shared().model_dump_json(by_alias=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Collect here too where workers judge: the plan follows from what is selected."""
        if self._workers:
            session.perform_collect()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin, in the background, to create and probe what the selected behaviours need."""
        if not session.items:
            return
        _select(self.run, session.items)
        try:
            Record.of(self.run.work).declare(judging.declare(session.items, self.run.profile))
        except OSError as error:
            raise pytest.UsageError(f"cannot write to {self.run.work}: {error.strerror}") from None
        self._progress = Progress(self.config, self.run.disclosure.text)
        self._progress.start(lambda: self.run.waits)
        self.run.begin(self._progress.say)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Clean up, write the report and decide the exit status."""
        interrupted = None if exitstatus in OURS_TO_DECIDE else terminal.why_ended(exitstatus)
        with terminal.undisturbed():
            report = self.run.end(Record.of(self.run.work), interrupted=interrupted)
            if self._progress is not None:
                self._progress.stop()
            self.comparison = self.run.compared(report)
        self.report = report
        if exitstatus in OURS_TO_DECIDE:
            session.exitstatus = self._status(report)

    def pytest_unconfigure(self) -> None:
        """The last word on the terminal: one table, one sentence, and where the report is."""
        if self.report is not None:
            terminal.last_word(self.report, self.comparison, self.run.folder, sys.stdout)
        for line in self.run.unwritten:
            sys.stdout.write(f"NOT WRITTEN: {line}\n")

    def _status(self, report: Report) -> int:
        """Return the exit status; with --gate new, what was known does not fail a run that saw as much."""
        broken = report.verdict is Outcome.NOT_CONFORMANT
        if broken and self.run.options.gate_new and self.comparison:
            if self.comparison.new or self.comparison.unseen:
                return EXIT_STATUS[Outcome.NOT_CONFORMANT]
            return EXIT_STATUS[Outcome.INCOMPLETE] if self.comparison.lost else int(pytest.ExitCode.OK)
        return EXIT_STATUS[report.verdict]


def _select(run: Run, items: list[pytest.Item]) -> None:
    """Make the plan for what was selected. Raises pytest.UsageError with one line."""
    try:
        run.select(judging.needs_of(items, run.shared()))
    except UserError as error:
        raise pytest.UsageError(run.disclosure.text(str(error))) from None
