import csv
import io
import json
import re

import factory
import pytest

from dualstack.family import Family
from dualstack.report import canonical, csv_table, ctrf, prometheus
from dualstack.report.render import FORMATS
from dualstack.report.write import write_file
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

REPORTS = pytest.mark.parametrize("report", [make() for make in factory.ALL.values()], ids=list(factory.ALL))

# What the published schema asks for and allows, as far as this suite writes it.
CTRF_TEST = {"name", "status", "duration"}
CTRF_TEST_ALLOWED = CTRF_TEST | {"id", "suite", "rawStatus", "tags", "message", "trace", "extra"}
CTRF_COUNTS = ["passed", "failed", "skipped", "pending", "other"]


@REPORTS
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_the_same_when_made_again_from_the_file(name, report, tmp_path):
    (tmp_path / "report.json").write_bytes(canonical.to_json(report))
    again = canonical.load(tmp_path / "report.json")
    text = "".join(FORMATS[name](again))
    assert text
    assert text == "".join(FORMATS[name](report))
    assert "\x1b" not in text
    assert "\u202e" not in text or name == "json"  # not a view but the data, as canonical JSON spells it


@REPORTS
def test_ctrf_counts_itself_and_keeps_to_the_keys_of_its_schema(report):
    document = json.loads(ctrf.render(report))
    assert document["reportFormat"] == "CTRF"
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["specVersion"])
    results = document["results"]
    assert set(results) == {"tool", "summary", "tests", "environment", "extra"}
    for status in CTRF_COUNTS:
        assert results["summary"][status] == [test["status"] for test in results["tests"]].count(status)
    assert results["summary"]["tests"] == len(results["tests"]) > 0
    assert len({test["id"] for test in results["tests"]}) == len(results["tests"])
    for test in results["tests"]:
        assert set(test) >= CTRF_TEST
        assert set(test) <= CTRF_TEST_ALLOWED
        assert test["status"] in CTRF_COUNTS
        assert isinstance(test["duration"], int)


def statuses(report):
    return {test["name"]: test["status"] for test in json.loads(ctrf.render(report))["results"]["tests"]}


def test_ctrf_fails_only_for_what_must_be_and_nothing_unjudged_passes():
    assert statuses(factory.damaged()) == {
        "node-internal-ips [IPv4]": "passed",
        "node-internal-ips [IPv6]": "failed",
        "tcp-pod-to-pod [IPv4]": "passed",
        "tcp-pod-to-pod [IPv6]": "failed",
        "pod-interface": "pending",
    }
    advice = factory.paths(bad={("node0", "node2", Family.V6)}, level=factory.Level.SHOULD)
    assert statuses(factory.report(factory.addresses(), advice))["tcp-pod-to-pod [IPv6]"] == "other"
    assert statuses(factory.early()) == {"run-to-the-end": "failed"}


def rows(report):
    return list(csv.DictReader(io.StringIO("".join(csv_table.pieces(report)), newline="")))


def test_csv_has_a_row_for_each_finding_and_for_a_behaviour_without_any():
    damaged = factory.damaged()
    empty = factory.behaviour("nothing-recorded", Judge())
    report = damaged.model_copy(update={"behaviours": [*damaged.behaviours, empty]})
    found = rows(report)
    assert len(found) == sum(len(each.findings) for each in damaged.behaviours) + 1
    assert found[-1]["behaviour"] == "nothing-recorded"
    assert found[-1]["verdict"] == "not-judged"
    bad = [row for row in found if row["verdict"] == "breaks"]
    assert ("node2", "IPv6", "no IPv6 InternalIP") in [
        (row["subject"], row["family"], row["cause"]) for row in bad
    ]
    assert json.loads(bad[0]["evidence"]) == {"internal_ips": ["10.0.0.1"]}


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", '=HYPERLINK("x")', '",=1']
)
def test_no_cell_of_the_csv_is_a_formula(name):
    judge = Judge()
    judge(name, False, cause=name, source=name, target=name, remedy=name, seen=name)
    report = factory.report(factory.behaviour("node-internal-ips", judge))
    (row,) = rows(report)
    for cell in row.values():
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
    assert "1" in row["subject"] or "HYPERLINK" in row["subject"]


SAMPLE = re.compile(r'dualstack_[a-z_]+\{([a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+\} -?[0-9.e+-]+')


@REPORTS
def test_prometheus_lines_are_samples_without_timestamps_and_never_twice(report):
    text = prometheus.render(report)
    assert text.endswith("\n")
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    for line in samples:
        assert SAMPLE.fullmatch(line), line
    series = [line.rpartition(" ")[0] for line in samples]
    assert len(set(series)) == len(series)
    types = re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)
    assert len(set(types)) == len(types)
    assert {name.partition("{")[0] for name in series} == set(types)


def test_prometheus_says_the_verdict_by_family():
    text = prometheus.render(factory.damaged())
    assert 'dualstack_verdict{cluster="uid-1",verdict="not-conformant"} 1' in text
    start = 'dualstack_behaviour_verdict{cluster="uid-1",behaviour="node-internal-ips",'
    assert f'{start}family="IPv6",level="MUST",verdict="{Verdict.BREAKS}"}} 1' in text
    assert f'{start}family="IPv4",level="MUST",verdict="{Verdict.CONFORMS}"}} 1' in text
    assert 'dualstack_run_seconds{cluster="uid-1"} 11.0' in text


def test_prometheus_labels_are_escaped():
    report = factory.healthy()
    cluster = report.cluster.model_copy(update={"uid": 'a"b\\c\nd'})
    text = prometheus.render(report.model_copy(update={"cluster": cluster}))
    assert 'dualstack_verdict{cluster="a\\"b\\\\c d",verdict="conformant"} 1' in text


def test_a_file_that_is_half_written_is_no_file_of_its_kind(tmp_path):
    """node_exporter takes up every `*.prom`, hidden ones too."""
    seen = []

    def pieces():
        yield b"half"
        seen.extend(path.suffix for path in tmp_path.iterdir())
        yield b"whole"

    write_file(tmp_path / "a.prom", pieces())
    assert seen == [".unfinished"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.prom"]
