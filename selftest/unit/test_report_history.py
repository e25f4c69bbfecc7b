import re
from datetime import timedelta

import factory
import pytest

from dualstack import cli
from dualstack.errors import UserError
from dualstack.family import Family
from dualstack.report import canonical
from dualstack.report.history import collect, render, rows
from dualstack.verdict.judge import Judge

BAD = {("node2", Family.V6)}


def night(root, number, report):
    start = factory.START + timedelta(days=number)
    run = report.run.model_copy(update={"start": start, "end": start + timedelta(seconds=10 + number)})
    folder = root / f"night{number:03}"
    folder.mkdir()
    content = canonical.to_json(report.model_copy(update={"run": run}))
    (folder / "report.json").write_bytes(content)


def unjudged():
    judge = Judge()
    judge.cannot("node2", "forbidden", family=Family.V6)
    return factory.behaviour("node-internal-ips", judge)


def fill(root, signs):
    for number, sign in enumerate(signs):
        behaviours = {
            "+": [factory.addresses()],
            "-": [factory.addresses(bad=BAD)],
            "?": [unjudged()],
            " ": [],
        }[sign]
        night(root, number, factory.report(*behaviours))


@pytest.mark.parametrize(
    ("signs", "changes", "transitions"),
    [("+", 0, 0), ("+++", 0, 2), ("+-+-", 3, 3), ("+?-", 0, 0), ("+ -", 0, 0), ("--+?+", 1, 2)],
)
def test_flakiness_counts_changes_between_neighbours_that_both_judged(signs, changes, transitions, tmp_path):
    fill(tmp_path, signs)
    (row,) = rows(collect(tmp_path).nights)
    assert (row.changes, row.transitions) == (changes, transitions)


def test_the_page_shows_every_night_with_a_symbol_and_loads_nothing(tmp_path):
    fill(tmp_path, "+-?+")
    page = render(collect(tmp_path))
    line = re.search(r"<th scope=\"row\">node-internal-ips</th>.*?</tr>", page, re.DOTALL)[0]
    assert re.findall(r">([✓✗?])</td>", line) == ["✓", "✗", "?", "✓"]
    assert "1 of 1" in line
    assert page.count("<circle") == 4
    assert "13 s</text>" in page
    assert not re.search(r"<script|(src|href)=|url\(|@import", page)


def test_what_is_no_report_is_named_and_not_fatal(tmp_path):
    fill(tmp_path, "+")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/report.json").write_text("{")
    (tmp_path / "latest").symlink_to("night000")
    history = collect(tmp_path)
    assert [each.folder for each in history.unreadable] == ["broken", "empty"]
    assert len(history.nights) == 1
    page = render(history)
    assert "this is not JSON" in page
    assert "No such file" in page


def test_runs_of_two_clusters_are_two_histories(tmp_path):
    fill(tmp_path, "++")
    other = factory.report(factory.addresses(bad=BAD))
    other = other.model_copy(update={"cluster": other.cluster.model_copy(update={"uid": "uid-2"})})
    night(tmp_path, 5, other)
    night(tmp_path, 6, factory.early())
    page = render(collect(tmp_path))
    assert page.count("<svg") == 3
    assert "uid-2" in page
    assert "before they knew their cluster" in page


def test_hostile_names_are_harmless(tmp_path):
    hostile = factory.hostile()
    cluster = hostile.cluster.model_copy(update={"uid": factory.HOSTILE, "version": factory.HOSTILE})
    night(tmp_path, 0, hostile.model_copy(update={"cluster": cluster}))
    page = render(collect(tmp_path))
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page


def test_a_folder_without_any_run_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="none of its 1 folders"):
        collect(tmp_path)


def test_the_command_writes_the_page(tmp_path):
    fill(tmp_path, "+-")
    assert cli.main(["report", "history", str(tmp_path), "-o", str(tmp_path / "history.html")]) == 0
    assert "night001" in (tmp_path / "history.html").read_text()
