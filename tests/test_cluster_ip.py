"""ClusterIPs: what answers behind them, from every node."""

from dualstack.claims import judge_service_path
from dualstack.conduct.board import Board
from dualstack.conduct.topics import Paths, Pods, Services
from dualstack.family import Family
from dualstack.scenario.manifests import SERVER
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
    )
)
def test_cluster_ip_tcp(board: Board, judge: Judge) -> None:
    for name, service in board.wait("services", Services).services.items():
        if service.spec is None and name in ("service-ipv4", "service-ipv6"):
            family = Family.V6 if name.endswith("ipv6") else Family.V4
            judge.cannot(f"service {name}", f"there is no such Service (see {name})", family=family)
    home = {pod.name: node for node, pod in board.wait("pods", Pods).of(SERVER).items()}
    direct = {
        (each.source, each.target, each.family): each.reached
        for each in board.wait("tcp", Paths).observations
    }
    for path in judge.each(board.wait("cluster-ip", Paths).observations, "ClusterIPs and nodes"):
        subject = f"{path.source} → {path.target}"
        place = {"family": path.family, "source": path.source, "target": path.target}
        if path.blocked:
            judge.cannot(subject, path.blocked, **place)
            continue
        cut_off = [
            home[name] for name in path.missing if direct.get((path.source, home[name], path.family)) is False
        ]
        if path.answered_by and path.missing and len(cut_off) == len(path.missing):
            why = f"backends on {', '.join(cut_off)} cannot be reached directly either (see tcp-pod-to-pod)"
            judge.cannot(subject, why, **place, answered_by=path.answered_by)
            continue
        judge_service_path(judge, path)
