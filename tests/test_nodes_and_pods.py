"""Between nodes and pods: pods reach every node's addresses, nodes reach every node's pods."""

from dualstack.probes.kinds.connect import CONNECT
from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.observation import Observation
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, HOST, SERVER
from dualstack.scenario.node_targets import NodeAddresses
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.targets import PodsOnEveryNode
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.survey.model import Survey, inside, of_family, same_address
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier

MODEL = "https://kubernetes.io/docs/concepts/services-networking/#the-kubernetes-network-model"


class PodToNode(Scenario):
    """Connections to the port that each kubelet listens on, at all of the node's InternalIPs."""

    id = "pod-to-node"
    on_every_node = (CLIENT,)
    paths = Probe(CONNECT, to=NodeAddresses())


class NodeToPod(Scenario):
    """From every node's own network to the servers of the planned pairs."""

    id = "node-to-pod"
    on_every_node = (HOST, SERVER)
    paths = Probe(TCP, to=PodsOnEveryNode(SERVER), source=HOST, direct=TcpPodToPod.paths)


@behaviour(
    Behaviour(
        id="pod-to-node",
        traffic="TCP from pods to nodes' own addresses",
        every_pair=True,
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        reads=("nodes",),
        claim="From every node's pods, every InternalIP that a node lists accepts connections.",
        source=MODEL,
        remedy="Follow the packet of the broken family from the pod to the named node's address: the source "
        "node's routes and masquerading, filters on the named node, and the way back to the pod.",
    ),
    needs=(PodToNode,),
)
def test_pod_to_node(board: Board, judge: Judge) -> None:
    seen = board.wait(PodToNode.paths).observations
    heard = {each.target for each in seen if each.reached}
    for path in judge.paths(seen, "pairs of nodes"):
        if path.target not in heard:
            judge.cannot_path(
                path, f"no pod of any node can connect to {path.target}'s kubelet, port {path.port}"
            )
            continue
        judge.path(
            path,
            path.reached and path.flaw is None,
            cause=path.flaw or f"{path.address} accepts no connection in {path.rounds} tries: {path.error}",
            address=path.address,
            port=path.port,
            rounds=path.rounds,
            counted=path.counted,
            lost_syns=path.lost_syns,
            error=path.error,
        )


@behaviour(
    Behaviour(
        id="node-to-pod",
        traffic="TCP from nodes to pods",
        every_pair=True,
        every_node=True,
        level=Level.MUST,
        tier=Tier.HOST,
        reads=("nodes",),
        claim="Every node reaches every node's pods in both families, from an address of its own.",
        source=MODEL,
        remedy="Follow the packet of the broken family: the node's route to the target's pods and the source "
        "address that it chooses (ip -6 route get POD), filters on both nodes, and the way back.",
    ),
    needs=(TcpPodToPod, NodeToPod),
)
def test_node_to_pod(board: Board, survey: Survey, judge: Judge) -> None:
    for path in judge.paths(board.wait(NodeToPod.paths).observations, "pairs of nodes"):
        if path.address is None:
            judge.cannot_path(path, f"{path.error} (see pod-ips)")
            continue
        strange = _strange(path, survey)
        judge.path(
            path,
            path.reached and not path.flaw and not strange,
            cause=strange or path.flaw or f"no answer in {path.rounds} tries: {path.error}",
            address=path.address,
            client_seen=list(path.clients_seen),
            rounds=path.rounds,
            counted=path.counted,
            lost_syns=path.lost_syns,
            error=path.error,
        )


def _strange(path: Observation, survey: Survey) -> str | None:
    """Return what is wrong with the source address that the pod saw; None if nothing is.

    A node speaks from an InternalIP, or from an address in the pods' ranges (its bridge's, its tunnel's).
    """
    if foreign := path.foreign_clients:
        return f"the server saw {foreign[0]}: this is not {path.family} on the wire"
    ends = (survey.node(path.source), survey.node(path.target))
    ranges = (*survey.pod_ranges, *(cidr for node in ends for cidr in node.pod_cidrs))
    listed = of_family(survey.node(path.source).internal_ips, path.family)
    if not listed or not any(inside(str(path.address), each) for each in ranges):
        return None  # the node lists none, or pods live in ranges that nobody declares
    for seen in path.clients_seen:
        if not any(same_address(seen, ip) for ip in listed) and not any(
            inside(seen, each) for each in ranges
        ):
            return f"it speaks from {seen}, which is neither an InternalIP of it nor in the pods' ranges"
    return None
