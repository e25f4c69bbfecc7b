"""The behaviours between nodes and pods, on made-up observations."""

import pytest

from dualstack.family import Family
from dualstack.probes.observation import Observation
from dualstack.scenario.board import Board
from dualstack.scenario.seen import Paths
from dualstack.survey.model import Node, Survey
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

V6_NODE, V6_POD, V6_BRIDGE, V6_VIP = "fd00:30::10", "fd00:244::5", "fd00:244::1", "fd00:30::99"


def surveyed(*, ips=("10.0.0.1", V6_NODE), pod_ranges=("10.244.0.0/16", "fd00:244::/64")):
    node = Node(name="node0", ready=True, kubelet="v1.36.3", os="linux", internal_ips=ips)
    return Survey(context=None, server="x", version="v1.36.3", nodes=(node,), pod_ranges=pod_ranges)


def test_without_the_clusters_range_the_nodes_own_suffice(judged):
    """A control plane that runs in no pods does not tell its ranges."""
    nodes = tuple(
        Node(
            name=name, ready=True, kubelet="v1.36.3", os="linux", internal_ips=("10.0.0.1", V6_NODE),
            pod_cidrs=(cidr,),
        )
        for name, cidr in (("node0", "fd00:244::/64"), ("node1", "fd00:244:0:1::/64"))
    )  # fmt: skip
    survey = Survey(context=None, server="x", version="v1.36.3", nodes=nodes)
    across = path("node1", seen=[V6_VIP], address="fd00:244:0:1::5")
    (finding,) = judged("test_node_to_pod", across, survey=survey)
    assert finding.verdict is Verdict.BREAKS


def path(target="node0", *, seen=(), ok=True, address=V6_POD, **more):
    return Observation(
        kind="tcp", source="node0", target=target, family=Family.V6, address=address, reached=ok, rounds=3,
        requests=3, answered=3 if ok else 0, clients_seen=dict.fromkeys(seen, 1),
        error=None if ok else "timed out", **more,
    )  # fmt: skip


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(test, *paths, survey=None):
        module, board, judge = suite_module("test_nodes_and_pods"), Board(tmp_path), Judge()
        board.publish(module.PodToNode.paths, Paths(observations=paths))
        board.publish(module.NodeToPod.paths, Paths(observations=paths))
        more = (survey or surveyed(),) if test == "test_node_to_pod" else ()
        getattr(module, test)(board, *more, judge)
        return judge.findings

    return run


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (V6_NODE, Verdict.CONFORMS),
        (V6_BRIDGE, Verdict.CONFORMS),
        (V6_VIP, Verdict.BREAKS),
        ("10.0.0.1", Verdict.BREAKS),
        ("::ffff:10.0.0.1", Verdict.BREAKS),
    ],
)
def test_a_node_speaks_from_an_address_of_its_own_or_of_the_pods_range(judged, seen, verdict):
    (finding,) = judged("test_node_to_pod", path(seen=[seen]))
    assert finding.verdict is verdict


def test_where_pods_live_in_ranges_that_nobody_declares_the_source_says_nothing(judged):
    undeclared = surveyed(pod_ranges=("10.244.0.0/16",))
    (finding,) = judged("test_node_to_pod", path(seen=[V6_VIP]), survey=undeclared)
    assert finding.verdict is Verdict.CONFORMS
    lists_none = surveyed(ips=("10.0.0.1",))
    (finding,) = judged("test_node_to_pod", path(seen=[V6_VIP]), survey=lists_none)
    assert finding.verdict is Verdict.CONFORMS


def test_a_pod_without_an_address_is_another_checks_matter(judged):
    (finding,) = judged("test_node_to_pod", path(ok=False, address=None))
    assert finding.verdict is Verdict.NOT_JUDGED


def test_a_kubelet_that_nobody_reaches_is_not_judged_and_one_that_some_reach_is(judged):
    dead = path("node1", ok=False)
    heard = path("node0")
    lost = path("node0", ok=False, port=10250)
    by_target = {f.subject: f for f in judged("test_pod_to_node", dead, heard)}
    assert by_target["node0 → node1"].verdict is Verdict.NOT_JUDGED
    assert "kubelet" in by_target["node0 → node1"].cause
    _, broken = judged("test_pod_to_node", heard, lost)
    assert broken.verdict is Verdict.BREAKS
