"""ClusterIPs: what answers behind them, from every node."""

from collections.abc import Iterable, Sequence

from dualstack.family import Family
from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.kinds.udp import UDP
from dualstack.probes.observation import Observation
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, HOST, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.targets import ClusterIPs
from dualstack.scenarios.cluster_ips import ALL, MANIFESTS, ServicePaths
from dualstack.scenarios.probe_pods import ProbePods
from dualstack.scenarios.tcp_pod_to_pod import Direct, TcpPodToPod
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier


class ServicesByUdp(Scenario):
    """The same Services by UDP."""

    id = "cluster-ips-udp"
    on_every_node = (CLIENT, SERVER)
    manifests = MANIFESTS
    paths = Probe(UDP, to=ALL, direct=TcpPodToPod.paths)


class ServicesFromNodes(Scenario):
    """The same Services from every node's own network."""

    id = "cluster-ips-from-nodes"
    on_every_node = (HOST, SERVER)
    manifests = MANIFESTS
    paths = Probe(TCP, to=ALL, source=HOST, direct=TcpPodToPod.paths)


class Hairpin(Scenario):
    """The Services of each family from their own backends."""

    id = "hairpin"
    on_every_node = (SERVER,)
    manifests = MANIFESTS
    paths = Probe(TCP, to=ClusterIPs("service-ipv4", "service-ipv6"), source=SERVER)


@behaviour(
    Behaviour(
        id="cluster-ip-tcp",
        traffic="TCP to ClusterIPs",
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="From every node, a ClusterIP of each family reaches all of its Service's backends by TCP.",
        source="https://kubernetes.io/docs/reference/networking/virtual-ips/",
        remedy="Look at kube-proxy on the named node: does it run, and does it program the broken family?",
    ),
    needs=(ProbePods, TcpPodToPod, ServicePaths),
)
def test_cluster_ip_tcp(board: Board, judge: Judge) -> None:
    _judge(board, judge, board.wait(ServicePaths.paths).observations)


@behaviour(
    Behaviour(
        id="cluster-ip-udp",
        traffic="UDP to ClusterIPs",
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="From every node, a ClusterIP of each family reaches all of its Service's backends by UDP.",
        source="https://kubernetes.io/docs/reference/networking/virtual-ips/",
        remedy="If TCP passes, compare kube-proxy's rules for UDP in the broken family on the named node, "
        "and look for filters of UDP.",
    ),
    needs=(ProbePods, TcpPodToPod, ServicesByUdp),
)
def test_cluster_ip_udp(board: Board, judge: Judge) -> None:
    _judge(board, judge, board.wait(ServicesByUdp.paths).observations)


@behaviour(
    Behaviour(
        id="cluster-ip-from-node",
        traffic="TCP to ClusterIPs from nodes",
        every_node=True,
        level=Level.MUST,
        tier=Tier.HOST,
        claim="From every node's own network, a ClusterIP of each family reaches all of its Service's "
        "backends by TCP.",
        source="https://kubernetes.io/docs/reference/networking/virtual-ips/",
        remedy="If pods of the node reach it, look at the source address that the node chooses for the "
        "broken family, and whether its rules masquerade what the node itself sends.",
    ),
    needs=(ProbePods, TcpPodToPod, ServicesFromNodes),
)
def test_cluster_ip_from_node(board: Board, judge: Judge) -> None:
    _judge(board, judge, board.wait(ServicesFromNodes.paths).observations)


@behaviour(
    Behaviour(
        id="hairpin",
        traffic="TCP from backends to themselves",
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="A pod that is a Service's backend reaches itself through the Service, in both families.",
        source="https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/"
        "#a-pod-fails-to-reach-itself-via-the-service-ip",
        remedy="Switch hairpin mode on for the pods' ports of the bridge (hairpinMode of the network "
        "plugin), or let the bridge be promiscuous.",
    ),
    needs=(ProbePods, TcpPodToPod, Hairpin),
)
def test_hairpin(board: Board, judge: Judge) -> None:
    direct = Direct(board.wait(TcpPodToPod.paths).observations)
    servers = board.wait(ProbePods.running).of(SERVER)
    for path in judge.paths(board.wait(Hairpin.paths).observations, "servers behind a Service"):
        own = servers[path.source].name
        if own not in path.missing and own not in path.answered_by:
            continue  # not one of its backends
        if why := _never_sent(path, own):
            judge.cannot_path(path, f"{why} (see cluster-ip-tcp)")
            continue
        if own not in path.missing and (lossy := direct.lossy(path)):
            judge.cannot_path(path, lossy, counted=path.counted)
            continue
        lost = path.requests - path.answered
        cause = f"{lost} of {path.requests} requests were lost, and {own} never reached itself: {path.error}"
        judge.path(
            path,
            own not in path.missing and not path.flaw,
            cause=path.flaw or cause,
            answered_by=dict(path.answered_by),
            counted=path.counted,
            error=path.error,
        )


def _never_sent(path: Observation, own: str) -> str | None:
    """Return why nobody can say whether a pod would reach itself; None if it did or was sent to itself."""
    if own not in path.missing:
        return None
    if path.answered == path.requests:
        return "no connection was sent to it"
    alone = path.missing == (own,)
    return None if alone or path.answered_by else "the Service does not answer here at all"


def _judge(board: Board, judge: Judge, observations: Sequence[Observation]) -> None:
    """Judge that each node meets each backend, but for those that it cannot reach directly either."""
    home = {pod.name: node for node, pod in board.wait(ProbePods.running).of(SERVER).items()}
    direct = Direct(board.wait(TcpPodToPod.paths).observations)
    sticky = _sticky(observations)
    for path in judge.paths(observations, "ClusterIPs and nodes"):
        cut_off = direct.cut_off(path, home)
        if path.answered_by and path.missing and len(cut_off) == len(path.missing):
            why = f"backends on {', '.join(cut_off)} cannot be reached directly either (see tcp-pod-to-pod)"
            judge.cannot_path(path, why, answered_by=path.answered_by)
            continue
        if lossy := direct.lossy(path):
            judge.cannot_path(path, lossy, counted=path.counted)
            continue
        judge.service_path(path, spread=(path.target, path.family) not in sticky)
    for (service, family), unmet in sticky.items():
        for name in sorted(unmet):
            why = f"nobody was sent to {name}: each client's connections stay on one backend"
            judge.cannot(f"service {service}", why, family=family)


def _sticky(paths: Iterable[Observation]) -> dict[tuple[str, Family], set[str]]:
    """Return the addresses where every client stays on one backend, and the backends that nobody met.

    Kubernetes promises no spread to a single client (IPVS schedules by source, too). One client among others
    that never meets a backend is broken all the same.
    """
    groups: dict[tuple[str, Family], list[Observation]] = {}
    for path in paths:
        if not path.blocked:
            groups.setdefault((path.target, path.family), []).append(path)
    return {
        key: {name for path in group for name in path.missing}
        - {n for path in group for n in path.answered_by}
        for key, group in groups.items()
        if len(group) > 1
        and all(len(each.answered_by) == 1 and each.answered == each.requests for each in group)
        and any(each.missing for each in group)
    }
