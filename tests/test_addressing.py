"""Addressing: what the API says about addresses and ranges, across the nodes of a cluster."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dualstack.family import FAMILIES, Family, network, parse
from dualstack.survey.model import Node, Survey, of_family
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier


@behaviour(
    Behaviour(
        id="node-address-scope",
        traffic="all",
        level=Level.MUST,
        tier=Tier.READ,
        reads=("nodes",),
        claim="No node lists an address that only itself can use, or that another node lists too.",
        source="https://kubernetes.io/docs/reference/node/node-status/#addresses",
        remedy="Give the kubelet a global address of the named family (--node-ip), or correct what the cloud "
        "provider reports.",
    )
)
def test_node_address_scope(survey: Survey, judge: Judge) -> None:
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for family in FAMILIES:
        for node, address in _addresses(survey, family):
            owners[_plain(address)].add(node.name)
    for node in judge.each(survey.nodes, "nodes"):
        for family in FAMILIES:
            own = of_family(node.internal_ips, family)
            wrong = [f"{address} {why}" for address in own if (why := _scope(address))]
            shared = [
                f"{address} is also {', '.join(sorted(others))}'s"
                for address in own
                if (others := owners[_plain(address)] - {node.name})
            ]
            if own:
                judge(
                    node.name,
                    not wrong and not shared,
                    family=family,
                    cause="; ".join([*wrong, *shared]),
                    internal_ips=own,
                )


@behaviour(
    Behaviour(
        id="node-primary-family",
        level=Level.SHOULD,
        tier=Tier.READ,
        reads=("nodes",),
        claim="All nodes list an address of the same family first.",
        source="https://kubernetes.io/docs/concepts/services-networking/dual-stack/"
        "#configure-ipv4-ipv6-dual-stack",
        remedy="Give every kubelet its addresses in the same order (--node-ip): the first family of a node "
        "is the first of its pods.",
    )
)
def test_node_primary_family(survey: Survey, judge: Judge) -> None:
    first = {node.name: node.primary_family for node in survey.nodes}
    usual = Counter(family for family in first.values() if family).most_common(1)
    for node in judge.each(survey.nodes, "nodes"):
        family = first[node.name]
        if family is None:
            judge.cannot(node.name, "it has no InternalIP (see node-internal-ips)")
            continue
        judge(
            node.name,
            family is usual[0][0],
            cause=f"{family} comes first, while most nodes list {usual[0][0]} first",
            internal_ips=list(node.internal_ips),
        )


@behaviour(
    Behaviour(
        id="node-ip-annotation",
        level=Level.SHOULD,
        tier=Tier.READ,
        reads=("nodes",),
        claim="Every address that a node's kubelet was told to use is one that the node lists.",
        source="https://kubernetes.io/docs/reference/labels-annotations-taints/"
        "#alpha-kubernetes-io-provided-node-ip",
        remedy="Compare --node-ip of the named node's kubelet with the addresses that the cloud provider "
        "reports: a cloud controller manager that knows one of them only leaves the other out.",
    )
)
def test_node_ip_annotation(survey: Survey, judge: Judge) -> None:
    for node in judge.each(survey.nodes, "nodes"):
        told = [
            (family, each)
            for family in FAMILIES
            for each in of_family(node.provided_ips, family)
            if not parse(each).is_unspecified  # `::` only says which family comes first
        ]
        if not told:
            judge.not_applicable(node.name, "it has no annotation alpha.kubernetes.io/provided-node-ip")
            continue
        listed = {_plain(each) for each in _of_either(node.internal_ips)}
        for family, address in told:
            judge(
                node.name,
                _plain(address) in listed,
                family=family,
                cause=f"its kubelet was told {address}, and the node does not list it",
                provided=list(node.provided_ips),
                internal_ips=list(node.internal_ips),
            )


@behaviour(
    Behaviour(
        id="ranges-disjoint",
        level=Level.MUST,
        tier=Tier.READ,
        reads=("nodes",),
        claim="Ranges of pods, ranges of Services and nodes' addresses, as far as they are known, do not "
        "overlap.",
        source="https://kubernetes.io/docs/concepts/cluster-administration/networking/"
        "#kubernetes-ip-address-ranges",
        remedy="Move one of the ranges: an address that is a pod's and a Service's is answered by whoever "
        "comes first.",
    )
)
def test_ranges_disjoint(survey: Survey, judge: Judge) -> None:
    for family in FAMILIES:
        known = sorted(_ranges(survey, family))
        kinds = {each.kind for each in known}
        if len(kinds) < 2:
            known_kinds = " and ".join(kinds) or "none"
            judge.not_applicable("ranges", f"of {family} ranges only {known_kinds} are known", family=family)
            continue
        clashes = list(_clashes(known))
        more = f", and {len(clashes) - 1} more" if clashes[1:] else ""
        judge(
            "ranges",
            not clashes,
            family=family,
            cause=f"{clashes[0] if clashes else ''} overlap{more}",
            compared={kind: sum(each.kind == kind for each in known) for kind in sorted(kinds)},
        )


class _Range(NamedTuple):
    first: int
    last: int
    kind: str
    what: str


def _ranges(survey: Survey, family: Family) -> Iterator[_Range]:
    """Yield every range of a family that is known, nodes' addresses as ranges of one."""
    services = survey.service_ranges or (survey.kubernetes_service_ip or "",)
    pods = (*survey.pod_ranges, *(cidr for node in survey.nodes for cidr in node.pod_cidrs))
    for kind, values in (("Services'", services), ("pods'", tuple(dict.fromkeys(pods)))):
        for value in of_family(values, family):
            one = network(value)
            yield _Range(int(one[0]), int(one[-1]), kind, f"{kind} {value}")
    for node, address in _addresses(survey, family):
        number = int(network(address)[0])
        yield _Range(number, number, "nodes'", f"{node.name}'s address {address}")


def _clashes(ranges: Iterable[_Range]) -> Iterator[str]:
    """Yield ranges of different kinds that overlap.

    In order of addresses a range overlaps with an earlier one of a kind exactly if it begins before the
    furthest end of that kind so far: one pass finds them.
    """
    furthest: dict[str, _Range] = {}
    for each in ranges:
        for kind, other in furthest.items():
            if kind != each.kind and each.first <= other.last:
                yield f"{other.what} and {each.what}"
        if each.kind not in furthest or each.last > furthest[each.kind].last:
            furthest[each.kind] = each


def _addresses(survey: Survey, family: Family) -> Iterator[tuple[Node, str]]:
    for node in survey.nodes:
        for address in of_family(node.internal_ips, family):
            yield node, address


def _of_either(addresses: tuple[str, ...]) -> list[str]:
    return [each for family in FAMILIES for each in of_family(addresses, family)]


def _plain(address: str) -> str:
    return str(parse(address))


def _scope(address: str) -> str | None:
    """Return why nobody else can use the address, or None."""
    parsed = parse(address)
    for word in ("loopback", "link_local", "multicast", "unspecified"):
        if getattr(parsed, f"is_{word}"):
            return f"is {word.replace('_', '-')}"
    return None
