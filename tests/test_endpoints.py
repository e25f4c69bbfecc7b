"""Endpoints: what happens when a Service's backends go and come back."""

from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.kinds.udp import UDP
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT
from dualstack.scenario.probe import Probe
from dualstack.scenario.scale import Replicas, Scale
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.targets import ClusterIPs
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier

BOTH = ClusterIPs("removal-ipv4", "removal-ipv6")
SYNC_SECONDS = 0.8
"""kube-proxy gathers changes for a second (minSyncPeriod): what is sent earlier meets old rules."""


class EndpointRemoval(Scenario):
    """Scale to zero and back. UDP keeps its source ports, as clients do that stale conntrack entries bite."""

    id = "endpoint-removal"
    on_every_node = (CLIENT,)
    manifests = ("endpoint-removal",)
    ready = Replicas("removal")
    there = Probe(TCP, UDP, to=BOTH, after=SYNC_SECONDS, direct=TcpPodToPod.paths, tries=0)
    gone = Scale("removal", 0)
    silent = Probe(TCP, UDP, to=BOTH, after=SYNC_SECONDS, until_silent=True, keep_flows=True, control=there)
    back = Scale("removal", 1)
    again = Probe(TCP, UDP, to=BOTH, keep_flows=True, control=there, direct=TcpPodToPod.paths)


@behaviour(
    Behaviour(
        id="endpoint-removal",
        level=Level.MUST,
        tier=Tier.PODS,
        claim="A removed backend stops answering in both families, by TCP and by UDP, and one that is back "
        "answers.",
        source="https://kubernetes.io/docs/reference/networking/virtual-ips/",
        remedy="Compare kube-proxy's rules of the broken family on the named node with the EndpointSlices; "
        "for UDP, look for stale conntrack entries: conntrack -L -f ipv6 -p udp.",
    ),
    needs=(EndpointRemoval, TcpPodToPod),
)
def test_endpoint_removal(board: Board, judge: Judge) -> None:
    control = board.wait(EndpointRemoval.there).observations
    silent = board.wait(EndpointRemoval.silent).observations
    for path in judge.paths(silent, "ClusterIPs and nodes", control=control):
        judge.path(
            path,
            path.silent,
            cause=f"{', '.join(path.answered_by) or 'something'} still answers by {path.kind.upper()} after "
            "the only backend was removed",
            protocol=path.kind,
            phase="removed",
            answered=f"{path.answered} of {path.requests}",
            silent_after_seconds=path.seconds,
        )
    home = {pod.name: pod.node for pod in board.wait(EndpointRemoval.back).pods}
    direct = board.wait(TcpPodToPod.paths).observations
    dead = {
        (each.source, each.target, each.family) for each in direct if not each.reached and not each.blocked
    }
    again = board.wait(EndpointRemoval.again).observations
    for path in judge.paths(again, "ClusterIPs and nodes", control=control):
        cut_off = [home[name] for name in path.missing if (path.source, home[name], path.family) in dead]
        if cut_off:
            why = f"the backend on {cut_off[0]} cannot be reached directly either (see tcp-pod-to-pod)"
            judge.cannot_path(path, why)
            continue
        judge.path(
            path,
            path.reached and path.flaw is None,
            cause=path.flaw or f"no answer by {path.kind.upper()} after the backend came back: {path.error}",
            protocol=path.kind,
            phase="back",
            rounds=path.rounds,
            counted=path.counted,
            backends=dict(path.answered_by),
            converged_after_seconds=path.seconds,
            error=path.error,
        )
