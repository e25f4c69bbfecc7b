"""kube-proxy's own word, on either loopback address, and clusters that have none."""

import pytest

from dualstack.family import Family
from dualstack.probes.script import Answers
from dualstack.profile.model import load
from dualstack.report.conclude import verdict_of
from dualstack.scenario.board import Board
from dualstack.scenario.seen import PerNode
from dualstack.scenarios import kube_proxies
from dualstack.scenarios.kube_proxies import ProxySeen
from dualstack.survey.model import Survey
from dualstack.verdict.judge import Judge, NotApplicable
from dualstack.verdict.words import Verdict

REFUSED = {"exitcode": 7, "errormsg": "Connection refused"}
OK = {"http_code": 200}


def read(**answers):
    curl = dict.fromkeys(("mode", "mode6", "health", "health6"), REFUSED)
    files = {("body", id_): text for id_, text in answers.items()}
    return kube_proxies._read("node0", Answers(curl=curl | dict.fromkeys(answers, OK), files=files))


def test_it_is_asked_on_both_loopback_addresses():
    seen = read(mode6="nftables", health6='{"status": {"IPv4": {}, "IPv6": {}}}')
    assert (seen.mode, seen.answered_at) == ("nftables", "[::1]:10249")
    assert seen.families == (Family.V4, Family.V6)
    assert read(mode="iptables").answered_at == "127.0.0.1:10249"


def test_nobody_there_and_no_answer_are_two_things():
    assert read().refused
    curl = {id_: {"exitcode": 28} for id_ in ("mode", "mode6")}
    slow = kube_proxies._read("node0", Answers(curl=curl))
    assert not slow.refused


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(*nodes, **facts):
        module, board, judge = suite_module("test_kube_proxy"), Board(tmp_path), Judge()
        board.publish(module.KubeProxies.seen, PerNode[ProxySeen](nodes=nodes))
        survey = Survey(context=None, server="s", version="v1.36.3", **facts)
        module.test_kube_proxy_mode(board, survey, load("kubernetes")[0], judge)
        return judge.findings

    return run


def gone(node):
    return ProxySeen(node=node, refused=True, trouble="no kube-proxy answers")


def test_a_cluster_without_kube_proxy_is_not_blamed_for_it(judged):
    with pytest.raises(NotApplicable, match="something else"):
        judged(gone("node0"), gone("node1"))


@pytest.mark.parametrize(
    "facts",
    [
        {"proxy_daemonsets": ("kube-system/kube-proxy",)},
        {"proxy_mode_configured": "iptables"},
        {"missing": {"daemonsets": "forbidden: list daemonsets"}},
    ],
)
def test_where_one_is_deployed_or_nobody_can_say_it_is_not_judged(judged, facts):
    assert verdict_of(judged(gone("node0"), **facts)) is Verdict.NOT_JUDGED


def test_one_node_without_it_beside_others_is_not_judged(judged):
    findings = judged(gone("node0"), ProxySeen(node="node1", mode="iptables"))
    assert [finding.verdict for finding in findings] == [Verdict.NOT_JUDGED, Verdict.CONFORMS]


def test_a_kube_proxy_that_names_no_families_is_judged_by_its_mode_alone(judged):
    (finding,) = judged(ProxySeen(node="node0", mode="iptables", families=None))
    assert (finding.verdict, finding.family) == (Verdict.CONFORMS, None)
