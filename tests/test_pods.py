"""Pods: their addresses, as the API has them and as they see themselves."""

from collections.abc import Iterable

from dualstack.family import FAMILIES, Family
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT
from dualstack.scenario.seen import PodSeen
from dualstack.scenarios.pod_networks import LATER_SECONDS, Interface, PodNetwork, PodNetworks
from dualstack.scenarios.probe_pods import ProbePods
from dualstack.survey.model import Survey, inside, of_family, same_address, same_addresses, unparsable
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier


@behaviour(
    Behaviour(
        id="pod-ips",
        traffic="all",
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="A pod on any node has one podIP of each family, the first of them as podIP, each inside its "
        "node's podCIDRs where the cluster's pods live in these.",
        source="https://kubernetes.io/docs/tasks/network/validate-dual-stack/#validate-pod-addressing",
        remedy="Give the node's network plugin a range of each family (for host-local: two entries in "
        "`ranges`), then recreate the pods.",
    ),
    needs=(ProbePods,),
)
def test_pod_ips(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    pods = board.wait(ProbePods.running).pods
    in_pod_cidrs = profile.promises.pod_cidrs and not _own_ranges(pods, survey, profile)
    for pod in judge.each(pods, "probe pods"):
        subject = f"{pod.role} pod on {pod.node}"
        if not pod.running:
            judge.cannot(subject, f"it does not run: {pod.trouble}", target=pod.node)
            continue
        for value in unparsable(pod.pod_ips):
            judge(subject, False, cause=f"podIP {value!r} is not an IP address", target=pod.node)
        judge(
            subject,
            pod.pod_ips[:1] == (pod.pod_ip,),
            cause=f"podIP {pod.pod_ip} is not the first of podIPs",
            target=pod.node,
            pod_ips=list(pod.pod_ips),
        )
        for family in FAMILIES:
            found = of_family(pod.pod_ips, family)
            if family not in profile.promises.families:
                judge(
                    subject,
                    not found,
                    target=pod.node,
                    cause=f"it has {len(found)} {family} podIPs; {' and '.join(profile.promises.families)} "
                    "only is promised",
                    pod_ips=list(pod.pod_ips),
                )
                continue
            cidrs = of_family(survey.node(pod.node).pod_cidrs, family) if in_pod_cidrs else []
            outside = [ip for ip in found if cidrs and not any(inside(ip, cidr) for cidr in cidrs)]
            count = f"{len(found)} {family} podIPs" if found else f"no {family} podIP"
            judge(
                subject,
                len(found) == 1 and not outside,
                family=family,
                target=pod.node,
                cause=f"{outside[0]} lies outside the node's podCIDR" if outside else count,
                pod_ips=list(pod.pod_ips),
                pod_cidrs=cidrs,
            )


@behaviour(
    Behaviour(
        id="pod-interface",
        traffic="all",
        every_node=True,
        level=Level.MUST,
        tier=Tier.PODS,
        claim="Inside a pod, the interface with the pod's addresses carries those of each family, IPv6 with "
        "global scope, and no others that are configured.",
        source="https://kubernetes.io/docs/tasks/network/validate-dual-stack/#validate-pod-addressing",
        remedy="Compare `ip address` in the pod with status.podIPs: the network plugin and the container "
        "runtime disagree about what was set up.",
    ),
    needs=(ProbePods, PodNetworks),
)
def test_pod_interface(board: Board, judge: Judge) -> None:
    clients = board.wait(ProbePods.running).of(CLIENT)
    for network in judge.each(board.wait(PodNetworks.seen).nodes, "probe pods"):
        subject = f"client pod on {network.node}"
        if network.trouble:
            judge.cannot(subject, network.trouble, target=network.node)
            continue
        for family in FAMILIES:
            api = of_family(clients[network.node].pod_ips, family)
            everything = [
                each for each in network.interfaces if each.family is family and each.scope == "global"
            ]
            seen = _of_the_pods_interface(network, everything, clients[network.node])
            extra = [each for each in everything if each not in seen]
            judge(
                subject,
                bool(seen) and same_addresses([each.address for each in seen], api),
                family=family,
                target=network.node,
                cause=f"its interface has {', '.join(each.address for each in seen)}, the API says "
                f"{', '.join(api) or 'none'}"
                if seen
                else f"its interface has no global {family} address",
                interface=list(map(str, seen)),
                besides=list(map(str, extra)),
                pod_ips=api,
            )


@behaviour(
    Behaviour(
        id="pod-family-order",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        reads=("nodes",),
        claim="A pod's first address is of the family that its node lists first.",
        source="https://github.com/kubernetes/enhancements/tree/master/keps/sig-network/563-dual-stack",
        remedy="Give --node-ip of the node's kubelet, the cloud provider and the network plugin the families "
        "in one order; programs that read only podIP see another family on this node.",
    ),
    needs=(ProbePods,),
)
def test_pod_family_order(board: Board, survey: Survey, judge: Judge) -> None:
    for pod in judge.each(board.wait(ProbePods.running).pods, "probe pods"):
        subject = f"{pod.role} pod on {pod.node}"
        first = survey.node(pod.node).primary_family
        own = next((family for family in FAMILIES if of_family(pod.pod_ips[:1], family)), None)
        if own is None or first is None:
            why = f"it does not run: {pod.trouble}" if not pod.running else "an address is missing"
            judge.cannot(subject, why, target=pod.node)
            continue
        judge(
            subject,
            own is first,
            target=pod.node,
            cause=f"its first address is {own}, and the node lists {first} first",
            pod_ips=list(pod.pod_ips),
            internal_ips=list(survey.node(pod.node).internal_ips),
        )


@behaviour(
    Behaviour(
        id="pod-dad",
        traffic="all",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="Seconds after a pod runs, none of its IPv6 addresses waits for its being unique (tentative) "
        "or has been found to be another's (dadfailed).",
        source="https://www.rfc-editor.org/rfc/rfc4862#section-5.4",
        remedy="A tentative or dadfailed address is not used: find out who else has it on the pods' link, or "
        "let the network plugin add addresses without asking (nodad), since it alone gives them out.",
    ),
    needs=(ProbePods, PodNetworks),
)
def test_pod_dad(board: Board, judge: Judge) -> None:
    for network in judge.each(board.wait(PodNetworks.later).nodes, "probe pods"):
        subject = f"client pod on {network.node}"
        if network.trouble:
            judge.cannot(subject, network.trouble, target=network.node)
            continue
        addresses = [each for each in network.interfaces if each.family is Family.V6]
        if not addresses:
            judge.cannot(subject, "it has no IPv6 address (see pod-interface)", family=Family.V6)
            continue
        states = [
            f"{each.address} is {'dadfailed' if each.dadfailed else 'tentative'}"
            for each in addresses
            if each.tentative or each.dadfailed
        ]
        judge(
            subject,
            not states,
            family=Family.V6,
            target=network.node,
            cause=", ".join(states),
            addresses=list(map(str, addresses)),
            seconds_later=LATER_SECONDS,
        )


@behaviour(
    Behaviour(
        id="pod-accepts-ra",
        level=Level.INFO,
        tier=Tier.PODS,
        claim="No pod's interface takes addresses or a default route from router advertisements.",
        source="https://github.com/containernetworking/plugins/issues/160",
        remedy="Set net.ipv6.conf.*.accept_ra=0 in pods (recent bridge plugins do), and find out who sends "
        "router advertisements on the named node.",
    ),
    needs=(ProbePods, PodNetworks),
)
def test_pod_accepts_ra(board: Board, judge: Judge) -> None:
    for network in judge.each(board.wait(PodNetworks.seen).nodes, "probe pods"):
        subject = f"client pod on {network.node}"
        if network.trouble:
            judge.cannot(subject, network.trouble, target=network.node)
            continue
        learnt = [str(each) for each in network.interfaces if each.dynamic and each.family is Family.V6]
        gateways = list(network.advertised_gateways)
        judge(
            subject,
            not learnt and not gateways,
            family=Family.V6,
            target=network.node,
            cause=f"it learnt {', '.join([*learnt, *(f'a default route by {each}' for each in gateways)])}",
            addresses=learnt,
            gateways=gateways,
        )


def _own_ranges(pods: Iterable[PodSeen], survey: Survey, profile: Profile) -> bool:
    """Return whether no pod at all lives in its node's podCIDRs, and nobody promised that any does."""
    if profile.promises.pod_cidrs != "if-present":
        return False
    addresses = [(ip, survey.node(pod.node).pod_cidrs) for pod in pods if pod.running for ip in pod.pod_ips]
    return not any(
        inside(ip, cidr)
        for ip, cidrs in addresses
        for family in FAMILIES
        for ip in of_family((ip,), family)
        for cidr in of_family(cidrs, family)
    )


def _of_the_pods_interface(network: PodNetwork, addresses: list[Interface], pod: PodSeen) -> list[Interface]:
    """Return the configured addresses of the interface that holds a podIP; of all where none does.

    Other interfaces are further networks' (Multus), dynamic addresses a router's on the pods' link.
    """
    names = {each.name for each in network.interfaces for ip in pod.pod_ips if same_address(each.address, ip)}
    api = [each for each in addresses if any(same_address(each.address, ip) for ip in pod.pod_ips)]
    return [
        each for each in addresses if each in api or ((each.name in names or not names) and not each.dynamic)
    ]
