"""What the conductor publishes: one value a topic, each in a file of its own next to the report."""

from pydantic import BaseModel, ConfigDict, JsonValue

from dualstack.family import Family, family_of
from dualstack.probes.observation import Observation
from dualstack.survey.model import of_family


class Seen(BaseModel):
    """Part of a topic."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PodSeen(Seen):
    """One of our pods as the API showed it."""

    name: str
    role: str
    node: str
    running: bool
    trouble: str | None = None
    """Why it does not run."""
    pod_ip: str | None = None
    pod_ips: tuple[str, ...] = ()

    def address(self, family: Family) -> str | None:
        """The pod's first address of the family."""
        return next((ip for ip in self.pod_ips if family_of(ip) is family), None)


class Pods(Seen):
    """Topic `pods`: the clients and the servers."""

    pods: tuple[PodSeen, ...]
    seconds: float
    """From asking for them until the last one that did run ran."""

    def of(self, role: str) -> dict[str, PodSeen]:
        """The pods of a role, by node."""
        return {pod.node: pod for pod in self.pods if pod.role == role}


class Interface(Seen):
    """An address on an interface, as `ip address` prints it inside a pod."""

    name: str
    family: Family
    address: str
    prefix_length: int
    scope: str
    """`global`, `link`, `host`."""


class PodNetwork(Seen):
    """A client pod's own view of its network."""

    node: str
    trouble: str | None = None
    interfaces: tuple[Interface, ...] = ()
    gateways: dict[Family, str] = {}
    """Default gateway by family."""


class PodNetworks(Seen):
    """Topic `pod-networks`."""

    networks: tuple[PodNetwork, ...]


class Paths(Seen):
    """Topics `tcp`, `ping`, `cluster-ip`, `reach`, `canary`: observations of paths."""

    observations: tuple[Observation, ...]


class ServiceSeen(Seen):
    """A Service that was asked for: what was sent, and what the API server made of it."""

    name: str
    asked: dict[str, JsonValue]
    """The spec that was sent."""
    spec: dict[str, JsonValue] | None = None
    error: str | None = None
    refused: bool = False
    """The API server said that the object is invalid, rather than forbidden or out of reach."""


class Services(Seen):
    """Topic `services`."""

    services: dict[str, ServiceSeen]


class LoadBalancerSeen(Seen):
    """A Service of type LoadBalancer after waiting."""

    name: str
    family: Family
    service: ServiceSeen
    addresses: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    seconds: float | None = None
    """From asking until the first address; None if there was none."""
    waited: float = 0.0
    noticed: bool = False
    """A controller left a trace: an address, a finalizer, an annotation or an event."""
    events: tuple[str, ...] = ()

    @property
    def has_ipv6(self) -> bool:
        """Whether it has an external IPv6 address."""
        return bool(of_family(self.addresses, Family.V6))


class LoadBalancers(Seen):
    """Topic `load-balancers`."""

    load_balancers: dict[str, LoadBalancerSeen]

    @property
    def ipv6_pair(self) -> tuple[LoadBalancerSeen, LoadBalancerSeen]:
        """The two of IPv6 alone; one with an address comes first, since who gets the only one is chance."""
        one, other = (each for each in self.load_balancers.values() if each.family is Family.V6)
        return (other, one) if other.has_ipv6 and not one.has_ipv6 else (one, other)


class ProxySeen(Seen):
    """What a node's kube-proxy says of itself on the node's loopback."""

    node: str
    mode: str | None = None
    families: tuple[Family, ...] | None = None
    """Families that it programs, where it says so (`status` of /healthz)."""
    trouble: str | None = None


class Proxies(Seen):
    """Topic `proxies`."""

    proxies: tuple[ProxySeen, ...]


class CloudConfigSeen(Seen):
    """The one key of the cloud provider's file that may be read."""

    node: str
    load_balancer_sku: str | None = None
    trouble: str | None = None


class CloudConfigs(Seen):
    """Topic `cloud-configs`."""

    configs: tuple[CloudConfigSeen, ...]
