"""Pod to pod: every node as source and as target, same node and across, both families."""

from ipaddress import ip_address

from dualstack.family import Family
from dualstack.probes.kinds.ping import PING
from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.observation import Observation
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import Paths
from dualstack.scenario.targets import PodsOnEveryNode
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.scenarios.udp_pod_to_pod import UdpPodToPod
from dualstack.survey.model import same_address
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier

SECOND_LOOK_SECONDS = 6.0
MASQUERADED = "Exempt pod-to-pod traffic of this family from masquerading."


class PingPodToPod(Scenario):
    """One echo at a time over every planned pair of nodes."""

    id = "ping-pod-to-pod"
    on_every_node = (CLIENT, SERVER)
    paths = Probe(PING, to=PodsOnEveryNode(SERVER))


class SecondLook(Scenario):
    """IPv6 once more when all else is done or nearly so: routes run out, neighbours are forgotten."""

    id = "second-look"
    on_every_node = (CLIENT, SERVER)
    paths = Probe(
        TCP,
        to=PodsOnEveryNode(SERVER, (Family.V6,)),
        after=SECOND_LOOK_SECONDS,
        control=TcpPodToPod.paths,
        bound="silence",
        tries=1,
    )


@behaviour(
    Behaviour(
        id="tcp-pod-to-pod",
        traffic="TCP",
        every_pair=True,
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="Every node's pods reach every node's pods by TCP in both families, and arrive with their own "
        "address.",
        source="https://kubernetes.io/docs/concepts/services-networking/#the-kubernetes-network-model",
        remedy="Follow the packet of the broken family: route to the target's podCIDR on the source node, "
        "forwarding and filters on both nodes, and the way back.",
    ),
    needs=(TcpPodToPod,),
)
def test_tcp_pod_to_pod(board: Board, profile: Profile, judge: Judge) -> None:
    _judge_paths(board.wait(TcpPodToPod.paths), profile, judge)


@behaviour(
    Behaviour(
        id="udp-pod-to-pod",
        traffic="UDP",
        every_pair=True,
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="Every node's pods reach every node's pods by UDP in both families, and arrive with their own "
        "address.",
        source="https://kubernetes.io/docs/concepts/services-networking/#the-kubernetes-network-model",
        remedy="If TCP passes on the same path, look for filters of UDP in the broken family, and for "
        "checksum offloading on the tunnel device.",
    ),
    needs=(UdpPodToPod,),
)
def test_udp_pod_to_pod(board: Board, profile: Profile, judge: Judge) -> None:
    _judge_paths(board.wait(UdpPodToPod.paths), profile, judge)


@behaviour(
    Behaviour(
        id="ping-pod-to-pod",
        traffic="ping",
        every_pair=True,
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="Every node's pods ping every node's pods in both families.",
        source="https://github.com/Azure/aks-engine/blob/master/docs/topics/dual-stack.md",
        remedy="If TCP passes on the same path, look for filters of ICMP echo (ICMPv6 type 128 and 129) "
        "between the nodes; never filter all of ICMPv6.",
    ),
    needs=(PingPodToPod,),
)
def test_ping_pod_to_pod(board: Board, judge: Judge) -> None:
    for path in judge.paths(board.wait(PingPodToPod.paths).observations, "pairs of nodes"):
        judge.path(
            path,
            path.reached and path.flaw is None,
            cause=_why_not(path),
            address=path.address,
            rounds=path.rounds,
            counted=path.counted,
            error=path.error,
        )


@behaviour(
    Behaviour(
        id="ipv6-lasts",
        traffic="TCP after some seconds",
        every_pair=True,
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="IPv6 paths between pods that answered still answer some seconds later.",
        source="https://www.rfc-editor.org/rfc/rfc4861#section-7.3",
        remedy="Look on the named nodes for what runs out: ip -6 route (`expires`), ip -6 neigh (FAILED), "
        "and whether neighbour solicitations, which are multicast, arrive.",
    ),
    needs=(TcpPodToPod, SecondLook),
)
def test_ipv6_lasts(board: Board, judge: Judge) -> None:
    control = board.wait(TcpPodToPod.paths).observations
    second = board.wait(SecondLook.paths).observations
    weak = {(each.source, each.target) for each in control if each.family is Family.V6 and each.flaw}
    for path in judge.paths(second, "pairs of nodes", control=control):
        if (path.source, path.target) in weak:
            judge.cannot_path(path, "it was not to be relied upon before either (see tcp-pod-to-pod)")
            continue
        judge.path(
            path,
            path.reached and path.flaw is None,
            cause=path.flaw or f"it answered, and {SECOND_LOOK_SECONDS:.0f} s later no more: {path.error}",
            address=path.address,
            rounds=path.rounds,
            counted=path.counted,
            error=path.error,
        )


def _judge_paths(seen: Paths, profile: Profile, judge: Judge) -> None:
    """Judge that each path was answered by the right pod, which saw the client's own address."""
    for path in judge.paths(seen.observations, "pairs of nodes"):
        rewritten = _rewritten(path, may_masquerade=profile.promises.pod_masquerade)
        judge.path(
            path,
            path.reached and rewritten is None and path.flaw is None,
            cause=rewritten or _why_not(path),
            remedy=MASQUERADED if rewritten and "arrives as" in rewritten else None,
            address=path.address,
            answered_by=list(path.answered_by),
            client_seen=list(path.clients_seen),
            rounds=path.rounds,
            counted=path.counted,
            lost_syns=path.lost_syns,
            connect_ms=_ms(path.connect_seconds),
            error=path.error,
        )


def _ms(seconds: float | None) -> float | None:
    return round(seconds * 1000, 2) if seconds is not None else None


def _why_not(path: Observation) -> str:
    if path.flaw:
        return path.flaw
    if path.source_address is None:
        return f"the source pod has no {path.family} address"
    if path.answered_by and path.missing:
        return f"{path.address} is answered by another pod: {', '.join(path.answered_by)}"
    tries = f" in {path.rounds} tries" if path.rounds > 1 else ""
    return f"no answer{tries}: {path.error}" if path.rounds else str(path.error)


def _of_the_pod_itself(address: str) -> bool:
    parsed = ip_address(address)
    return parsed.is_loopback or parsed.is_link_local


def _rewritten(path: Observation, *, may_masquerade: bool) -> str | None:
    """What is wrong with the source address that the server saw; None if nothing is."""
    if foreign := path.foreign_clients:
        return f"the server saw {foreign[0]}: this is not {path.family} on the wire"
    own = path.source_address
    if intercepted := [seen for seen in path.clients_seen if _of_the_pod_itself(seen)]:
        return f"the server saw {intercepted[0]}: something inside its pod intercepts (a mesh's sidecar?)"
    for seen in path.clients_seen:
        if not may_masquerade and own is not None and not same_address(seen, own):
            return f"the source address arrives as {seen} instead of {own}"
    return None
