"""The table of networks: none is forgotten, and what is wrong is named."""

import factory

from bench import networks
from bench.kept import Kept
from dualstack.diagnosis.model import Cause
from dualstack.family import Family
from dualstack.report.model import Report
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level
from lab import variants


def document(report: Report) -> str:
    healthy = Kept(factory.report(factory.addresses()), up=8, run=20)
    return networks.document({"default": healthy, "policy": Kept(report, up=12.4, run=25.6)})


def rows(text: str) -> list[list[str]]:
    return [
        [part.strip() for part in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def test_every_network_is_judged_and_compared_with_the_plain_one() -> None:
    names = networks.clusters()
    assert names[0] == "default"
    assert {"policy", "kube-router", "flannel", "vxlan"} < set(names)
    assert all(variants.expectation(name) for name in names)


def test_the_document_has_a_row_for_each() -> None:
    found = {row[0] for row in rows(networks.DOCUMENT.read_text())}
    assert {f"`{name}`" for name in networks.clusters()} <= found


def test_a_row_has_the_seconds_and_the_sentence() -> None:
    report = factory.report(factory.addresses())
    text = document(report)
    (row,) = [row for row in rows(text) if row[0] == "`policy`"]
    assert row[2:] == [report.profile.name, "12 s", "26 s", "conformant", "nothing"]
    assert "The same everywhere, conforms: nodes.\n" in text


def test_what_is_wrong_is_counted_and_its_cause_named() -> None:
    bad = factory.report(factory.addresses(bad={("node2", Family.V6)}))
    cause = Cause(sentence="No IPv6 on node2", why="w", remedy="r", level=Level.MUST, behaviours={"a": 1})
    text = document(bad.model_copy(update={"causes": [cause]}))
    assert ["nodes", "conforms", "1 break"] in rows(text)
    assert any(row[-1] == "No IPv6 on node2" for row in rows(text))


def test_a_topic_that_nothing_promises_is_not_applicable() -> None:
    judge = Judge()
    judge.not_applicable("cluster", "no policy engine")
    report = factory.report(factory.behaviour("a", judge, topic="network-policies"))
    assert networks.cell(report, "network-policies") == "not applicable"
    mixed = factory.report(factory.behaviour("a", judge), factory.addresses())
    assert networks.cell(mixed, "nodes") == "conforms"
