"""Endpoints: what happens when a Service's backends go and come back."""

from dualstack.family import FAMILIES
from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.kinds.udp import UDP
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.replaced import ReplacedPods
from dualstack.scenario.scale import Replicas, Scale
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.slices import Slices
from dualstack.scenario.targets import ClusterIPs
from dualstack.scenarios.cluster_ips import MANIFESTS
from dualstack.scenarios.tcp_pod_to_pod import Direct, TcpPodToPod
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
    replaced = Probe(TCP, to=ReplacedPods(back))
    again = Probe(TCP, UDP, to=BOTH, keep_flows=True, control=there, direct=replaced)


class EndpointSlices(Scenario):
    """The slices of the Services with a ClusterIP."""

    id = "endpoint-slices"
    on_every_node = (SERVER,)
    manifests = MANIFESTS
    listed = Slices()


@behaviour(
    Behaviour(
        id="endpoint-slices",
        level=Level.MUST,
        tier=Tier.PODS,
        since="1.17",
        claim="A Service's EndpointSlices list the addresses of its running pods, in each family that it has "
        "and in no other.",
        source="https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#address-types",
        remedy="Look for endpoints that nobody takes away (made by hand, or mirrored from Endpoints), and "
        "whether the kube-controller-manager runs its endpointslice controller.",
    ),
    needs=(EndpointSlices,),
)
def test_endpoint_slices(board: Board, judge: Judge) -> None:
    seen = board.wait(EndpointSlices.listed)
    for service in judge.each(seen.services, "Services"):
        subject = f"service {service.service}"
        if service.trouble:
            alone = service.families[0] if len(service.families) == 1 else None
            judge.cannot(subject, service.trouble, family=alone)
            continue
        for family in FAMILIES:
            listed = service.listed(family)
            pods = set(service.backends.get(family, ())) if family in service.families else set()
            if family in service.families and not pods and not listed:
                judge.cannot(subject, f"no pod of it runs with an {family} address", family=family)
                continue
            parts = [
                f"{what} {', '.join(sorted(some))}"
                for what, some in (("do not list", pods - listed), ("list", listed - pods))
                if some
            ]
            stranger = "" if not listed - pods else ", which no running pod of it has"
            if family not in service.families and listed:
                stranger = f", though the Service has no {family} address"
            judge(
                subject,
                not parts,
                family=family,
                cause=f"its {family} slices {' and '.join(parts)}{stranger}",
                pods=sorted(pods),
                slices={
                    each.name: list(each.ready) for each in service.slices if each.address_type == family
                },
                managed_by=sorted({each.managed_by for each in service.slices}),
                waited_seconds=seen.seconds,
            )


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
    direct = Direct(
        (*board.wait(TcpPodToPod.paths).observations, *board.wait(EndpointRemoval.replaced).observations)
    )
    again = board.wait(EndpointRemoval.again).observations
    for path in judge.paths(again, "ClusterIPs and nodes", control=control):
        if cut_off := direct.cut_off(path, home):
            why = f"the backend on {cut_off[0]} cannot be reached directly either (see pod-recreate)"
            judge.cannot_path(path, why)
            continue
        if lossy := direct.lossy(path):
            judge.cannot_path(path, lossy, counted=path.counted)
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


@behaviour(
    Behaviour(
        id="pod-recreate",
        traffic="TCP to new pods",
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="A pod that replaces another is reached at its own addresses of both families, from every node "
        "that reaches its neighbours.",
        source="https://kubernetes.io/docs/concepts/services-networking/#the-kubernetes-network-model",
        remedy="Look for what learns of new pods late, or in one family only: the network plugin's routes "
        "and filters, and entries of the broken family in the neighbour table (ip -6 neigh).",
    ),
    needs=(EndpointRemoval, TcpPodToPod),
)
def test_pod_recreate(board: Board, judge: Judge) -> None:
    direct = Direct(board.wait(TcpPodToPod.paths).observations)
    for path in judge.paths(board.wait(EndpointRemoval.replaced).observations, "new pods and nodes"):
        if trouble := direct.same(path):
            judge.cannot_path(path, trouble)
            continue
        judge.path(
            path,
            path.reached and path.flaw is None,
            cause=path.flaw or f"the new pod does not answer at {path.address}: {path.error}",
            address=path.address,
            rounds=path.rounds,
            counted=path.counted,
            answered_after_seconds=path.seconds,
            error=path.error,
        )
