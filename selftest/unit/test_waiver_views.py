import json
import xml.etree.ElementTree as ET
from datetime import date

import factory
import jsonschema
import pytest
from test_waivers import BAD, ID, TODAY, applied, waiver

from dualstack.family import FAMILIES, Family
from dualstack.redaction.names import Pseudonyms
from dualstack.redaction.report import pseudonymous
from dualstack.report import canonical, html_page, junit, markdown, sign, sign_off, text_table
from dualstack.report.schema import schema
from dualstack.report.site_checks import Site
from dualstack.verdict.words import Verdict


def report():
    results, uses = applied(
        [factory.paths(), factory.addresses(bad={("node2", family) for family in FAMILIES})],
        waiver(),
    )
    return factory.report(*results).model_copy(update={"waivers": uses})


def test_pipelines_and_signatures_do_not_take_it_for_a_pass():
    cases = ET.fromstring(junit.render(report())).iter("testcase")
    skipped = [case.get("name") for case in cases if case.find("skipped") is not None]
    assert skipped == ["node-internal-ips [IPv4]", "node-internal-ips [IPv6]"]
    predicate = sign._test_result(report())
    assert predicate["result"] == "WARNED"
    assert (predicate["warnedTests"], predicate["failedTests"]) == ([ID], [])
    assert predicate["passedTests"] == ["tcp-pod-to-pod"]


def test_the_terminal_says_waived():
    (line,) = [
        line for line in text_table.table(report(), 120, colour=False).splitlines() if line.startswith(ID)
    ]
    assert line.split()[2:4] == ["waived", "waived"]


def everything():
    """One waiver in each state, hostile text in the last."""
    harm = {
        "reason": factory.HOSTILE,
        "owner": factory.HOSTILE,
        "ticket": factory.HOSTILE,
    }
    results, uses = applied(
        [factory.addresses(bad=BAD), factory.paths(bad={("node0", "node1", Family.V6)})],
        waiver(expiry=date(2026, 12, 1)),
        waiver("node1"),
        waiver("node0", expiry=date(2026, 11, 22)),
        waiver("*", behaviour="tcp-pod-to-pod", expiry=date(2027, 3, 1), **harm),
    )
    assert [use.state for use in uses] == ["used", "unused", "expired", "too-broad"]
    return factory.report(*results).model_copy(update={"waivers": uses})


@pytest.mark.parametrize("render", [html_page.render, markdown.render, sign_off.render])
def test_views_list_every_waiver_and_are_harmless(render):
    page = render(everything())
    section = page[page.index("Waivers") :]
    for word in ("used", "unused", "expired", "too broad", "R. Example", "CHG-7", "2026-12-01", "node1"):
        assert word in section
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "Waivers" not in render(factory.damaged())


def test_waivers_survive_the_reports_own_file_and_fit_the_schema(tmp_path):
    file = tmp_path / "report.json"
    file.write_bytes(canonical.to_json(everything()))
    assert canonical.load(file) == everything()
    jsonschema.validate(json.loads(file.read_text()), json.loads(schema()))


def test_a_report_from_before_there_were_waivers_is_read(tmp_path):
    document = json.loads(canonical.to_json(factory.healthy()))
    del document["waivers"]
    (tmp_path / "report.json").write_text(json.dumps(document))
    assert canonical.load(tmp_path / "report.json") == factory.healthy()


def test_the_sheet_is_valid_no_longer_than_a_waiver_that_it_needs():
    page = sign_off.render(everything(), Site(valid_days=90))
    assert "<b>2026-12-01</b>" in page
    assert "(a waiver ends then)" in page
    assert "<b>Waived:</b> 1 of them until 2026-12-01, CHG-7, R. Example" in page
    shorter = sign_off.render(everything(), Site(valid_days=5))
    assert "<b>2026-11-28</b>" in shorter
    assert "a waiver ends then" not in shorter
    assert "(no later than 2026-12-01: a waiver ends then)" in sign_off.render(everything())
    assert "a waiver ends then" not in sign_off.render(factory.healthy())


@pytest.mark.parametrize(
    "subject", ["node2.corp.example", "node2.corp*", "*.corp.example", "node?.corp.example"]
)
def test_under_pseudonyms_nobody_is_named_and_nothing_of_a_pattern_is_left(subject):
    nodes = ("node1.corp.example", "node2.corp.example")
    facts = {
        "owner": "Rosa Corp",
        "ticket": "https://tickets.corp.example/browse/CHG-7",
        "reason": "Rosa Corp says that node2.corp.example at 10.11.12.13 waits (see "
        "https://tickets.corp.example/browse/CHG-7).",
    }
    results, uses = applied(
        [factory.addresses(bad={(nodes[1], Family.V6)}, nodes=nodes)], waiver(subject, **facts)
    )
    report = factory.report(*results, nodes=nodes).model_copy(update={"waivers": uses})
    made = pseudonymous(report, Pseudonyms(b"key"))
    text = canonical.to_json(made).decode()
    for secret in ("corp", "Corp", "Rosa", "CHG", "10.11.12.13"):
        assert secret not in text
    (use,) = made.waivers
    (waived,) = [each for each in made.behaviours[0].findings if each.verdict is Verdict.WAIVED]
    assert waived.evidence["waiver_owner"] == use.owner
    assert (use.state, use.findings, use.expiry) == (uses[0].state, 1, TODAY)
    if "*" not in subject and "?" not in subject:
        assert use.subject == waived.subject == made.cluster.nodes[1].name


def test_an_owner_who_is_a_mere_sign_does_not_spoil_the_text():
    results, uses = applied([factory.addresses(bad=BAD)], waiver(owner="-", ticket=":", subject="*"))
    made = pseudonymous(factory.report(*results).model_copy(update={"waivers": uses}), Pseudonyms(b"key"))
    assert (made.waivers[0].owner, made.waivers[0].ticket, made.waivers[0].subject) == ("-", ":", "*")
    assert made.sentence == "This cluster is conformant; 1 finding waived: node-internal-ips."
