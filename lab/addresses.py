"""The address plan: every address of a cluster follows from its variant; nothing has to be remembered."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import islice

from lab.variants import Family, Network, Node, Variant

FAMILIES: tuple[Family, ...] = ("IPv4", "IPv6")
NODE_NETWORKS: dict[Family, Network] = {
    "IPv4": IPv4Network("172.30.0.0/24"),
    "IPv6": IPv6Network("fd00:30::/64"),
}
FABRIC = "fabric"  # the world outside, and everybody's gateway
CONTROL_PLANE = "cp"
API_PORT = 6443
_OFFSETS = {FABRIC: 1, CONTROL_PLANE: 2}


def family(network: Network | str) -> Family:
    """The family of a network or an address."""
    return "IPv6" if ":" in str(network) else "IPv4"


def bracketed(address: str) -> str:
    """An address as it stands in a URL."""
    return f"[{address}]" if ":" in address else address


@dataclass(frozen=True)
class NodePlan:
    """One node: `machine` names its namespaces, groups and folder, `name` its object in Kubernetes."""

    index: int
    settings: Node
    addresses: dict[Family, str]
    pods: dict[Family, Network]  # what its pods really get, by family, the cluster's primary one first

    @property
    def machine(self) -> str:
        """The name of the machine: node0, node1 …"""
        return f"node{self.index}"

    @property
    def name(self) -> str:
        """The name of the Node object."""
        return self.settings.name


@dataclass(frozen=True)
class Plan:
    """All addresses of a cluster."""

    variant: Variant

    @cached_property
    def nodes(self) -> tuple[NodePlan, ...]:
        """Every node, in order; each gets the next share of every pod range."""
        return tuple(
            NodePlan(
                index,
                self.variant.settings(index),
                {each: _host(each, 0x10 if each == "IPv6" else 10, index) for each in FAMILIES},
                {family(pod.network): _share(pod.network, pod.node_mask, index) for pod in self.variant.pods},
            )
            for index in range(self.variant.nodes)
        )

    def address(self, machine: str, of: Family) -> str:
        """The address of a machine on the node network."""
        if machine in _OFFSETS:
            return _host(of, _OFFSETS[machine], 0)
        return next(node for node in self.nodes if node.machine == machine).addresses[of]

    @property
    def api_address(self) -> str:
        """The control plane's address that certificates and the API server advertise first."""
        return self.address(CONTROL_PLANE, self.variant.api_address)

    @property
    def api_url(self) -> str:
        """Where clients find the API server, from the nodes and from `fabric`."""
        return f"https://{bracketed(self.api_address)}:{API_PORT}"

    @property
    def machines(self) -> tuple[str, ...]:
        """All machines: the world outside, the control plane, the nodes."""
        return (FABRIC, CONTROL_PLANE, *(node.machine for node in self.nodes))

    @property
    def allocated_pods(self) -> tuple[str, ...]:
        """Pod ranges that the controller manager knows of."""
        return tuple(pod.range for pod in self.variant.pods if family(pod.range) in self.variant.allocated)

    def service_address(self, nth: int) -> dict[Family, str]:
        """The nth address of every service range: 1 is the API server's, 10 is DNS by convention."""
        return {family(each): str(ip_network(each)[nth]) for each in self.variant.services}

    def machine_of(self, name: str) -> str | None:
        """The machine with this name, or of the node with this Kubernetes name."""
        by_name = {node.name: node.machine for node in self.nodes}
        return name if name in self.machines else by_name.get(name)


def _host(of: Family, base: int, index: int) -> str:
    return str(NODE_NETWORKS[of][base + index])


def _share(network: Network, mask: int, index: int) -> Network:
    shares: Iterator[Network] = network.subnets(new_prefix=mask)
    return next(islice(shares, index, None))
