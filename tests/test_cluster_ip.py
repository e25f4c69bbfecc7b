"""ClusterIPs: what answers behind them, from every node."""

from collections.abc import Iterable

from dualstack.family import Family
from dualstack.probes.observation import Observation
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
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="From every node, a ClusterIP of each family reaches all of its Service's backends by TCP.",
        source="https://kubernetes.io/docs/reference/networking/virtual-ips/",
        remedy="Look at kube-proxy on the named node: does it run, and does it program the broken family?",
    ),
    needs=(ProbePods, TcpPodToPod, Services, ServicePaths),
)
def test_cluster_ip_tcp(board: Board, judge: Judge) -> None:
    home = {pod.name: node for node, pod in board.wait(ProbePods.running).of(SERVER).items()}
    direct = {
        (each.source, each.target, each.family): each.reached
        for each in board.wait(TcpPodToPod.paths).observations
        if not each.blocked
    }
    observations = board.wait(ServicePaths.paths).observations
    sticky = _sticky(observations)
    for path in judge.paths(observations, "ClusterIPs and nodes"):
        cut_off = [
            home[name] for name in path.missing if direct.get((path.source, home[name], path.family)) is False
        ]
        if path.answered_by and path.missing and len(cut_off) == len(path.missing):
            why = f"backends on {', '.join(cut_off)} cannot be reached directly either (see tcp-pod-to-pod)"
            judge.cannot_path(path, why, answered_by=path.answered_by)
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
