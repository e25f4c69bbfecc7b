"""The behaviours of node ports, on made-up observations."""

import pytest

from dualstack.family import FAMILIES, Family
from dualstack.probes.observation import RUNNER, Observation
from dualstack.report.conclude import verdict_of
from dualstack.scenario.board import Board
from dualstack.scenario.seen import Paths
from dualstack.survey.model import Node, Survey
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

NODES = ("node0", "node1")


def path(source, target, family=Family.V6, *, ok=True, **more):
    answered = {"server-0": 4} if ok else {}
    return Observation(
        kind="tcp", source=source, target=target, family=family, address="fd00::1", port=30080, rounds=3,
        requests=4, answered=4 if ok else 0, answered_by=answered, reached=ok, silent=not ok,
        error=None if ok else "timed out", **more,
    )  # fmt: skip


def mesh(sources=NODES, bad=()):
    return [
        path(source, target, family, ok=(source, target, family) not in bad)
        for source in sources
        for target in NODES
        for family in FAMILIES
    ]


@pytest.fixture
def judged(suite_module, tmp_path):
    def run(test, *, paths=(), crossed=(), outside=(), direct=()):
        module, board, judge = suite_module("test_node_ports"), Board(tmp_path), Judge()
        for step, seen in (
            (module.NodePortPaths.paths, paths),
            (module.NodePortPaths.crossed, crossed),
            (module.NodePortsOutside.paths, outside),
            (module.TcpPodToPod.paths, direct or mesh()),
        ):
            board.publish(step, Paths(observations=tuple(seen)))
        nodes = tuple(Node(name=name, ready=True, kubelet="v1.36.3", os="linux") for name in NODES)
        survey = Survey(context=None, server="x", version="v1.36.3", nodes=nodes)
        more = (survey,) if test == "test_node_port_outside" else ()
        getattr(module, test)(board, *more, judge)
        return judge.findings

    return run


def test_one_node_whose_port_is_dead_in_one_family_breaks(judged):
    bad = [("node0", "node1", Family.V6), ("node1", "node1", Family.V6)]
    broken = [f for f in judged("test_node_port", paths=mesh(bad=bad)) if f.verdict is Verdict.BREAKS]
    assert {(f.source, f.target, f.family) for f in broken} == set(bad)


def test_what_breaks_directly_too_is_not_judged_here(judged):
    bad = [("node0", "node1", Family.V6)]
    findings = judged("test_node_port", paths=mesh(bad=bad), direct=mesh(bad=bad))
    assert verdict_of(findings) is Verdict.NOT_JUDGED
    assert any("see tcp-pod-to-pod" in str(f.cause) for f in findings)


@pytest.mark.parametrize(
    ("missing", "verdict"), [(("server-1",), Verdict.NOT_JUDGED), (("server-0",), Verdict.CONFORMS)]
)
def test_what_is_judged_beside_a_broken_direct_path_is_not_chance(judged, missing, verdict):
    """A port that answered for other backends only may just not have met the one that is cut off."""
    one = path("node0", "node1", ok=False, missing=missing)
    findings = judged("test_node_port", paths=[path("node0", "node0")], direct=[one])
    assert [finding.verdict for finding in findings] == [verdict]


def test_a_backend_without_an_address_of_the_family_is_none(judged):
    none = path("node0", "node1", ok=False).model_copy(update={"address": None})
    (finding,) = judged("test_node_port", paths=[path("node0", "node0")], direct=[none])
    assert finding.verdict is Verdict.CONFORMS


def test_a_node_without_an_address_of_the_family_owes_no_port(judged):
    """A node of one family may be meant, or waived: node-internal-ips says so, once."""
    none = path("node0", "node1", ok=False).model_copy(
        update={"address": None, "blocked": "node1 lists no IPv6 address", "not_promised": True}
    )
    (finding,) = judged("test_node_port", paths=[none])
    assert finding.verdict is Verdict.NOT_APPLICABLE


def test_the_other_familys_direct_path_excuses_nothing(judged):
    bad, other = [("node0", "node1", Family.V6)], [("node0", "node1", Family.V4)]
    findings = judged("test_node_port", paths=mesh(bad=bad), direct=mesh(bad=other))
    assert verdict_of(findings) is Verdict.BREAKS


def test_from_outside_a_family_that_no_node_answers_is_not_judged(judged):
    """Who sits behind a firewall, or has no way to the nodes, learns nothing about the cluster."""
    nobody = [(RUNNER, node, Family.V6) for node in NODES]
    findings = judged("test_node_port_outside", outside=mesh([RUNNER], nobody))
    assert [(f.subject, f.family) for f in findings if f.verdict is Verdict.NOT_JUDGED] == [
        (RUNNER, Family.V6)
    ]
    assert not [f for f in findings if f.verdict is Verdict.BREAKS]


def test_from_outside_one_node_of_several_breaks(judged):
    findings = judged("test_node_port_outside", outside=mesh([RUNNER], [(RUNNER, "node1", Family.V6)]))
    (broken,) = [f for f in findings if f.verdict is Verdict.BREAKS]
    assert (broken.target, broken.family) == ("node1", Family.V6)


def test_an_answer_in_the_other_family_breaks_and_silence_needs_a_control(judged):
    crossed = [path("node0", "node1", ok=True), path("node1", "node1", ok=False)]
    first, second = judged("test_node_port_single_family", paths=mesh(), crossed=crossed)
    assert (first.verdict, second.verdict) == (Verdict.BREAKS, Verdict.CONFORMS)
    dead = [("node1", "node1", Family.V6)]
    *_, last = judged("test_node_port_single_family", paths=mesh(bad=dead), crossed=crossed)
    assert last.verdict is Verdict.NOT_JUDGED
