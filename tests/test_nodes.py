"""Nodes: what the API says about their addresses and pod ranges."""

from collections.abc import Iterable, Iterator

from dualstack.family import FAMILIES, Family
from dualstack.profile.model import Profile
from dualstack.survey.model import Node, Survey, of_family, unparsable
from dualstack.survey.version import Release
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge, NotApplicable
from dualstack.verdict.words import Level, Tier

# clusterSubnetMaxDiff in pkg/controller/nodeipam/ipam/cidrset/cidr_set.go, applied to IPv6 only
MASK_DIFFERENCE_AT_MOST = 16


@behaviour(
    Behaviour(
        id="node-ready",
        traffic="all",
        level=Level.MUST,
        tier=Tier.READ,
        reads=("nodes",),
        claim="Every node is Ready and runs a Kubernetes that knows dual stack.",
        source="https://kubernetes.io/docs/concepts/services-networking/dual-stack/#prerequisites",
        remedy="Look at the node's Ready condition (kubectl describe node) and its kubelet's log.",
    )
)
def test_node_ready(survey: Survey, profile: Profile, judge: Judge) -> None:
    minimum = Release.parse(profile.promises.minimum_version)
    for node in judge.each(survey.nodes, "nodes"):
        judge(node.name, node.ready, cause=f"not Ready: {node.not_ready_because}", kubelet=node.kubelet)
        if node.release is None:
            judge.cannot(node.name, f"its kubelet reports version {node.kubelet!r}", kubelet=node.kubelet)
            continue
        judge(
            node.name,
            node.release >= minimum,
            cause=f"kubelet {node.kubelet} is older than {minimum}",
            remedy=f"Upgrade the node to Kubernetes {minimum} or later.",
            kubelet=node.kubelet,
        )


@behaviour(
    Behaviour(
        id="node-internal-ips",
        traffic="all",
        level=Level.MUST,
        tier=Tier.READ,
        reads=("nodes",),
        claim="Every node has an InternalIP of each family.",
        source="https://kubernetes.io/docs/tasks/network/validate-dual-stack/#validate-node-addressing",
        remedy="Give the kubelet both addresses (--node-ip=IPv4,IPv6); with a cloud provider, check the "
        "addresses that it reports for the machine.",
    )
)
def test_node_internal_ips(survey: Survey, profile: Profile, judge: Judge) -> None:
    exactly_one = profile.promises.node_addresses == "exactly-two"
    for node in judge.each(survey.nodes, "nodes"):
        for value in unparsable(node.internal_ips):
            judge(node.name, False, cause=f"InternalIP {value!r} is not an IP address")
        for family in FAMILIES:
            found = of_family(node.internal_ips, family)
            judge(
                node.name,
                len(found) == 1 if exactly_one else len(found) >= 1,
                family=family,
                cause=f"{len(found)} {family} InternalIPs, exactly one is promised"
                if found
                else f"no {family} InternalIP",
                internal_ips=list(node.internal_ips),
            )


@behaviour(
    Behaviour(
        id="node-pod-cidrs",
        level=Level.MUST,
        tier=Tier.READ,
        reads=("nodes",),
        promise="pod_cidrs",
        claim="Every node has one podCIDR per family, the first of them as podCIDR, and shares none.",
        source="https://kubernetes.io/docs/tasks/network/validate-dual-stack/#validate-node-addressing",
        remedy="Give the controller manager both ranges (--cluster-cidr=IPv4,IPv6); nodes that joined before "
        "keep their single one and must be created anew.",
    )
)
def test_node_pod_cidrs(survey: Survey, profile: Profile, judge: Judge) -> None:
    _check_there_are_pod_cidrs(survey, profile)
    for node in judge.each(survey.nodes, "nodes"):
        cidrs = list(node.pod_cidrs)
        for value in unparsable(node.pod_cidrs):
            judge(node.name, False, cause=f"podCIDR {value!r} is not a network")
        for family in FAMILIES:
            found = of_family(node.pod_cidrs, family)
            judge(
                node.name,
                len(found) == 1,
                family=family,
                cause=f"{len(found)} {family} podCIDRs" if found else f"no {family} podCIDR",
                pod_cidrs=cidrs,
            )
        if cidrs:
            judge(
                node.name,
                node.pod_cidr == cidrs[0],
                cause=f"podCIDR {node.pod_cidr} is not the first of podCIDRs",
                pod_cidrs=cidrs,
            )
    for family in FAMILIES:
        for one, other, shared in _overlaps(survey.nodes, family):
            judge(
                one,
                False,
                family=family,
                cause=f"its {family} podCIDR overlaps with that of {other}: {shared}",
                remedy="Two nodes must never hand out the same addresses: recreate one of them.",
            )


