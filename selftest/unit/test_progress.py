"""What a run says while it waits."""

import time
from types import SimpleNamespace

import pytest

from dualstack.errors import UserError
from dualstack.profile.model import load
from dualstack.scenario.waits import Waits
from dualstack.session import progress
from dualstack.session.progress import Progress


class Reporter:
    def __init__(self, *, isatty):
        self.isatty, self.text = isatty, ""

    def write_line(self, line):
        self.text += f"{line}\n"

    def write(self, text, *, flush):
        self.text += text


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr(progress, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(progress, "TICK_SECONDS", 0.02)

    def run(*, isatty, said=()):
        reporter, waits = Reporter(isatty=isatty), Waits()
        plugins = SimpleNamespace(getplugin=lambda name: reporter)
        made = Progress(SimpleNamespace(pluginmanager=plugins), lambda line: line.replace("node1", "nodeX"))
        made.start(lambda: waits)
        with waits.waiting("the pods of node1", 100), waits.waiting("paths", 5):
            time.sleep(0.2)
            for line in said:
                made.say(line)
        made.stop()
        return reporter.text

    return run


def test_the_wait_that_may_last_longest_is_shown_with_its_end(shown):
    text = shown(isatty=False)
    assert "waiting for the pods of nodeX, until" in text
    assert "at most (100 s more)" in text or "at most (99 s more)" in text
    assert text.count("waiting") == 1, "a job's log does not want the same line each second"
    assert "\x1b" not in text


def test_a_live_line_is_taken_away_before_another_and_at_the_end(shown):
    text = shown(isatty=True, said=["3 of 3 pods run"])
    assert text.count("waiting for the pods of nodeX") > 2
    before, _, after = text.partition("3 of 3 pods run")
    assert progress.ERASE in before.rpartition("waiting")[2]
    assert after.endswith(progress.ERASE) or "waiting" not in after


def test_nothing_is_said_where_nothing_is_waited_for():
    assert Waits().longest() is None


def test_a_sites_own_timeouts_lie_on_the_profiles(tmp_path):
    file = tmp_path / "ours.yaml"
    file.write_text("load-balancer: 1200\n")
    profile, source = load("aks-engine", file)
    assert (profile.timeouts.load_balancer, profile.timeouts.external) == (1200, 120)
    assert str(file) in source
    assert profile.digest != load("aks-engine")[0].digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("loadbalancer: 3\n", "loadbalancer"),
        ("pods: soon\n", "pods"),
        ("pods: -1\n", "pods"),
        ("[1]\n", "mapping"),
    ],
)
def test_a_file_of_timeouts_that_is_wrong_is_one_line(tmp_path, text, words):
    file = tmp_path / "ours.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=words) as error:
        load("kubernetes", file)
    assert "\n" not in str(error.value)
    assert str(file) in str(error.value)
