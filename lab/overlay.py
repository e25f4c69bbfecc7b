"""An overlay: one VXLAN device a family on every node, as flannel lays them, with nothing left to learn.

IPv4 packets of pods travel in IPv4, IPv6 ones in IPv6. Who is where is written down beforehand: for each
other node a forwarding entry (its device's MAC is at its address), a neighbour (the first address of its
pods' range has that MAC) and a route to its pods by that neighbour.
"""

from lab.addresses import FAMILIES, NodePlan, Plan
from lab.variants import Family

PORT = 8472
MTU: dict[Family, int] = {"IPv4": 1450, "IPv6": 1430}  # 1500 without the outer headers
_IDS: dict[Family, int] = {"IPv4": 4, "IPv6": 6}


def device(of: Family) -> str:
    """Return the name of a family's device."""
    return f"vxlan{_IDS[of]}"


def mac(node: NodePlan, of: Family) -> str:
    """Return the MAC of a node's device."""
    return f"02:76:{_IDS[of]:02x}:00:00:{node.index:02x}"


def ip_lines(plan: Plan, machine: str) -> list[str]:
    """Return lines for `ip -batch` that lay a node's devices and its routes to other nodes' pods."""
    own = next(node for node in plan.nodes if node.machine == machine)
    lines = []
    for each in FAMILIES:
        if each not in own.pods:
            continue
        local, name = own.addresses[each], device(each)
        lines += [
            f"link add {name} address {mac(own, each)} mtu {MTU[each]} type vxlan id {_IDS[each]} "
            f"local {local} dev eth0 dstport {PORT} nolearning",
            f"addr add {_first(own, each)}/{32 if each == 'IPv4' else 128} dev {name}",
            f"link set {name} up",
        ]
        for other in _others(plan, own):
            lines += [
                f"neigh add {_first(other, each)} lladdr {mac(other, each)} dev {name} nud permanent",
                f"route add {other.pods[each]} via {_first(other, each)} dev {name} onlink",
            ]
    return lines


def bridge_lines(plan: Plan, machine: str) -> list[str]:
    """Return lines for `bridge -batch`: where the MAC of each other node's device is."""
    own = next(node for node in plan.nodes if node.machine == machine)
    return [
        f"fdb append {mac(other, each)} dev {device(each)} dst {other.addresses[each]} permanent"
        for each in FAMILIES
        if each in own.pods
        for other in _others(plan, own)
    ]


def _others(plan: Plan, own: NodePlan) -> list[NodePlan]:
    return [node for node in plan.nodes if node is not own and set(node.pods) >= set(own.pods)]


def _first(node: NodePlan, of: Family) -> str:
    """Return the first address of a node's pods' range, which no pod gets."""
    return str(node.pods[of].network_address)
