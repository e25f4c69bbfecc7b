"""What a Service may say of where its traffic goes: affinity, and the two traffic policies."""

from collections.abc import Iterable

from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.observation import RUNNER, Observation
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import BACKEND_LABEL, CLIENT, SERVER
from dualstack.scenario.node_targets import NodePorts
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.targets import OwnBackend, SomeBackend
from dualstack.scenarios.probe_pods import ProbePods
from dualstack.scenarios.tcp_pod_to_pod import Direct, TcpPodToPod
from dualstack.survey.model import Survey, inside, same_address
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Level, Tier

PROXIES = "https://kubernetes.io/docs/reference/networking/virtual-ips/"
LOCAL = ("external-traffic-policy-ipv4", "external-traffic-policy-ipv6")
NODE_PORTS = ("node-port-ipv4", "node-port-ipv6")


class SessionAffinity(Scenario):
    """A client of each node calls each family's ClusterIP again and again."""

    id = "session-affinity"
    on_every_node = (CLIENT, SERVER)
    manifests = ("session-affinity",)
    paths = Probe(
        TCP, to=SomeBackend("session-affinity-ipv4", "session-affinity-ipv6"), direct=TcpPodToPod.paths
    )


class InternalTrafficPolicy(Scenario):
    """Nodes with a backend of their own call each family's ClusterIP."""

    id = "internal-traffic-policy"
    on_every_node = (CLIENT, SERVER)
    manifests = ("internal-traffic-policy",)
    paths = Probe(
        TCP,
        to=OwnBackend("internal-traffic-policy-ipv4", "internal-traffic-policy-ipv6"),
        direct=TcpPodToPod.paths,
    )


class ExternalTrafficPolicy(Scenario):
    """The runner calls the node with the backend, then the others, beside a Service that they all serve."""

    id = "external-traffic-policy"
    on_every_node = (SERVER,)
    manifests = ("external-traffic-policy", "node-port")
    control = Probe(
        TCP,
        to=NodePorts(*NODE_PORTS),
        source=RUNNER,
        direct=TcpPodToPod.paths,
        tries=0,
        together=True,
    )
    here = Probe(
        TCP,
        to=NodePorts(*LOCAL, beside_backend=True),
        source=RUNNER,
        direct=TcpPodToPod.paths,
        control=control,
        together=True,
    )
    elsewhere = Probe(
        TCP,
        to=NodePorts(*LOCAL, beside_backend=False),
        source=RUNNER,
        until_silent=True,
        control=control,
        bound="silence",
    )


@behaviour(
    Behaviour(
        id="session-affinity",
        traffic="affinity of clients",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="A client of a Service with ClientIP affinity stays on one backend, in each family.",
        source=f"{PROXIES}#session-affinity",
        remedy="Look at the rules of the broken family on the named node: with iptables, affinity needs the "
        "kernel's xt_recent for this family.",
    ),
    needs=(ProbePods, TcpPodToPod, SessionAffinity),
)
def test_session_affinity(board: Board, judge: Judge) -> None:
    servers = board.wait(ProbePods.running).of(SERVER).values()
    if sum(pod.running and BACKEND_LABEL in pod.labels for pod in servers) < 2:
        raise CannotJudge("it takes two backends to tell whether a client stays on one")
    for path in judge.paths(board.wait(SessionAffinity.paths).observations, "ClusterIPs and nodes"):
        if not path.answered_by:
            judge.cannot_path(
                path, f"the Service does not answer here at all (see cluster-ip-tcp): {path.error}"
            )
            continue
        spread = ", ".join(f"{name} ({count})" for name, count in path.answered_by.items())
        judge.path(
            path,
            len(path.answered_by) == 1,
            cause=f"one client was answered by {spread}",
            answered_by=dict(path.answered_by),
            cluster_ip=path.address,
        )


@behaviour(
    Behaviour(
        id="internal-traffic-policy",
        traffic="TCP with internalTrafficPolicy Local",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        since="1.22",
        claim="With internalTrafficPolicy Local a pod is answered by its own node's backend alone, in each "
        "family.",
        source=f"{PROXIES}#internal-traffic-policy",
        remedy="Look at the rules of the broken family on the named node, and whether a policy or a "
        "controller sets the Service's internalTrafficPolicy back.",
    ),
    needs=(TcpPodToPod, InternalTrafficPolicy),
)
def test_internal_traffic_policy(board: Board, judge: Judge) -> None:
    direct = Direct(board.wait(TcpPodToPod.paths).observations)
    for path in judge.paths(board.wait(InternalTrafficPolicy.paths).observations, "nodes with a backend"):
        if not path.reached and (why := direct.trouble(path.family, path.source)):
            judge.cannot_path(path, why)
            continue
        if not path.answered_by:
            own = f"its own backend does not answer: {path.error}"
            judge.path(path, False, cause=own, cluster_ip=path.address, rounds=path.rounds)
            continue
        others = {name: count for name, count in path.answered_by.items() if name in path.strangers}
        judge.path(
            path,
            path.reached and not path.flaw,
            cause=f"another node's backend answers: {', '.join(others)}"
            if others
            else path.flaw or f"its own backend does not answer, and {', '.join(path.answered_by)} does",
            answered_by=dict(path.answered_by),
            cluster_ip=path.address,
            counted=path.counted,
        )


@behaviour(
    Behaviour(
        id="external-traffic-policy",
        traffic="TCP at node ports with externalTrafficPolicy Local",
        level=Level.SHOULD,
        tier=Tier.OUTSIDE,
        reads=("nodes",),
        claim="With externalTrafficPolicy Local a node answers from outside only where it has a backend, "
        "which sees the client's own address, in each family.",
        source=f"{PROXIES}#external-traffic-policy",
        remedy="Look at the rules of the broken family on the named node, and for a masquerade rule of it "
        "that takes more than kube-proxy marks.",
    ),
    needs=(ExternalTrafficPolicy,),
)
def test_external_traffic_policy(board: Board, survey: Survey, judge: Judge) -> None:
    control = board.wait(ExternalTrafficPolicy.control).observations
    for path in judge.paths(board.wait(ExternalTrafficPolicy.here).observations, "backends", control=control):
        own = [seen for seen in path.clients_seen if _of_the_cluster(seen, survey)]
        cause = path.flaw or f"no answer in {path.rounds} tries: {path.error}"
        if own:
            cause = f"the backend sees {own[0]}, an address of the cluster, instead of the client's"
        judge.path(
            path,
            path.reached and not path.flaw and not own,
            cause=cause,
            address=path.address,
            port=path.port,
            client_seen=list(path.clients_seen),
            counted=path.counted,
        )
    elsewhere: Iterable[Observation] = board.wait(ExternalTrafficPolicy.elsewhere).observations
    for path in judge.paths(elsewhere, "other nodes", control=control) if elsewhere else ():
        judge.path(
            path,
            path.silent,
            cause=f"it answers ({', '.join(path.answered_by)}) and has no backend",
            address=path.address,
            port=path.port,
            answered_by=dict(path.answered_by),
        )


def _of_the_cluster(address: str, survey: Survey) -> bool:
    """Return whether a client's address is a node's or a pod's: then the cluster has put it there."""
    nodes = [ip for node in survey.nodes for ip in node.internal_ips]
    ranges = [*survey.pod_ranges, *(cidr for node in survey.nodes for cidr in node.pod_cidrs)]
    return any(same_address(address, ip) for ip in nodes) or any(inside(address, each) for each in ranges)
