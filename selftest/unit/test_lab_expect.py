"""What variants and faults say they must break."""

import itertools

import pytest

from dualstack.session import catalogue
from lab import faults, variants
from lab.__main__ import explain
from lab.errors import LabError
from lab.expect import Expect, Where, meet, problems, unnamed, verdict

WAY = Where(behaviours=("tcp-pod-to-pod",), subjects=("node0 → node2", "* → node1"), but=("node1 → node1",))
EXPECTS = {
    **{name: expect for name in faults.names() if (expect := faults.load(name).expect)},
    **{name: expect for name in variants.names() if (expect := variants.expectation(name))},
}


def key(subject, behaviour="tcp-pod-to-pod", family="IPv6"):
    return (behaviour, subject, family)


def test_a_pattern_covers_subjects_of_its_family():
    covered = ["node0 → node2", "node0 → node1"]
    others = ["node1 → node1", "node2 → node0"]
    assert all(WAY.covers(key(each)) for each in covered)
    assert not any(WAY.covers(key(each)) for each in others)
    assert not WAY.covers(key("node0 → node2", family="IPv4"))
    assert Where(behaviours=("limit-os",), family="none").covers(("limit-os", "node0", None))


def test_exactly_what_must_break_may_break():
    expect = Expect(must=(WAY,), may=(Where(behaviours=("lb-reachable",)),))
    as_expected = {key("node0 → node2"): True, key("node0 → node1"): True, key("node2 → node0"): False}
    assert problems([expect], as_expected) == []
    assert problems([expect], as_expected | {key("x", "lb-reachable"): True}) == []
    assert "should break and does not" in problems([expect], as_expected | {key("node0 → node2"): False})[0]
    assert "breaks and should not" in problems([expect], as_expected | {key("node2 → node0"): True})[0]
    assert "nothing was judged" in problems([expect], {})[0]


def test_the_cause_must_be_named():
    expect = Expect(cause="All IPv6 from node0 to *")
    assert unnamed([expect], ["IPv6 ping everywhere", "All IPv6 from node0 to node2"]) == []
    assert "All IPv6" in unnamed([expect], ["IPv6 ping everywhere"])[0]


def test_what_is_judged_together_has_the_worst_verdict():
    assert verdict([Expect(), Expect(verdict="not-conformant"), Expect(verdict="incomplete")]) == (
        "not-conformant"
    )


@pytest.mark.parametrize("name", faults.names())
def test_faults_that_are_judged_together_do_not_meet(name):
    """Neither do their clusters or profiles differ."""
    expect = EXPECTS.get(name)
    for other, theirs in EXPECTS.items():
        if other != name and expect and expect.together and expect.together == theirs.together:
            assert not meet(expect, theirs), f"{name} and {other}"
            assert (expect.variant, expect.profile) == (theirs.variant, theirs.profile)


def test_only_behaviours_that_there_are_can_break():
    known = {each.id for each in catalogue.declared()}
    named = itertools.chain.from_iterable(
        (*where.behaviours, *expect.unjudged)
        for expect in EXPECTS.values()
        for where in (*expect.must, *expect.may)
    )
    assert set(named) <= known


def test_every_unhealthy_variant_and_every_fault_says_what_it_breaks():
    unhealthy = [name for name in variants.names() if not variants.load(name).healthy]
    assert {*unhealthy, *faults.names()} <= set(EXPECTS)


def test_explaining_reads_the_same_source():
    assert "Must break: node-internal-ips: node2 (IPv6)." in explain("kubelet-one-ip")
    with pytest.raises(LabError, match="no variant 'nothing'"):
        explain("nothing")


def test_a_fault_without_an_expectation_loads_and_a_wrong_one_is_one_line(tmp_path):
    steps = "title: t\nsteps: [{on: node0, do: 'true', undo: 'true'}]\n"
    (tmp_path / "own.yaml").write_text(steps)
    assert faults.load("own", tmp_path).expect is None
    (tmp_path / "own.yaml").write_text(steps + "expect: {verdikt: conformant}\n")
    with pytest.raises(LabError, match=r"own\.yaml: expect\.verdikt: no such key"):
        faults.load("own", tmp_path)
