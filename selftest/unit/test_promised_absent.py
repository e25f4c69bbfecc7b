"""What a profile promises not to have: a second family, so that nothing of it may be there; a kube-proxy."""

import pytest

from dualstack.family import Family
from dualstack.play.plan import make_plan, make_site
from dualstack.profile.model import load
from dualstack.report import conclude
from dualstack.scenario.board import Board
from dualstack.scenario.seen import Pods, PodSeen
from dualstack.session import catalogue, judging
from dualstack.survey.model import Node, Survey
from dualstack.verdict.judge import Judge, NotApplicable
from dualstack.verdict.words import Verdict

V4, V6 = Family.V4, Family.V6
NODE = Node(name="node0", ready=True, kubelet="v1.36.3", os="linux", internal_ips=("2001:db8::1",))
SURVEY = Survey(context=None, server="", version="v1.36.3", nodes=(NODE,), service_ranges=("fd00::/112",))
EKS, DUAL = load("eks-ipv6")[0], load("kubernetes")[0]


def plan(profile):
    site = make_site(SURVEY, profile, image=None, peers=None)
    return make_plan(SURVEY, site, catalogue.scenarios(), idle=None)


def test_it_is_probed_where_that_is_what_is_promised():
    assert plan(EKS).creates_nothing is None
    assert "this is not a dual-stack cluster" in str(plan(DUAL).creates_nothing)


def test_findings_in_the_other_family_are_not_applicable():
    judge = Judge()
    for family in (V4, V6, None):
        judge("node0", False, family=family, cause="broken", remedy="mend it")
    findings = conclude.without_unpromised(judge.findings, EKS.promises.families)
    assert [each.verdict for each in findings] == [Verdict.NOT_APPLICABLE, Verdict.BREAKS, Verdict.BREAKS]
    assert findings[0].cause == "nothing is promised in IPv4 (promises.families)"
    assert conclude.without_unpromised(judge.findings, DUAL.promises.families) == judge.findings


def test_what_speaks_of_both_families_does_not_apply():
    both = [each for each in catalogue.declared() if each.both_families]
    assert "service-dual-v4-first" in {each.id for each in both}
    for each in both:
        survey = SURVEY.model_copy(update={"version": f"v{each.until or each.since}.0"})
        with pytest.raises(NotApplicable, match=r"promises IPv6 only \(promises.families\)"):
            judging.check_applies(each, survey, EKS)
        judging.check_applies(each, survey, DUAL)


def test_where_there_is_no_kube_proxy_its_mode_does_not_apply():
    mode = next(each for each in catalogue.declared() if each.id == "kube-proxy-mode")
    with pytest.raises(NotApplicable, match=r"makes no promise of it \(promises.proxy-modes\)"):
        judging.check_applies(mode, SURVEY, load("aks-cilium")[0])
    judging.check_applies(mode, SURVEY, DUAL)


@pytest.mark.parametrize(
    ("pod_ips", "broken"),
    [(("2001:db8::a",), []), (("2001:db8::a", "10.0.0.9"), ["it has 1 IPv4 podIPs; IPv6 only is promised"])],
)
def test_a_pod_has_one_address_of_that_family_and_none_of_the_other(suite_module, tmp_path, pod_ips, broken):
    module, board, judge = suite_module("test_pods"), Board(tmp_path), Judge()
    pod = PodSeen(
        name="client-0", role="client", node="node0", running=True, pod_ip=pod_ips[0], pod_ips=pod_ips
    )
    board.publish(module.ProbePods.running, Pods(pods=(pod,), seconds=1.0))
    module.test_pod_ips(board, SURVEY, EKS, judge)
    findings = conclude.without_unpromised(judge.findings, EKS.promises.families)
    assert [each.cause for each in findings if each.verdict is Verdict.BREAKS] == broken
