"""What this one cluster has promised (--expect): held against the API, and against what was on the wire.

Evidence says `intent`, `api` and `wire` in words: the report lays them side by side.
"""

from collections.abc import Iterable

from dualstack.family import FAMILIES, Family, is_address, network
from dualstack.probes.observation import Observation
from dualstack.profile.expect import in_pool
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenarios.cluster_ips import ServicePaths
from dualstack.scenarios.load_balancers import ExternalServices, Reach
from dualstack.scenarios.probe_pods import ProbePods
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.survey.model import Survey, inside, of_family
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Level, Tier

DUAL_STACK = "https://kubernetes.io/docs/concepts/services-networking/dual-stack/"


@behaviour(
    Behaviour(
        id="site-ranges",
        level=Level.MUST,
        tier=Tier.PODS,
        expects=("pods", "services"),
        claim="The API shows the site's ranges: Services have theirs, and pods' addresses lie in theirs.",
        source=f"{DUAL_STACK}#configure-ipv4-ipv6-dual-stack",
        remedy="Compare the site's plan with --service-cluster-ip-range and --cluster-cidr, and with the "
        "ranges that the network plugin keeps; neither can be changed in place.",
    ),
    needs=(ProbePods,),
)
def test_site_ranges(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    for family, wanted in _by_family(profile.expect.services):
        _judge_service_ranges(judge, survey, family, wanted)
    if not profile.expect.pods:
        return
    pods = [pod for pod in board.wait(ProbePods.running).pods if pod.running]
    for family, wanted in _by_family(profile.expect.pods):
        addresses = [ip for pod in pods if (ip := pod.address(family))]
        if not addresses:
            judge.cannot("pods", f"no probe pod has an {family} address (see pod-ips)", family=family)
            continue
        ranges = of_family(survey.pod_ranges, family)
        in_use = [each for each in ranges if any(inside(ip, each) for ip in addresses)]
        strays = _outside(addresses, wanted)
        api = f"range {', '.join(in_use)}" if in_use else f"pods such as {addresses[0]}"
        judge(
            "pods",
            not strays and (not in_use or _same(ranges, wanted)),
            family=family,
            cause=f"pods have {strays[0]}, which lies outside of {', '.join(wanted)}"
            if strays
            else f"the cluster's range is {', '.join(ranges)}, the site's {', '.join(wanted)}",
            intent=", ".join(wanted),
            api=api,
        )


@behaviour(
    Behaviour(
        id="site-wire",
        level=Level.MUST,
        tier=Tier.PODS,
        expects=("pods", "services"),
        claim="Whatever answers the probes between pods and at ClusterIPs does so at addresses of the site's "
        "ranges, and callers are seen with such.",
        source=DUAL_STACK,
        remedy="See site-ranges; another address on the wire is another network's, or masquerading.",
    ),
    needs=(TcpPodToPod, ServicePaths),
)
def test_site_wire(board: Board, profile: Profile, judge: Judge) -> None:
    expect, masquerade = profile.expect, profile.promises.pod_masquerade
    pods = board.wait(TcpPodToPod.paths).observations if expect.pods else ()
    services = board.wait(ServicePaths.paths).observations if expect.services else ()
    for family, wanted in _by_family(expect.pods):
        _judge_wire(judge, "pods", family, wanted, pods, callers=not masquerade)
    for family, wanted in _by_family(expect.services):
        _judge_wire(judge, "services", family, wanted, services, callers=False)


@behaviour(
    Behaviour(
        id="site-primary-family",
        level=Level.MUST,
        tier=Tier.READ,
        reads=("nodes",),
        expects=("primary_family",),
        claim="Nodes list the site's primary family first, and Services that ask for none get it.",
        source=DUAL_STACK,
        remedy="Put the family first in the kubelets' --node-ip and in --service-cluster-ip-range; the "
        "latter cannot be changed in place.",
    )
)
def test_site_primary_family(survey: Survey, profile: Profile, judge: Judge) -> None:
    wanted = profile.expect.primary_family
    others = [node.name for node in survey.nodes if node.primary_family is not wanted]
    judge(
        "first family of nodes",
        bool(survey.nodes) and not others,
        cause=f"another one is first on {_few(others)}" if others else "there are no nodes",
        intent=wanted,
        api=f"{len(survey.nodes) - len(others)} of {len(survey.nodes)} nodes",
    )
    first = survey.first_service_family
    if first is None:
        judge.cannot("first family of Services", "neither ranges nor the Service kubernetes may be read")
        return
    judge("first family of Services", first is wanted, cause=f"it is {first}", intent=wanted, api=f"{first}")


@behaviour(
    Behaviour(
        id="site-nodes",
        level=Level.MUST,
        tier=Tier.READ,
        reads=("nodes",),
        expects=("nodes",),
        claim="Every group of nodes that the site names has as many nodes as it says.",
        source="https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/",
        remedy="Look for nodes that never joined or lack the labels: kubectl get nodes --show-labels.",
    )
)
def test_site_nodes(survey: Survey, profile: Profile, judge: Judge) -> None:
    for group in profile.expect.nodes:
        found = [node for node in survey.nodes if group.labels.items() <= node.labels.items()]
        judge(
            str(group),
            len(found) == group.count,
            cause=f"there are {len(found)}, expected are {group.count}",
            intent=str(group.count),
            api=str(len(found)),
        )


@behaviour(
    Behaviour(
        id="site-load-balancers",
        level=Level.MUST,
        tier=Tier.PODS,
        promise="load_balancer",
        expects=("load_balancer_pools",),
        claim="Load balancers get addresses of the site's pools, in each family that it names.",
        source="https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer",
        remedy="Compare the pools in the load balancer's configuration with the site's plan.",
    ),
    needs=(ExternalServices, Reach),
)
def test_site_load_balancers(board: Board, profile: Profile, judge: Judge) -> None:
    balancers = board.wait(ExternalServices.given).load_balancers.values()
    if all(each.service.spec is None for each in balancers):
        raise CannotJudge("no Service of type LoadBalancer was created (see lb-reachable)")
    calls = [path for path in board.wait(Reach.paths).observations if not path.blocked]
    pools = profile.expect.load_balancer_pools
    for family in FAMILIES:
        wanted = [each for each in pools if of_family((each.partition("-")[0],), family)]
        if not wanted:
            continue
        addresses = [ip for each in balancers for ip in each.of(family)]
        strays = [ip for ip in addresses if not in_pool(ip, wanted)]
        called = [path for path in calls if path.family is family]
        judge(
            "load balancers",
            bool(addresses) and not strays,
            family=family,
            cause=f"{strays[0]} is of none of its pools, {', '.join(wanted)}"
            if strays
            else f"no load balancer has an {family} address",
            intent=", ".join(wanted),
            api=", ".join(addresses) or "none",
            wire=f"{sum(path.reached for path in called)} of {len(called)} answer" if called else None,
        )


def _judge_service_ranges(judge: Judge, survey: Survey, family: Family, wanted: list[str]) -> None:
    """Judge the cluster's service ranges, or by one address of them where they may not be read."""
    ranges, known = of_family(survey.service_ranges, family), survey.kubernetes_service_ip or ""
    if not survey.service_ranges and not of_family((known,), family):
        judge.cannot("services", "neither ServiceCIDRs nor the API server's flags may be read", family=family)
        return
    shown = ", ".join(ranges) if survey.service_ranges else f"the Service kubernetes has {known}"
    judge(
        "services",
        _same(ranges, wanted) if survey.service_ranges else not _outside([known], wanted),
        family=family,
        cause=f"the cluster has {shown or f'no {family} range'}, the site's is {', '.join(wanted)}",
        intent=", ".join(wanted),
        api=shown or "none",
    )


def _judge_wire(
    judge: Judge,
    what: str,
    family: Family,
    wanted: list[str],
    seen: Iterable[Observation],
    *,
    callers: bool,
) -> None:
    """Judge where answers came from, and with `callers` as whom servers saw the callers."""
    paths = [path for path in seen if path.family is family and path.answered]
    if not paths:
        judge.cannot(what, f"no {family} path answers (see tcp-pod-to-pod, cluster-ip-tcp)", family=family)
        return
    addresses = {path.address for path in paths if path.address}
    seen_as = {client for path in paths for client in path.clients_seen if is_address(client)}
    addresses |= seen_as if callers else set()
    strays = _outside(sorted(addresses), wanted)
    number = f"{len(addresses)} address{'es' if len(addresses) != 1 else ''}"
    judge(
        what,
        not strays,
        family=family,
        cause=f"{strays[0] if strays else ''} lies outside of {', '.join(wanted)}",
        intent=", ".join(wanted),
        wire=f"{len(paths)} paths answer at {number}, {f'{len(strays)} outside' if strays else 'all inside'}",
    )


def _by_family(ranges: list[str]) -> list[tuple[Family, list[str]]]:
    found = [(family, of_family(tuple(ranges), family)) for family in FAMILIES]
    return [(family, some) for family, some in found if some]


def _outside(addresses: Iterable[str], ranges: list[str]) -> list[str]:
    return [ip for ip in addresses if not any(inside(ip, each) for each in ranges)]


def _same(some: list[str], others: list[str]) -> bool:
    return {network(each) for each in some} == {network(each) for each in others}


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
