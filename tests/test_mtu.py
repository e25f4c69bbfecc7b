"""Large packets: what fills more than one packet passes wherever a small one does.

One answer is enough, no more tries count: an MTU that is wrong is wrong for all, and a slow node is no MTU.
"""

from dualstack.probes.kinds.large import DATAGRAM_BYTES, LARGE_TCP, LARGE_UDP
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import Paths
from dualstack.scenario.targets import PodsOnEveryNode
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.scenarios.udp_pod_to_pod import UdpPodToPod
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier


class LargeByTcp(Scenario):
    """A megabyte from every node's pods to every node's pods."""

    id = "mtu-tcp"
    on_every_node = (CLIENT, SERVER)
    paths = Probe(LARGE_TCP, to=PodsOnEveryNode(SERVER), tries=0, direct=TcpPodToPod.paths)


class LargeByUdp(Scenario):
    """A datagram of fragments from every node's pods to every node's pods."""

    id = "mtu-udp"
    on_every_node = (CLIENT, SERVER)
    paths = Probe(LARGE_UDP, to=PodsOnEveryNode(SERVER), tries=0, direct=UdpPodToPod.paths)


@behaviour(
    Behaviour(
        id="mtu-tcp",
        traffic="TCP in large packets",
        every_pair=True,
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="A megabyte passes by TCP from every node's pods to every node's pods, in both families.",
        source="https://www.rfc-editor.org/rfc/rfc8201",
        remedy="Let ICMPv6 `packet too big` (type 2) and ICMPv4 `fragmentation needed` pass everywhere, and "
        "compare the pods' MTU with what the tunnel or the link between the nodes carries.",
    ),
    needs=(TcpPodToPod, LargeByTcp),
)
def test_mtu_tcp(board: Board, judge: Judge) -> None:
    _judge(board.wait(TcpPodToPod.paths), board.wait(LargeByTcp.paths), "a megabyte", judge)


@behaviour(
    Behaviour(
        id="mtu-udp",
        traffic="UDP in fragments",
        every_pair=True,
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim=f"A datagram of {DATAGRAM_BYTES} bytes and its answer pass between all nodes' pods, in both "
        "families.",
        source="https://www.rfc-editor.org/rfc/rfc8900",
        remedy="Let fragments of the broken family pass: filters that want a port drop all but the first "
        "(IPv6 fragments carry an extension header).",
    ),
    needs=(UdpPodToPod, LargeByUdp),
)
def test_mtu_udp(board: Board, judge: Judge) -> None:
    _judge(board.wait(UdpPodToPod.paths), board.wait(LargeByUdp.paths), "a large datagram", judge)


def _judge(small: Paths, large: Paths, what: str, judge: Judge) -> None:
    """Judge large requests where small ones pass; where these do not, size is not the question."""
    passed = {(each.source, each.target, each.family) for each in small.observations if each.reached}
    for path in judge.paths(large.observations, "pairs of nodes"):
        if (path.source, path.target, path.family) not in passed:
            judge.cannot_path(path, "small requests do not pass either")
            continue
        judge.path(
            path,
            path.reached and path.flaw is None,
            cause=path.flaw
            or f"small requests pass and {what} does not, in {path.rounds} tries: {path.error}",
            address=path.address,
            rounds=path.rounds,
            counted=path.counted,
            error=path.error,
        )
