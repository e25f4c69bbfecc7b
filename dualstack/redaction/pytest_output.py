"""pytest's own words under pseudonyms: its reports, its tracebacks, and what libraries log.

Each is replaced before any plugin prints or writes it (--junitxml, -v, -ra), and while it is whole: pytest
cuts texts to the terminal's width, and a name that is cut cannot be recognised.
"""

import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest

Shown = Callable[[str], str]


class Veil:
    """A plugin that is there for runs with --pseudonyms only."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._factory = logging.getLogRecordFactory()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test's reason, or the traceback of a check that failed itself."""
        if isinstance(report.longrepr, tuple):
            path, line, reason = report.longrepr
            report.longrepr = path, line, self._shown(reason)
        elif report.longrepr is not None:
            report.longrepr = self._shown(report.longreprtext)

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: Any, excinfo: pytest.ExceptionInfo[BaseException]) -> None:  # noqa: ANN401 (pytest's own type is private)
        """A mistake of ours: where and of which kind. It may come before it is known what has a name."""
        lines = [
            *traceback.format_tb(excinfo.tb),
            f"{excinfo.typename}, with --pseudonyms without its text\n",
        ]
        for entry in excrepr.reprtraceback.reprentries:
            entry.lines = lines

    def pytest_unconfigure(self) -> None:
        """As it was before."""
        logging.setLogRecordFactory(self._factory)

    def record(self, *words: Any, **more: Any) -> logging.LogRecord:  # noqa: ANN401 (whatever is logged)
        """A log record, wherever it goes then."""
        made = self._factory(*words, **more)
        made.msg, made.args, made.exc_info = self._shown(made.getMessage()), (), None
        return made


def put_on(config: pytest.Config, shown: Shown) -> None:
    """From now on nothing that pytest says names anything. Tracebacks are Python's: pytest's hold values."""
    config.option.tbstyle, config.option.fulltrace, config.option.showlocals = "native", False, False
    veil = Veil(shown)
    config.pluginmanager.register(veil)
    logging.setLogRecordFactory(veil.record)
