"""Runs that are kept for a table: a name that is not known, and a table that cannot be written yet."""

import json
import sys
from pathlib import Path

import factory
import pytest

from bench import kept
from dualstack.report import canonical


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> kept.Table:
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(kept, "ROOT", tmp_path)
    monkeypatch.setattr(kept.lab, "down", lambda: None)
    monkeypatch.setattr(kept, "judge", keep)
    clusters = {"one": ("--profile=kubernetes",), "two": ()}
    return kept.Table("bench.it", "It.", tmp_path / "docs/it.md", clusters, lambda runs: " ".join(runs))


def keep(_variant: str, folder: Path, _options: object) -> None:
    (folder / "latest").mkdir(parents=True)
    (folder / "latest/report.json").write_bytes(canonical.to_json(factory.report(factory.addresses())))
    (folder / kept.SECONDS).write_text(json.dumps({"up": 8.4, "run": 21.0}))


def arguments(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["it", *words])


def test_all_are_judged_and_the_table_is_written(table: kept.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments(monkeypatch)
    runs = table.make()
    assert runs
    assert runs["one"].up == 8.4
    assert table.path.read_text() == "one two"


def test_those_that_are_named_are_kept_until_there_is_one_of_each(
    table: kept.Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments(monkeypatch, "two")
    assert table.make() is None
    assert capsys.readouterr().out == "docs/it.md is not written: no report on one yet\n"
    arguments(monkeypatch, "one")
    assert table.make()


def test_a_name_that_is_not_known_is_one_line(
    table: kept.Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments(monkeypatch, "three")
    with pytest.raises(SystemExit):
        table.make()
    assert "three: not one of one, two" in capsys.readouterr().err
