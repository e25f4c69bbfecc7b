import json
import re
import xml.etree.ElementTree as ET

import factory
import jsonschema
import pytest
import rfc8785

from dualstack.errors import UserError
from dualstack.family import Family
from dualstack.places import ROOT
from dualstack.report import canonical, html_page, junit, markdown, text_table
from dualstack.report.html_page import SIDE_AT_MOST
from dualstack.report.matrix import matrices
from dualstack.report.schema import schema
from dualstack.report.write import folder_name, write_bundle
from dualstack.verdict.judge import Judge

REPORTS = pytest.mark.parametrize("report", [make() for make in factory.ALL.values()], ids=list(factory.ALL))


@REPORTS
def test_the_report_survives_its_own_file_and_fits_the_published_schema(report, tmp_path):
    file = tmp_path / "report.json"
    file.write_bytes(canonical.to_json(report))
    assert canonical.load(file) == report
    jsonschema.validate(json.loads(file.read_text()), json.loads(schema()))


@pytest.mark.parametrize(
    "seen",
    [
        None,
        1,
        -7,
        2**53 - 1,
        1.0,
        0.1,
        1e-7,
        1e16,
        1e-4,
        1.5e-5,
        -6.23,
        123456789.125,
        999999999999999.9,
        float(2**53),
        True,
        'é→\u202e\x7f\x00"',
        ["\n", 2.5],
        {"\ue000": 1, "😀": 2},
    ],
)
def test_the_file_is_canonical_json_whatever_was_seen(seen, tmp_path):
    judge = Judge()
    judge("node0", False, cause="…", seen=seen, again={"b": seen, "a": [{"claim": seen}, {"claim": seen}]})
    report = factory.report(
        factory.behaviour("one", judge),
        factory.addresses(),
        factory.behaviour("two", judge),
    )
    content = canonical.to_json(report)
    assert content == rfc8785.dumps(report.model_dump(mode="json", by_alias=True))
    (tmp_path / "report.json").write_bytes(content)
    assert canonical.load(tmp_path / "report.json") == report


def test_a_file_that_somebody_laid_out_anew_is_read_too(tmp_path):
    report = factory.damaged()
    (tmp_path / "report.json").write_text(json.dumps(json.loads(canonical.to_json(report)), indent=2))
    assert canonical.load(tmp_path / "report.json") == report


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_it_does_not_matter_where_a_file_is_cut_to_be_read(chunk, tmp_path, monkeypatch):
    monkeypatch.setattr(canonical, "CHUNK", chunk)
    report = factory.damaged()
    (tmp_path / "report.json").write_bytes(canonical.to_json(report))
    with (tmp_path / "report.json").open("rb") as file:
        assert canonical._by_behaviours(file, tmp_path) == report


def test_the_published_schema_is_the_models():
    assert (ROOT / "docs/report.schema.json").read_text() == schema(), "run `make docs`"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff", "not JSON"),
        (b"[]", "not a report of this suite"),
        (b'{"schema": "dualstack-report/2.0"}', "this version reads"),
        (b'{"schema": "dualstack-report/1.0"}', "run: Field required"),
    ],
)
def test_what_is_no_report_is_one_line(content, told, tmp_path):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(UserError, match=told):
        canonical.load(tmp_path / "x.json")


@REPORTS
def test_html_is_one_file_and_harmless(report):
    page = html_page.render(report)
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!#|https://kubernetes\.io)', page)
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert report.verdict.replace("-", " ").capitalize() in page


def test_html_shows_what_is_wrong_first_with_the_remedy():
    page = html_page.render(factory.damaged())
    assert page.index("What does not hold") < page.index("All behaviours")
    assert "no IPv6 InternalIP" in page
    assert "The remedy of node-internal-ips." in page
    assert "forbidden: create pods/exec" in page


def test_the_matrix_shows_each_pair_and_folds_large_clusters():
    small = matrices(factory.paths(bad={("node0", "node2", Family.V6)}), SIDE_AT_MOST)
    assert [matrix.family for matrix in small] == ["IPv4", "IPv6"]
    bad = [(cell.row, cell.column) for cell in small[1].cells if cell.verdict == "breaks"]
    assert bad == [(0, 2)]
    nodes = tuple(f"n{number:03}" for number in range(100))
    (_, v6) = matrices(factory.paths(bad={("n099", "n000", Family.V6)}, nodes=nodes), SIDE_AT_MOST)
    assert v6.folded == 3
    assert len(v6.sources) <= SIDE_AT_MOST
    assert [(c.row, c.column) for c in v6.cells if c.verdict == "breaks"] == [(33, 0)]


@REPORTS
def test_junit_is_well_formed_and_counts_itself(report):
    root = ET.fromstring(junit.render(report))
    assert root.tag == "testsuites"
    for count, tag in (
        ("tests", "testcase"),
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        assert int(root.get(count)) == len(root.findall(f".//{tag}"))
    for case in root.iter("testcase"):
        assert case.get("classname").startswith("dualstack.")
        assert len(list(case)) <= 1
    for skipped in root.iter("skipped"):
        assert skipped.get("message")


def cases(report):
    root = ET.fromstring(junit.render(report))
    return {
        case.get("name"): ([child.tag for child in case] or ["passed"])[0] for case in root.iter("testcase")
    }


def test_junit_has_a_case_a_family_and_fails_only_for_what_must_be():
    assert cases(factory.damaged()) == {
        "node-internal-ips [IPv4]": "passed",
        "node-internal-ips [IPv6]": "failure",
        "tcp-pod-to-pod [IPv4]": "passed",
        "tcp-pod-to-pod [IPv6]": "failure",
        "pod-interface": "skipped",
    }
    advice = factory.paths(bad={("node0", "node2", Family.V6)}, level=factory.Level.SHOULD)
    assert cases(factory.report(factory.addresses(), advice))["tcp-pod-to-pod [IPv6]"] == "skipped"


def test_a_run_that_ended_early_is_an_error_in_junit():
    assert cases(factory.early()) == {"run-to-the-end": "error"}
    assert cases(factory.interrupted())["run-to-the-end"] == "error"


@REPORTS
def test_markdown_tables_keep_their_columns(report):
    for block in re.split(r"\n\n+", markdown.render(report)):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        columns = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert len(columns) <= 1, block
    assert "<script" not in markdown.render(report)


@pytest.mark.parametrize("width", [60, 80, 200])
@REPORTS
def test_the_terminal_keeps_to_its_width_and_obeys_no_one(report, width):
    text = text_table.table(report, width, colour=False)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_terminal_ends_with_the_sentence():
    report = factory.damaged()
    text = text_table.table(report, 200, colour=False)
    assert text.splitlines()[-1] == report.sentence
    assert "node0 → node2 IPv6: no answer: timed out" in text


def test_the_bundle_is_complete_and_latest_points_to_it(tmp_path):
    first = write_bundle(factory.damaged(), tmp_path)
    assert first.name == folder_name(factory.START, "1123010203abcdef") == "20261123T010203Z-1123010203abcdef"
    assert {path.name for path in first.iterdir()} == {"report.json", "junit.xml", "report.md", "report.html"}
    later = factory.healthy()
    later = later.model_copy(update={"run": later.run.model_copy(update={"id": "later"})})
    second = write_bundle(later, tmp_path)
    assert (tmp_path / "latest").resolve() == second.resolve()
