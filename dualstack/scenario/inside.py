"""What is inside the cluster: whether the runner is, and which addresses can be no external ones."""

import socket
from dataclasses import dataclass
from ipaddress import ip_address

from dualstack.family import Family, Network, family_of, network, parse

DISCARD = 9  # a UDP socket that is connected sends nothing: it only chooses a source address


@dataclass(frozen=True)
class Inside:
    """Immutable."""

    nodes: tuple[str, ...] = ()
    """InternalIPs."""
    pods: tuple[str, ...] = ()
    """Ranges of pods."""
    services: tuple[str, ...] = ()
    """Ranges of Services."""
    runner_is_pod: str | None = None
    """Why the runner is known to be a pod of the cluster, if so."""

    def why_not_outside(self, address: str) -> str | None:
        """Return why a call of an address from this machine proves nothing about the outside, or None.

        On a node and in a pod, the node's own rules answer for a load balancer's address, announced or not.
        """
        if self.runner_is_pod:
            return f"the runner is inside the cluster: {self.runner_is_pod}"
        own = _source_address(address)
        if own is None:
            return None  # there is no route: the call itself says so
        if own in self.nodes:
            return f"the runner is inside the cluster: its address {own} is a node's"
        if any(parse(own) in each for each in _networks(self.pods, family_of(own))):
            return f"the runner is inside the cluster: its address {own} is in the pods' range"
        return None

    def is_of_cluster(self, address: str) -> bool:
        """Return whether an address is a node's or in the pods' ranges: then the cluster has put it there."""
        return address in self.nodes or any(
            parse(address) in each for each in _networks(self.pods, family_of(address))
        )

    def not_external(self, address: str) -> str | None:
        """Return why an address can be no external one, or None."""
        try:
            parsed = ip_address(str(parse(address)))
        except ValueError:
            return "is not an IP address"
        if parsed.is_loopback:
            return "is a loopback address"
        if parsed.is_link_local:
            return "is a link-local address"
        if parsed.is_unspecified or parsed.is_multicast:
            return "is no unicast address"
        for what, ranges in (("pods", self.pods), ("Services", self.services)):
            if any(parsed in each for each in _networks(ranges, family_of(parsed))):
                return f"is in the range of the cluster's own {what}"
        return None


def _networks(ranges: tuple[str, ...], family: Family) -> list[Network]:
    found = []
    for each in ranges:
        try:
            one = network(each)
        except ValueError:
            continue  # node-pod-cidrs says so
        if family_of(one) is family:
            found.append(one)
    return found


def _source_address(address: str) -> str | None:
    """Return the address that this machine would call from; None without a route."""
    kind = socket.AF_INET6 if family_of(address) is Family.V6 else socket.AF_INET
    with socket.socket(kind, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, DISCARD))
        except OSError:
            return None
        own: str = probe.getsockname()[0]
        return own
