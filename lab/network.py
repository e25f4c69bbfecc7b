"""The wires: one bridge in `fabric`, a veth pair to every machine, routes to every node's pods.

The same data path as kubenet: the CNI bridge of each node holds its pods, and everybody routes to it over the
node network; a variant says where nodes have these routes from (`pod_routes`). Nothing of it exists in the
host's own network namespace.
"""

from lab import namespaces, overlay
from lab.addresses import CONTROL_PLANE, FABRIC, FAMILIES, NODE_NETWORKS, Plan

BRIDGE = "br0"
TAP = "tap0"  # the network card of a machine with a kernel of its own
_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/forwarding": "1",
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/ping_group_range": "0 2147483647",
}


def _sysctls() -> str:
    return "".join(f"echo '{value}' > /proc/sys/{key}\n" for key, value in _SYSCTLS.items())


def _batch(lines: list[str]) -> str:
    """Shell that hands `lines` to ip(8) in one process per address family."""
    return "ip -batch - <<'END'\n" + "".join(f"{line}\n" for line in lines) + "END\n"


def _addresses(plan: Plan, machine: str, device: str) -> list[str]:
    lines = []
    for each in FAMILIES:
        length = NODE_NETWORKS[each].prefixlen
        nodad = " nodad" if each == "IPv6" else ""
        lines.append(f"addr add {plan.address(machine, each)}/{length} dev {device}{nodad}")
    return lines


def _pod_routes(plan: Plan, machine: str) -> list[str]:
    return [
        f"route add {network} via {node.addresses[each]}"
        for node in plan.nodes
        if node.machine != machine
        for each, network in node.pods.items()
    ]


def _carrying_nothing(plan: Plan) -> str:
    """Shell that lets the gateway carry nothing to pods: it would make up for routes that nodes lack."""
    return "".join(
        f"ip -{pod.network.version} rule add iif {BRIDGE} to {pod.range} unreachable\n"
        for pod in plan.variant.pods
    )


def build(plan: Plan) -> None:
    """Lay all wires; the namespaces exist already."""
    lines = [f"link add {BRIDGE} type bridge mcast_snooping 0 forward_delay 0", "link set lo up"]
    for machine in plan.machines[1:]:
        lines += [
            f"link add {machine} type veth peer name eth0 netns {namespaces.PREFIX}{machine}",
            f"link set {machine} master {BRIDGE} up",
        ]
    lines += [f"link set {BRIDGE} up", *_addresses(plan, FABRIC, BRIDGE), *_pod_routes(plan, FABRIC)]
    rules = "" if plan.variant.pod_routes == "static" else _carrying_nothing(plan)
    namespaces.run_inside(FABRIC, _sysctls() + _batch(lines) + rules)
    own_kernels = {node.machine for node in plan.nodes if node.settings.own_kernel}
    for machine in plan.machines[1:]:
        namespaces.run_inside(
            machine, _tap_on_eth0() if machine in own_kernels else of_machine(plan, machine)
        )


def of_machine(plan: Plan, machine: str) -> str:
    """Shell that gives eth0 its addresses and routes, and the kernel its settings."""
    gateways = [f"route add default via {plan.address(FABRIC, each)}" for each in FAMILIES]
    lines = ["link set lo up", "link set eth0 up", *_addresses(plan, machine, "eth0"), *gateways]
    routes = "static" if machine == CONTROL_PLANE else plan.variant.pod_routes
    if routes == "agent":
        return _sysctls() + _batch(lines)
    if routes == "static":
        return _sysctls() + _batch([*lines, *_pod_routes(plan, machine)])
    entries = "".join(f"{line}\n" for line in overlay.bridge_lines(plan, machine))
    tunnels = _batch([*lines, *overlay.ip_lines(plan, machine)])
    return f"{_sysctls()}{tunnels}bridge -batch - <<'END'\n{entries}END\n"


def _tap_on_eth0() -> str:
    """Shell that joins the network card of a kernel of its own to the wire; addresses are that kernel's."""
    lines = [
        f"link add {BRIDGE} type bridge mcast_snooping 0 forward_delay 0",
        f"tuntap add dev {TAP} mode tap",
        f"link set {TAP} master {BRIDGE} up",
        f"link set eth0 master {BRIDGE} up",
        f"link set {BRIDGE} up",
        "link set lo up",
    ]
    return "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6\n" + _batch(lines)
