"""Addresses and ranges across nodes, on surveys as odd as clusters get."""

import pytest

from dualstack.family import Family
from dualstack.report.conclude import by_family, verdict_of
from dualstack.survey.model import Node, Survey
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

SERVICES = ("10.96.0.0/16", "fd00:96::/112")


def node(name, *ips, cidrs=()):
    return Node(name=name, ready=True, kubelet="v1.36.3", os="linux", internal_ips=ips, pod_cidrs=cidrs)


@pytest.fixture
def judged(suite_module):
    def run(test, *nodes, **facts):
        judge = Judge()
        survey = Survey(context=None, server="s", version="v1.36.3", nodes=nodes, **facts)
        getattr(suite_module("test_addressing"), test)(survey, judge)
        return judge.findings

    return run


def broken(findings):
    return [(f.subject, f.family, f.cause) for f in findings if f.verdict is Verdict.BREAKS]


ONE, TWO = node("a", "10.0.0.1", "fd00::1"), node("b", "10.0.0.2", "fd00::2")


def test_addresses_of_ones_own_conform(judged):
    assert verdict_of(judged("test_node_address_scope", ONE, TWO)) is Verdict.CONFORMS


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("::1", "loopback"),
        ("ff02::1", "multicast"),
        ("fd00:0:0::1", "also a's"),
    ],
)
def test_an_address_that_is_no_nodes_own_breaks(judged, address, why):
    findings = broken(judged("test_node_address_scope", ONE, node("b", "10.0.0.2", address)))
    assert findings[-1][:2] == ("b", Family.V6)
    assert why in findings[-1][2]


def test_the_order_of_families_is_the_same_everywhere(judged):
    other = node("c", "fd00::3", "10.0.0.3")
    findings = judged("test_node_primary_family", ONE, TWO, other, node("d"))
    assert broken(findings) == [("c", None, "IPv6 comes first, while most nodes list IPv4 first")]
    assert findings[-1].verdict is Verdict.NOT_JUDGED


BOTH = "Services' fd00:96::/112 and pods' fd00:96::/64"


@pytest.mark.parametrize(
    ("facts", "nodes", "clash"),
    [
        (
            {"pod_ranges": ("10.244.0.0/16", "fd00:96::/64")},
            (ONE,),
            "Services' fd00:96::/112 and pods' fd00:96::/64",
        ),
        (
            {},
            (node("a", "10.0.0.1", "fd00::1", cidrs=("fd00:96::/64",)),),
            "Services' fd00:96::/112 and pods' fd00:96::/64",
        ),
        ({}, (node("a", "10.0.0.1", "fd00:96::7"),), "Services' fd00:96::/112 and a's address fd00:96::7"),
        ({"pod_ranges": ("fd00::/48",)}, (ONE,), "pods' fd00::/48 and a's address fd00::1"),
    ],
)
def test_ranges_that_overlap_break_in_their_family(judged, facts, nodes, clash):
    findings = judged("test_ranges_disjoint", *nodes, service_ranges=SERVICES, **facts)
    assert broken(findings) == [("ranges", Family.V6, f"{clash} overlap")]
    assert by_family(findings)[Family.V4] is Verdict.CONFORMS


def test_with_one_kind_of_range_nothing_is_claimed(judged):
    assert verdict_of(judged("test_ranges_disjoint", ONE)) is Verdict.NOT_APPLICABLE
