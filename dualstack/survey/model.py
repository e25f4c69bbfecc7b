"""The survey: one immutable value, taken once, shared by every worker and stored with the report."""

from collections.abc import Sequence
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from dualstack.family import FAMILIES, Family, Network, family_of, network, parse
from dualstack.survey.version import Release


class Fact(BaseModel):
    """Part of the survey."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def of_family(values: tuple[str, ...], family: Family) -> list[str]:
    """Those of the addresses or networks that are of the family; what does not parse is of neither."""
    return [value for value in values if _family_or_none(value) is family]


def unparsable(values: tuple[str, ...]) -> list[str]:
    """Those of the values that are no address and no network."""
    return [value for value in values if _family_or_none(value) is None]


def _family_or_none(value: str) -> Family | None:
    try:
        return family_of(value)
    except ValueError:
        return None


class Node(Fact):
    """A node as the API shows it. Addresses stay strings: a cluster may hold ones that do not parse."""

    name: str
    ready: bool
    not_ready_because: str | None = None
    kubelet: str
    os: str
    """`status.nodeInfo.operatingSystem`: what the kubelet says of itself."""
    os_label: str | None = None
    """The `kubernetes.io/os` label: what the scheduler goes by."""
    os_image: str = ""
    internal_ips: tuple[str, ...] = ()
    provided_ips: tuple[str, ...] = ()
    """Addresses that its kubelet was told to use (`--node-ip`), where a cloud provider writes them down."""
    kubelet_port: int = 10250
    pod_cidr: str | None = None
    pod_cidrs: tuple[str, ...] = ()
    provider_id: str | None = None
    labels: dict[str, str] = {}
    route_reason: str | None = None
    """The reason of the NetworkUnavailable condition; `RouteCreated` where a route controller works."""

    @property
    def zone(self) -> str | None:
        """The zone that its labels name."""
        return self.labels.get("topology.kubernetes.io/zone") or self.labels.get(
            "failure-domain.beta.kubernetes.io/zone"  # until 1.17
        )

    @property
    def virtual(self) -> bool:
        """Whether it is no machine: virtual-kubelet's, or one of EKS Fargate's."""
        return self.labels.get("type") == "virtual-kubelet" or (
            self.labels.get("eks.amazonaws.com/compute-type") == "fargate"
        )

    @property
    def release(self) -> Release | None:
        """The kubelet's minor release; None where it reports none (a simulated kubelet says `fake`)."""
        try:
            return Release.parse(self.kubelet)
        except ValueError:
            return None

    @property
    def primary_family(self) -> Family | None:
        """The family of its first InternalIP that is one."""
        return next((family for ip in self.internal_ips if (family := _family_or_none(ip))), None)

    def pod_networks(self, family: Family) -> list[Network]:
        """The node's podCIDRs of the family."""
        return [network(cidr) for cidr in of_family(self.pod_cidrs, family)]


class ServiceCidr(Fact):
    """A ServiceCIDR object, from 1.33 on: ranges that ClusterIPs are taken from."""

    name: str
    cidrs: tuple[str, ...] = ()
    ready: bool = False
    why_not: str | None = None
    """What its condition says, if it is not Ready."""


class Survey(Fact):
    """What was read of the cluster. A fact that could not be read is named in `missing`, with the reason."""

    context: str | None
    server: str
    version: str
    uid: str | None = None
    nodes: tuple[Node, ...] = ()
    pod_ranges: tuple[str, ...] = ()
    service_ranges: tuple[str, ...] = ()
    """The cluster's service ranges in their order, from the ServiceCIDR object or the API server's flags."""
    service_cidrs: tuple[ServiceCidr, ...] = ()
    kubernetes_service_ip: str | None = None
    """ClusterIP of `default/kubernetes`: of the first service range's family, by definition."""
    proxy_mode_configured: str | None = None
    """Mode in kube-proxy's ConfigMap: an intent, not a proof."""
    proxy_config_at: str | None = None
    """Where that stands, as CONFIGMAP/KEY: installers differ in it."""
    proxy_daemonsets: tuple[str, ...] = ()
    """DaemonSets whose name says that they are kube-proxy."""
    network_daemonsets: tuple[str, ...] = ()
    """DaemonSets in kube-system (and known CNI namespaces) that are known to be network plugins."""
    missing: dict[str, str] = {}

    @property
    def release(self) -> Release:
        """The API server's minor release."""
        return Release.parse(self.version)

    @property
    def first_service_family(self) -> Family | None:
        """The family of Services that ask for none; None if it cannot be known."""
        return _family_or_none(next(iter(self.service_ranges), self.kubernetes_service_ip or ""))

    def lacking(self, families: Sequence[Family] = FAMILIES) -> str | None:
        """Return what is missing if the whole cluster lacks one of the families; None for all in between."""
        for family in families if self.nodes else ():
            addresses = [ip for node in self.nodes for ip in of_family(node.internal_ips, family)]
            cidrs = [cidr for node in self.nodes for cidr in of_family(node.pod_cidrs, family)]
            if not addresses and not cidrs and not of_family(self.service_ranges, family):
                services = f" and no {family} service range" if self.service_ranges else ""
                return f"no node has an {family} InternalIP, none has an {family} podCIDR{services}"
        return None

    def node(self, name: str) -> Node:
        """Return the node of that name. Raises KeyError."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}


def inside(address: str, range_: str) -> bool:
    """Whether the address lies in the network; False across families, and where one does not parse."""
    try:
        return parse(address) in network(range_)
    except ValueError:
        return False


def same_address(one: str, other: str) -> bool:
    """Whether two spellings are one address; False where one does not parse."""
    try:
        return parse(one) == parse(other)
    except ValueError:
        return False


def same_addresses(some: list[str], others: list[str]) -> bool:
    """Whether two lists, in any order, have the same addresses."""
    return len(some) == len(others) and all(any(same_address(one, two) for two in others) for one in some)
