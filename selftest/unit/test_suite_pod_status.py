"""What pods are told of their addresses, and pods in the node's own network, on made-up observations."""

import pytest

from dualstack.family import Family
from dualstack.probes.script import Answers
from dualstack.scenario.board import Board
from dualstack.scenario.seen import PerNode, Pods, PodSeen
from dualstack.survey.model import Node, Survey
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

OWN, HOST = ("10.244.0.5", "fd00:244::5"), ("10.0.0.1", "fd00:30::10")
HOSTS = "127.0.0.1\tlocalhost\n10.244.0.5\tclient-0\nFD00:244:0::5\tclient-0 # a comment\n"


@pytest.fixture
def module(suite_module):
    return suite_module("test_pod_status")


def files(pod_ips="10.244.0.5,fd00:244::5", host_ips="10.0.0.1,fd00:30::10", hosts=HOSTS):
    return Answers(files={("podips", "it"): pod_ips, ("hostips", "it"): host_ips, ("hosts", "it"): hosts})


@pytest.fixture
def told(module, tmp_path):
    def run(answers, pod_ips=OWN, host_ips=HOST):
        board, judge = Board(tmp_path), Judge()
        pod = PodSeen(
            name="client-0", role="client", node="node0", running=True, pod_ips=pod_ips, host_ips=host_ips
        )
        board.publish(module.ProbePods.running, Pods(pods=(pod,), seconds=1))
        seen = PerNode[module.Told](nodes=(module._read("node0", answers),))
        board.publish(module.PodsTold.seen, seen)
        module.test_pod_downward_api(board, judge)
        return {f.family: f for f in judge.findings}

    return run


def test_all_addresses_are_told_however_they_are_spelled(told):
    assert {f.verdict for f in told(files()).values()} == {Verdict.CONFORMS}


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (files(pod_ips="10.244.0.5"), "POD_IPS says none"),
        (files(host_ips="10.0.0.1"), "HOST_IPS says none"),
        (files(hosts="10.244.0.5 client-0\n"), "/etc/hosts does not have it"),
        (Answers(), "POD_IPS says none"),
    ],
)
def test_a_family_that_is_not_told_breaks(told, answers, words):
    finding = told(answers)[Family.V6]
    assert finding.verdict is Verdict.BREAKS
    assert words in finding.cause


def test_before_1_30_nobody_is_told_the_nodes_addresses(told):
    assert {f.verdict for f in told(files(host_ips=""), host_ips=()).values()} == {Verdict.CONFORMS}


def test_a_pod_without_an_address_is_another_checks_matter(told):
    found = told(files(pod_ips="10.244.0.5"), pod_ips=OWN[:1])
    assert (found[Family.V4].verdict, found[Family.V6].verdict) == (Verdict.CONFORMS, Verdict.NOT_JUDGED)


@pytest.mark.parametrize(
    ("pod_ips", "host_ips", "verdict"),
    [
        (HOST, HOST, Verdict.CONFORMS),
        (("10.0.0.1", "FD00:30:0::10"), (), Verdict.CONFORMS),
        (HOST[:1], HOST, Verdict.BREAKS),
        (HOST, HOST[:1], Verdict.BREAKS),
        (("10.0.0.1", "fd00:30::99"), HOST, Verdict.BREAKS),
    ],
)
def test_a_host_pod_has_the_nodes_addresses(module, tmp_path, pod_ips, host_ips, verdict):
    board, judge = Board(tmp_path), Judge()
    pod = PodSeen(name="host-0", role="host", node="node0", running=True, pod_ips=pod_ips, host_ips=host_ips)
    board.publish(module.HostPods.running, Pods(pods=(pod,), seconds=1))
    node = Node(name="node0", ready=True, kubelet="v1.36.3", os="linux", internal_ips=HOST)
    survey = Survey(context=None, server="x", version="v1.36.3", nodes=(node,))
    module.test_pod_host_network(board, survey, judge)
    assert {f.family: f.verdict for f in judge.findings}[Family.V6] is verdict
