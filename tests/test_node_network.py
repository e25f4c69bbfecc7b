"""The nodes' own network: what IPv6 needs of every node's kernel, at the beginning and some seconds later."""

from dualstack.family import Family
from dualstack.scenario.board import Board
from dualstack.scenarios.host_networks import DefaultRoute, HostNetwork, HostNetworks
from dualstack.survey.model import Survey, of_family, same_address
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier

SYSCTL = "https://docs.kernel.org/networking/ip-sysctl.html#proc-sys-net-ipv6-variables"


@behaviour(
    Behaviour(
        id="node-forwarding",
        traffic="all",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.HOST,
        claim="Every node forwards IPv6 and has not switched it off.",
        source=SYSCTL,
        remedy="Set net.ipv6.conf.all.forwarding=1 and net.ipv6.conf.all.disable_ipv6=0 on the named node, "
        "in /etc/sysctl.d too: what sets it at boot may set it back.",
    ),
    needs=(HostNetworks,),
)
def test_node_forwarding(board: Board, judge: Judge) -> None:
    for network in judge.each(board.wait(HostNetworks.first).nodes, "nodes"):
        forwarding = network.sysctls.get("all.forwarding")
        disabled = network.sysctls.get("all.disable_ipv6")
        if network.trouble or forwarding is None or disabled is None:
            judge.cannot(network.node, network.trouble or "its sysctls are not to be read", family=Family.V6)
            continue
        judge(
            network.node,
            forwarding == 1 and disabled == 0,
            family=Family.V6,
            cause=f"net.ipv6.conf.all.forwarding is {forwarding}, disable_ipv6 is {disabled}",
            forwarding=forwarding,
            disable_ipv6=disabled,
        )


@behaviour(
    Behaviour(
        id="node-default-route",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.HOST,
        claim="Every node has a default IPv6 route, and still has it when nobody renews it.",
        source=SYSCTL,
        remedy="Set net.ipv6.conf.IFACE.accept_ra=2 for the interface of the route (with forwarding on, 1 "
        "means that the kernel ignores router advertisements), or make the route a static one.",
    ),
    needs=(HostNetworks,),
)
def test_node_default_route(board: Board, judge: Judge) -> None:
    before = {each.node: each for each in board.wait(HostNetworks.first).nodes}
    for network in judge.each(board.wait(HostNetworks.later).nodes, "nodes"):
        first = before[network.node]
        if trouble := first.trouble or network.trouble:
            judge.cannot(network.node, trouble, family=Family.V6)
            continue
        alive = [each for each in network.default_routes if each.expires is None or each.expires > 0]
        doomed = [each for each in alive if _runs_out(each, first, network)]
        cause = "no default IPv6 route"
        if doomed:
            cause = f"the default IPv6 route runs out in {doomed[0].expires} s, and nobody renews it"
        judge(
            network.node,
            len(alive) > len(doomed),
            family=Family.V6,
            cause=cause,
            routes=[each.model_dump(mode="json") for each in network.default_routes],
            at_first=[each.model_dump(mode="json") for each in first.default_routes],
            accept_ra={each.device: network.sysctls.get(f"{each.device}.accept_ra") for each in alive},
        )


@behaviour(
    Behaviour(
        id="node-dad",
        traffic="all",
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.HOST,
        reads=("nodes",),
        claim="On every node the IPv6 addresses beside its InternalIP are usable: none is a duplicate or not "
        "yet confirmed, and the InternalIP itself is not deprecated.",
        source="https://www.rfc-editor.org/rfc/rfc4862#section-5.4",
        remedy="Find out who else has the address (ip -6 address, `dadfailed`), or who set its preferred "
        "lifetime to 0.",
    ),
    needs=(HostNetworks,),
)
def test_node_dad(board: Board, survey: Survey, judge: Judge) -> None:
    for network in judge.each(board.wait(HostNetworks.later).nodes, "nodes"):
        listed = of_family(survey.node(network.node).internal_ips, Family.V6)
        own = [each for each in network.addresses if any(same_address(each.address, ip) for ip in listed)]
        if network.trouble or not own:
            why = network.trouble or "no interface has the IPv6 address that the node lists"
            judge.cannot(network.node, why, family=Family.V6)
            continue
        devices = {each.device for each in own}
        wrong = [
            f"{each.address} on {each.device} is {'a duplicate' if each.dadfailed else 'not confirmed yet'}"
            for each in network.addresses
            if each.device in devices and (each.dadfailed or each.tentative)
        ]
        wrong += [f"{each.address}, its InternalIP, is deprecated" for each in own if each.deprecated]
        judge(
            network.node,
            not wrong,
            family=Family.V6,
            cause="; ".join(wrong),
            internal_ips=listed,
            interfaces=sorted(devices),
        )


def _runs_out(route: DefaultRoute, first: HostNetwork, later: HostNetwork) -> bool:
    """Whether a route's lifetime falls and nobody is there to raise it.

    A router's advertisements are heeded by the kernel where the interface's own accept_ra is 2, or 1 without
    forwarding; where it is 0, a client in user space keeps what it learnt. `all` says nothing about either.
    """
    if route.expires is None:
        return False
    same = [each.expires for each in first.default_routes if _same_route(each, route)]
    if any(expires is not None and route.expires >= expires for expires in same):
        return False  # it was raised meanwhile
    if route.protocol != "ra":
        return True
    forwarding = later.sysctls.get("all.forwarding") or later.sysctls.get(f"{route.device}.forwarding")
    return later.sysctls.get(f"{route.device}.accept_ra") == 1 and bool(forwarding)


def _same_route(one: DefaultRoute, other: DefaultRoute) -> bool:
    return (one.device, one.gateway, one.protocol) == (other.device, other.gateway, other.protocol)
