"""Node ports: on every node's address, in the Service's own family and in no other."""

from collections.abc import Iterable

from dualstack.family import FAMILIES
from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.observation import RUNNER, Observation
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.node_targets import NodePorts
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenarios.tcp_pod_to_pod import Direct, TcpPodToPod
from dualstack.survey.model import Survey
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier

BOTH = ("node-port-ipv4", "node-port-ipv6")
SOURCE = "https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport"


class NodePortPaths(Scenario):
    """Each family's node port from every node's pods, then on the other family's addresses."""

    id = "node-ports"
    on_every_node = (CLIENT, SERVER)
    manifests = ("node-port",)
    paths = Probe(TCP, to=NodePorts(*BOTH), direct=TcpPodToPod.paths)
    crossed = Probe(TCP, to=NodePorts(*BOTH, crossed=True), until_silent=True, control=paths, bound="silence")


class NodePortsOutside(Scenario):
    """Each family's node port from the runner."""

    id = "node-ports-outside"
    on_every_node = (SERVER,)
    manifests = ("node-port",)
    paths = Probe(TCP, to=NodePorts(*BOTH), source=RUNNER, direct=TcpPodToPod.paths, together=True)


@behaviour(
    Behaviour(
        id="node-port",
        traffic="TCP at node ports",
        every_pair=True,
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="From every node's pods, a NodePort of each family answers on every node's address.",
        source=SOURCE,
        remedy="Look at kube-proxy on the named target node: its nodePortAddresses, its rules of the broken "
        "family, and filters of the node-port range (30000 to 32767).",
    ),
    needs=(TcpPodToPod, NodePortPaths),
)
def test_node_port(board: Board, judge: Judge) -> None:
    _judge(board, board.wait(NodePortPaths.paths).observations, judge)


@behaviour(
    Behaviour(
        id="node-port-single-family",
        both_families=True,
        traffic="answers at node ports of the other family",
        every_node=True,
        level=Level.INFO,
        tier=Tier.PODS,
        claim="The NodePort of a Service of one family is not served on the nodes' addresses of the other.",
        source=SOURCE,
        remedy="Find out what listens on that port of the named node (ss -ltn), or what translates.",
    ),
    needs=(NodePortPaths,),
)
def test_node_port_single_family(board: Board, judge: Judge) -> None:
    control = board.wait(NodePortPaths.paths).observations
    for path in judge.paths(
        board.wait(NodePortPaths.crossed).observations, "pairs of nodes", control=control
    ):
        judge.path(
            path,
            path.silent,
            cause=f"port {path.port} of {path.address} is answered, and belongs to a Service of the other "
            "family alone",
            address=path.address,
            port=path.port,
            answered_by=dict(path.answered_by),
            requests=path.requests,
        )


@behaviour(
    Behaviour(
        id="node-port-outside",
        traffic="TCP at node ports from outside",
        level=Level.SHOULD,
        tier=Tier.OUTSIDE,
        claim="A NodePort of each family answers from outside on every node, where it does on any.",
        source=SOURCE,
        remedy="If pods reach the same port, look for filters of the broken family between here and the "
        "named node, and for its route back.",
    ),
    needs=(TcpPodToPod, NodePortsOutside),
)
def test_node_port_outside(board: Board, survey: Survey, judge: Judge) -> None:
    seen = board.wait(NodePortsOutside.paths).observations
    called = {each.target for each in seen}
    for family in FAMILIES:
        tried = [each for each in seen if each.family is family and not each.blocked]
        if tried and not any(each.answered for each in tried):
            why = "no node's port answers the runner: it may have no way to the nodes, or a firewall is meant"
            judge.cannot(RUNNER, why, family=family)
            seen = tuple(each for each in seen if each not in tried)
    _judge(board, seen, judge)
    if others := len(survey.nodes) - len(called):
        judge.not_applicable(f"{others} other nodes", "not called from outside: some of many are")


def _judge(board: Board, seen: Iterable[Observation], judge: Judge) -> None:
    direct = Direct(board.wait(TcpPodToPod.paths).observations)
    for path in judge.paths(seen, "nodes"):
        if path.reached and not path.flaw:
            why = direct.untold(path.family, path.target, answered_by=path.answered_by)
        else:
            why = direct.trouble(path.family, path.target, path.source)
        if why and not path.strangers:
            judge.cannot_path(path, why, answered=f"{path.answered} of {path.requests}")
            continue
        wrong = path.foreign_clients
        cause = path.flaw or f"no answer in {path.rounds} tries: {path.error}"
        if wrong:
            cause = f"the server saw {wrong[0]}: this is not {path.family} on the wire"
        judge.path(
            path,
            path.reached and not path.flaw and not wrong,
            cause=cause,
            address=path.address,
            port=path.port,
            answered=f"{path.answered} of {path.requests}",
            backends=dict(path.answered_by),
            client_seen=list(path.clients_seen),
            converged_after_seconds=path.seconds,
            rounds=path.rounds,
            counted=path.counted,
            lost_syns=path.lost_syns,
            error=path.error,
        )
