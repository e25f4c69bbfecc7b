"""The policy rows: an engine of one family is named, and what was never denied is no proof of an allow."""

from types import SimpleNamespace

import pytest
from test_plan import node, plan, surveyed

from dualstack.family import Family
from dualstack.probes.observation import Observation
from dualstack.profile.model import Timeouts
from dualstack.scenario.enforce import Enforced, EngineSeen, block
from dualstack.scenario.policies import _is_ours
from dualstack.scenarios.network_policies import Ingress
from dualstack.session import catalogue
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

SUITE = catalogue.load(catalogue.SUITE / "test_network_policies.py")


def path(family, **more):
    return Observation(kind="tcp", source="a", target="b", family=family, address="fd00::1", **more)


def spoke():
    return [path(family, reached=True) for family in Family]


def test_an_engine_of_one_family_is_named():
    judge = Judge()
    seen = [path(Family.V4, silent=True), path(Family.V6, answered=2, requests=2)]
    SUITE._judge_denied(seen, spoke(), SUITE.Families(spoke()), judge)
    assert [each.verdict for each in judge.findings] == [Verdict.CONFORMS, Verdict.BREAKS]
    assert "the deny holds in IPv4 only" in judge.findings[1].cause


def test_silence_of_a_client_that_reaches_nobody_is_not_a_deny():
    judge = Judge()
    SUITE._judge_denied([path(Family.V6, silent=True)], spoke(), SUITE.Families([]), judge)
    assert [each.verdict for each in judge.findings] == [Verdict.NOT_JUDGED]


def test_an_allow_of_one_family_is_named_and_what_was_never_denied_proves_nothing():
    denied = [path(family, silent=True) for family in Family]
    judge = Judge()
    seen = [path(Family.V4, reached=True), path(Family.V6, error="timeout")]
    SUITE._judge_allowed(seen, denied, spoke(), judge)
    assert "IPv6 stays denied after the allow" in judge.findings[1].cause
    judge = Judge()
    SUITE._judge_allowed([path(Family.V6, reached=True)], denied[:1], spoke(), judge)
    assert [each.verdict for each in judge.findings] == [Verdict.NOT_JUDGED]


def test_a_service_whose_pods_never_answered_is_no_proof_against_an_allow():
    service = {"kind": "tcp", "source": "a", "target": "guarded-ipv6", "family": Family.V6}
    denied = [Observation(**service, address="fd00::9", silent=True)]
    seen = [Observation(**service, address="fd00::9", error="timeout")]
    for control, verdict in (([path(Family.V6)], Verdict.NOT_JUDGED), (spoke(), Verdict.BREAKS)):
        judge = Judge()
        SUITE._judge_allowed(seen, denied, control, judge)
        assert [each.verdict for each in judge.findings] == [verdict]


@pytest.mark.parametrize(("required", "ends"), [(False, True), (True, False)])
def test_without_an_engine_nothing_more_is_played_unless_one_is_promised(required, ends):
    seen = EngineSeen(required=required, bites=False, seconds=5)
    assert bool(Enforced(Ingress.gate).ends(seen)) == ends
    assert "no policy engine enforces NetworkPolicies here" in seen.none


@pytest.mark.parametrize("address", ["192.0.2.200", "192.0.2.1", "2001:db8::1", "2001:db8::ff"])
def test_a_block_holds_the_address_and_excepts_the_other_half(address):
    from ipaddress import ip_address, ip_network

    drawn = block(address)
    assert ip_address(address) in ip_network(drawn["cidr"])
    assert ip_address(address) not in ip_network(drawn["except"][0])


def test_policies_of_the_suite_are_not_the_sites():
    assert _is_ours({"labels": {"app.kubernetes.io/managed-by": "dualstack-conformance"}})
    assert not _is_ours({"name": "default-deny"})


def test_the_plan_names_what_depends_on_an_engine():
    cost = plan(surveyed(node("a"), node("b"))).cost()
    assert cost["networkpolicies"] == "1 to 6"
    assert "to" in cost["tcp requests in a first round"]


@pytest.mark.parametrize(
    ("silent", "bites"),
    [
        ([], False),
        ([Family.V6], False),  # of three: it loses what it carries, and nobody denies anything
        ([Family.V6] * 2, True),
        ([Family.V4] * 3, True),
    ],
)
def test_a_path_that_loses_some_is_no_sign_of_an_engine(silent, bites):
    seen = [path(family, silent=n < silent.count(family)) for family in Family for n in range(3)]
    profile = SimpleNamespace(promises=SimpleNamespace(network_policy="if-present"), timeouts=Timeouts())
    stage = SimpleNamespace(
        board=SimpleNamespace(wait=lambda _: SimpleNamespace(observations=seen)),
        site=SimpleNamespace(profile=profile),
        cluster=SimpleNamespace(list=lambda _: []),
        owner=SimpleNamespace(namespace="n"),
    )
    assert Enforced(Ingress.gate).run(stage).bites == bites
