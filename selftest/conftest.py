"""Tests on real clusters run where they can; where they cannot, that is said loudly.

They run grouped by the lab's variant (their parameter of that name), since bringing another one up takes as
long as judging it. Each still brings up what it needs, which takes no time where it is up already.
"""

import os
import sys

import pytest

LEFT_OUT = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    lab = [item for item in items if item.get_closest_marker("lab")]
    variants = list(dict.fromkeys(["default", *map(_variant, lab)]))
    lab.sort(key=lambda item: variants.index(_variant(item)))
    items[:] = [item for item in items if not item.get_closest_marker("lab")] + lab  # minutes last
    if sys.platform == "linux" and os.geteuid() == 0:
        return
    for item in lab:
        item.add_marker(pytest.mark.skip(reason="needs root on Linux"))
    config.stash[LEFT_OUT] = len(lab)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a run without its tests on real clusters end as a failed one, whatever else has passed."""
    if session.config.stash.get(LEFT_OUT, 0) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _variant(item: pytest.Item) -> str:
    """The lab's variant that a test is for."""
    called = getattr(item, "callspec", None)
    return str(called.params.get("variant", "default")) if called else "default"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := config.stash.get(LEFT_OUT, 0):
        terminalreporter.section("NOT TESTED", red=True, bold=True)
        terminalreporter.write_line(
            f"{count} tests on real clusters were left out: they need root on Linux. Nothing here says that "
            "the suite judges a cluster rightly. Run `sudo make test`."
        )
