"""Let `pytest --kubeconfig FILE` mean what it says.

pytest looks for its pytest.ini before any plugin is loaded. It does not know our options then, takes FILE for
a test path, and searches around that file instead of here. So, where that happened, start pytest once more
with `--kubeconfig=FILE`, which it reads rightly from the beginning. Installed as a pytest11 entry point.
"""

import os
import sys
from pathlib import Path

import pytest

from dualstack.places import ROOT

OPTIONS_WITH_PATHS = (
    "--kubeconfig",
    "--profile",
    "--reports",
    "--baseline",
    "--waivers",
    "--timeouts",
    "--expect",
)


def joined(arguments: list[str]) -> list[str]:
    """The arguments with `--option value` written as `--option=value`, for options that take a path."""
    result: list[str] = []
    words = iter(arguments)
    for word in words:
        value = next(words, None) if word in OPTIONS_WITH_PATHS else None
        result.append(word if value is None else f"{word}={value}")
    return result


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """The first hook that is called, before output is captured: the time to start over."""
    config: pytest.Config | None = pluginmanager.get_plugin("pytestconfig")
    if config is None or config.rootpath == ROOT or not Path.cwd().is_relative_to(ROOT):
        return
    arguments = list(config.invocation_params.args)
    if joined(arguments) != arguments:
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *joined(arguments)])  # noqa: S606
