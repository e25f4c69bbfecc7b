"""What a site itself has promised: `--expect FILE`, laid on the profile.

A profile speaks of a kind of cluster, this of one cluster: its ranges, pools and groups of nodes. Each is
held against what the API shows and, where probes can tell, against what was on the wire.
"""

from ipaddress import ip_address

from pydantic import BaseModel, Field, field_validator

from dualstack.family import Address, Family, Network, family_of, network, parse
from dualstack.profile.part import PART


class NodeGroup(BaseModel):
    """Nodes that have labels in common."""

    model_config = PART

    labels: dict[str, str] = {}
    """All of them; none stands for every node."""
    count: int = Field(ge=0)
    """How many nodes there are of it, exactly."""

    def __str__(self) -> str:
        labels = ", ".join(f"{key}={value}" for key, value in self.labels.items())
        return f"nodes {labels}" if labels else "all nodes"


class Expect(BaseModel):
    """The site's own promises; what it does not name is not judged."""

    model_config = PART

    pods: list[str] = []
    """Ranges that pods live in."""
    services: list[str] = []
    """Ranges of ClusterIPs; the first is that of Services that ask for no family."""
    primary_family: Family | None = None
    """The family that nodes list first, and that Services get if they ask for none."""
    nodes: list[NodeGroup] = []
    """Groups of nodes, each with `labels` and their `count`."""
    load_balancer_pools: list[str] = []
    """Ranges that load balancers get addresses of, as a CIDR or as FIRST-LAST."""
    egress: list[str] = []
    """Addresses outside, as in the profile's key of that name, to which they are added."""

    @field_validator("pods", "services")
    @classmethod
    def _are_ranges(cls, value: list[str]) -> list[str]:
        for each in value:
            _range(each)
        return value

    @field_validator("load_balancer_pools")
    @classmethod
    def _are_pools(cls, value: list[str]) -> list[str]:
        for each in value:
            pool(each)
        return value

    @field_validator("egress")
    @classmethod
    def _are_targets(cls, value: list[str]) -> list[str]:
        return egress_targets(value)

    def families(self) -> dict[str, list[tuple[str, Family]]]:
        """Return every value that is of one family, with it, by key."""
        ranges = {"pods": self.pods, "services": self.services}
        found = {key: [(each, family_of(each)) for each in values] for key, values in ranges.items()}
        pools = self.load_balancer_pools
        found["load-balancer-pools"] = [(each, family_of(pool(each)[0])) for each in pools]
        found["egress"] = [(each, family_of(egress_target(each)[0])) for each in self.egress]
        if self.primary_family:
            found["primary-family"] = [("it", self.primary_family)]
        return found


def pool(text: str) -> tuple[Address, Address]:
    """Return the first and the last address of a CIDR or of FIRST-LAST. Raises ValueError."""
    if "-" not in text:
        found = _range(text)
        return found[0], found[-1]
    try:
        first, last = (ip_address(each.strip()) for each in text.split("-"))
    except ValueError:
        raise ValueError(f"{text!r} is not a range such as 192.0.2.10-192.0.2.20") from None
    if first.version != last.version or int(first) > int(last):
        raise ValueError(f"{text!r} does not go from an address to a later one of its family")
    return first, last


def in_pool(address: str, pools: list[str]) -> bool:
    """Return whether an address lies in one of the pools."""
    parsed = ip_address(address)
    return any(
        first.version == parsed.version and int(first) <= int(parsed) <= int(last)
        for first, last in map(pool, pools)
    )


def egress_target(text: str) -> tuple[str, int]:
    """Return (address, port). Raises ValueError."""
    address, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 1 << 16 or (":" in address) != address.startswith("["):
        raise ValueError(f"{text!r} is no ADDRESS:PORT (an IPv6 address stands in brackets)")
    return str(parse(address.strip("[]"))), int(port)


def egress_targets(texts: list[str]) -> list[str]:
    """Return the texts if each is a target. Raises ValueError."""
    for each in texts:
        egress_target(each)
    return texts


def _range(text: str) -> Network:
    try:
        if "/" in text:
            return network(text)
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a range such as 10.244.0.0/16 or fd00:244::/48")