@behaviour(
    Behaviour(
        id="node-pod-cidr-masks",
        level=Level.MUST,
        tier=Tier.READ,
        reads=("nodes",),
        since="1.17",
        promise="pod_cidrs",
        claim="Every node's podCIDRs have the declared prefix lengths, and the IPv6 one is at most 16 bits "
        "longer than the cluster's range.",
        source="https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/"
        "#options",
        remedy="Set --node-cidr-mask-size-ipv4 and --node-cidr-mask-size-ipv6 on the controller manager, or "
        "declare the masks that you chose in a profile (promises.node-masks).",
    )
)
def test_node_pod_cidr_masks(survey: Survey, profile: Profile, judge: Judge) -> None:
    _check_there_are_pod_cidrs(survey, profile)
    declared = profile.promises.node_masks or {}
    ranges = [range_ for range_ in survey.pod_ranges if range_ in of_family(survey.pod_ranges, Family.V6)]
    if not declared and not ranges:
        raise NotApplicable("the profile declares no masks, and the cluster's pod range is not to be read")
    for node in judge.each(survey.nodes, "nodes"):
        for family in FAMILIES:
            networks = node.pod_networks(family)
            if not networks:
                judge.cannot(node.name, f"it has no {family} podCIDR (see node-pod-cidrs)", family=family)
            for network in networks:
                if family in declared:
                    judge(
                        node.name,
                        network.prefixlen == declared[family],
                        family=family,
                        cause=f"the mask is /{network.prefixlen}, declared is /{declared[family]}",
                        pod_cidr=str(network),
                    )
                for range_ in ranges if family is Family.V6 else []:
                    longer = network.prefixlen - int(range_.rpartition("/")[2])
                    judge(
                        node.name,
                        0 <= longer <= MASK_DIFFERENCE_AT_MOST,
                        family=family,
                        cause=f"the mask is {longer} bits longer than that of the cluster's range {range_}",
                        pod_cidr=str(network),
                    )


def _check_there_are_pod_cidrs(survey: Survey, profile: Profile) -> None:
    if profile.promises.pod_cidrs == "if-present" and not any(node.pod_cidrs for node in survey.nodes):
        raise NotApplicable(
            "no node has podCIDRs: the network plugin keeps ranges of its own (promises.pod-cidrs)"
        )


def _overlaps(nodes: Iterable[Node], family: Family) -> Iterator[tuple[str, str, str]]:
    """Yield (node, other node, what they share) for ranges that overlap.

    In the order of addresses a range overlaps with an earlier one exactly if it begins before the furthest
    end so far, so one pass over the sorted ranges finds each that is not disjoint from all others.
    """
    ranges = sorted(
        (int(network[0]), int(network[-1]), node.name, str(network))
        for node in nodes
        for network in node.pod_networks(family)
    )
    furthest = (-1, "", "")
    for first, last, name, network in ranges:
        end, owner, theirs = furthest
        if first <= end and owner != name:
            one, other = sorted((owner, name))
            yield one, other, f"{theirs} and {network}"
        furthest = max(furthest, (last, name, network))
