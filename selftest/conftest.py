"""Tests on real clusters run where they can; where they cannot, that is said loudly."""

import os
import sys

import pytest

LEFT_OUT = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    lab = [item for item in items if item.get_closest_marker("lab")]
    items.sort(key=lambda item: item in lab)  # seconds first, minutes last
    if sys.platform == "linux" and os.geteuid() == 0:
        return
    for item in lab:
        item.add_marker(pytest.mark.skip(reason="needs root on Linux"))
    config.stash[LEFT_OUT] = len(lab)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := config.stash.get(LEFT_OUT, 0):
        terminalreporter.section("NOT TESTED", red=True, bold=True)
        terminalreporter.write_line(
            f"{count} tests on real clusters were left out: they need root on Linux. Nothing here says that "
            "the suite judges a cluster rightly. Run `sudo make test`."
        )
