"""ClusterIPs: what answers behind them, from every node."""

from dualstack.scenario.board import Board
from dualstack.scenario.manifests import SERVER
from dualstack.scenarios.cluster_ips import ServicePaths, Services
from dualstack.scenarios.probe_pods import ProbePods
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier


@behaviour(
    Behaviour(
        id="cluster-ip-tcp",
        level=Level.MUST,
        tier=Tier.PODS,
        claim="From every node, a ClusterIP of each family reaches all of its Service's backends by TCP.",
        source="https://kubernetes.io/docs/reference/networking/virtual-ips/",
        remedy="Look at kube-proxy on the named node: does it run, and does it program the broken family?",
    ),
    needs=(ProbePods, TcpPodToPod, Services, ServicePaths),
)
def test_cluster_ip_tcp(board: Board, judge: Judge) -> None:
    for name, service in board.wait(Services.created).objects.items():
        for family in service.families if service.spec is None else ():
            judge.cannot(f"service {name}", f"there is no such Service (see {name})", family=family)
    home = {pod.name: node for node, pod in board.wait(ProbePods.running).of(SERVER).items()}
    direct = {
        (each.source, each.target, each.family): each.reached
        for each in board.wait(TcpPodToPod.paths).observations
        if not each.blocked
    }
    for path in judge.paths(board.wait(ServicePaths.paths).observations, "ClusterIPs and nodes"):
        cut_off = [
            home[name] for name in path.missing if direct.get((path.source, home[name], path.family)) is False
        ]
        if path.answered_by and path.missing and len(cut_off) == len(path.missing):
            why = f"backends on {', '.join(cut_off)} cannot be reached directly either (see tcp-pod-to-pod)"
            judge.cannot_path(path, why, answered_by=path.answered_by)
            continue
        judge.service_path(path)
