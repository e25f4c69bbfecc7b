"""Variants: how a lab cluster is deployed, as data, one YAML file each.

A file states only what differs from the one it `extends`: mappings are merged key by key, null removes a
key, everything else replaces. Read as YAML 1.2, so that IPv6 addresses stay strings; unknown keys and wrong
types are refused with file and key.
"""

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lab.agents import Agent
from lab.data import fill, first_problem, merge, read_yaml
from lab.errors import LabError
from lab.expect import Expect
from lab.releases import Release

FOLDER = Path(__file__).parent / "variants"
MAX_NODES = 16  # node addresses are 172.30.0.10 and up to .25

Family = Literal["IPv4", "IPv6"]
ProxyMode = Literal["iptables", "ipvs", "nftables", "none"]
Network = IPv4Network | IPv6Network


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PodRange(_Data):
    """One cluster-wide pod range and the size of each node's share of it."""

    range: str
    node_mask: int

    @field_validator("range")
    @classmethod
    def _is_network(cls, value: str) -> str:
        ip_network(value)
        return value

    @model_validator(mode="after")
    def _leaves_room(self) -> Self:
        if not 0 <= self.node_mask - self.network.prefixlen <= 16:
            raise ValueError(f"node_mask {self.node_mask} must be 0 to 16 bits longer than {self.range}'s")
        return self

    @property
    def network(self) -> Network:
        """The range, parsed."""
        return ip_network(self.range)


class Node(_Data):
    """One node: what its kubelet, its kube-proxy and its CNI are told, and what the API says about it."""

    name: str = "node{index}"
    node_ips: tuple[Family, ...] = ("IPv4", "IPv6")
    cni_families: tuple[Family, ...] = ("IPv4", "IPv6")
    default_routes: tuple[Family, ...] = ("IPv4", "IPv6")  # of pods
    own_kernel: bool = False  # User-mode Linux, with modules that the host's kernel may lack: IPVS above all
    proxy_mode: ProxyMode = "iptables"  # none: no kube-proxy, an agent implements Services
    without: tuple[str, ...] = ()  # programs that its kube-proxy does not find to work
    before_proxy: str = ""  # shell that runs before its kube-proxy starts
    kubelet: dict[str, Any] = {}  # laid over its kubelet's configuration
    kube_proxy: dict[str, Any] = {}  # laid over its kube-proxy's configuration; null takes a key out
    spelled: tuple[str, ...] = ()  # its addresses as a cloud provider spells them; for external_cloud
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    provider_id: str = ""
    taints: tuple[dict[str, str], ...] = ()
    unschedulable: bool = False
    conditions: tuple[dict[str, str], ...] = ()  # those that a cloud provider would set
    files: dict[str, str] = {}  # files of root alone (0600), by absolute path
    agents: dict[str, dict[str, Any]] = {}  # network agents that run on it, and what differs from their files

    @field_validator("files")
    @classmethod
    def _below_etc(cls, value: dict[str, str]) -> dict[str, str]:
        for path in value:
            if not path.startswith("/etc/") or ".." in path:
                raise ValueError(f"{path}: only files below /etc can be given to a node")
        return value

    @field_validator("agents")
    @classmethod
    def _are_agents(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, differs in value.items():
            Agent.of(name, differs)
        return value

    @property
    def all_agents(self) -> tuple[Agent, ...]:
        """The network agents that run on it."""
        return tuple(Agent.of(name, differs) for name, differs in self.agents.items())


class Variant(_Data):
    """A cluster to be deployed. The first of `pods` and of `services` is of the primary family."""

    title: str
    healthy: bool = True
    kubernetes: str = "1.36"
    external_cloud: bool = (
        False  # kubelets leave node addresses to a cloud provider, whose part the lab plays
    )
    nodes: int = Field(default=3, ge=1, le=MAX_NODES)
    api_address: Family = "IPv4"
    pods: tuple[PodRange, ...]
    allocated: tuple[Family, ...] = (
        "IPv4",
        "IPv6",
    )  # pod ranges that the controller manager knows
    ranges_in_api: Literal["used", "others", "none"] = "used"
    """Whether Nodes carry the podCIDRs that pods live in; networks with own address management do not."""
    services: tuple[str, ...]
    pod_interfaces: Literal["bridge", "agent"] = "bridge"
    """Whether pods hang on a bridge by the lab's CNI file, or an agent brings a plugin and its file."""
    bridge: str = "cni0"
    pod_routes: Literal["static", "vxlan", "agent"] = "static"
    """How nodes reach each other's pods: by routes that are there from the start, by such through a VXLAN
    device of each family (lab/overlay.py), or by those of an agent. The outside always has static ones."""
    pod_mtu: int | None = Field(default=None, ge=1280, le=1500)
    """The MTU of pods; the node network's if not given."""
    load_balancer: Literal["metallb", "none"] = "metallb"
    load_balancer_pools: tuple[str, ...] = ("172.30.0.200-172.30.0.250", "fd00:30::200-fd00:30::2ff")
    a_pool_each: bool = False  # each range is a pool of its own
    internal_pool: str = ""  # a range that is given only to who asks for the pool `internal`
    dns: Literal["coredns", "none"] = "coredns"
    node: Node = Node()
    per_node: dict[int, dict[str, Any]] = {}  # by index, merged over `node`

    @field_validator("services")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            ip_network(each)
        return value

    @field_validator("kubernetes")
    @classmethod
    def _is_release(cls, value: str) -> str:
        Release.of(value)
        return value

    @model_validator(mode="after")
    def _release_can(self) -> Self:
        for settings in self.all_settings:
            if settings.proxy_mode == "nftables" and not self.release.nftables:
                raise ValueError(f"kube-proxy of Kubernetes {self.kubernetes} has no nftables mode")
            if settings.proxy_mode == "ipvs" and not settings.own_kernel:
                raise ValueError(f"{settings.name}: proxy_mode ipvs needs own_kernel: true")
            if settings.proxy_mode == "nftables" and settings.own_kernel:
                raise ValueError(f"{settings.name}: its own kernel has no nftables")
            if self.pod_routes == "vxlan" and settings.own_kernel:
                raise ValueError(f"{settings.name}: its own kernel has no VXLAN")
            if settings.agents and settings.own_kernel:
                raise ValueError(f"{settings.name}: no network agents under a kernel of its own")
            if not settings.agents:
                self._refuse_without_agent(settings)
        return self

    def _refuse_without_agent(self, settings: Node) -> None:
        for left, key, does in (
            (self.pod_routes == "agent", "pod_routes agent", "routes"),
            (self.pod_interfaces == "agent", "pod_interfaces agent", "brings a CNI plugin"),
            (settings.proxy_mode == "none", "proxy_mode none", "implements Services"),
        ):
            if left:
                raise ValueError(f"{settings.name}: {key} needs an agent that {does}")

    @property
    def release(self) -> Release:
        """The release of Kubernetes, with what its components want to be told."""
        return Release.of(self.kubernetes)

    @model_validator(mode="after")
    def _one_per_family(self) -> Self:
        for key, ranges in (("pods", [pod.range for pod in self.pods]), ("services", list(self.services))):
            versions = [ip_network(each).version for each in ranges]
            if not versions or len(versions) != len(set(versions)):
                raise ValueError(f"{key}: one range of each family at most, and at least one")
        for index in self.per_node:
            self.settings(index)
        return self

    def settings(self, index: int) -> Node:
        """What holds for the node with this index, its templates filled in. Raises ValueError."""
        merged = merge(self.node.model_dump(), self.per_node.get(index, {}))
        name = str(merged["name"]).format(index=index)
        try:
            return Node.model_validate(fill(merged, {"index": str(index), "name": name}))
        except ValidationError as error:
            raise ValueError(f"per_node.{index}.{first_problem(error)}") from None

    @cached_property
    def all_settings(self) -> tuple[Node, ...]:
        """What holds for every node, in order."""
        return tuple(self.settings(index) for index in range(self.nodes))

    @property
    def extras(self) -> tuple[str, ...]:
        """The recipes that its network agents are built from."""
        return tuple(sorted({agent.recipe for node in self.all_settings for agent in node.all_agents}))

    @property
    def own_kernels(self) -> bool:
        """Whether any node has a kernel of its own."""
        return any(settings.own_kernel for settings in self.all_settings)


def names() -> list[str]:
    """All variants, by name."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str, nodes: int | None = None, folder: Path = FOLDER) -> Variant:
    """The variant of this name, with another number of nodes if given. Raises LabError."""
    data = _read(name, folder, ())
    data.pop("expect", None)
    if nodes is not None:
        data["nodes"] = nodes
    try:
        return Variant.model_validate(data)
    except ValidationError as error:
        raise LabError(f"{folder / name}.yaml: {first_problem(error)}") from None


def expectation(name: str, folder: Path = FOLDER) -> Expect | None:
    """Return what must break on the variant, if its own file says so. Raises LabError."""
    data = _read(name, folder, ()).get("expect") if "expect" in read_yaml(folder / f"{name}.yaml") else None
    try:
        return None if data is None else Expect.model_validate(data)
    except ValidationError as error:
        raise LabError(f"{folder / name}.yaml: expect.{first_problem(error)}") from None


def _read(name: str, folder: Path, seen: tuple[str, ...]) -> dict[str, Any]:
    path = folder / f"{name}.yaml"
    if name in seen:
        raise LabError(f"{path}: extends itself ({' -> '.join((*seen, name))})")
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.yaml")))
        where = f"extended by {seen[-1]}.yaml, " if seen else ""
        raise LabError(f"no variant {name!r} ({where}known: {known})")
    data = read_yaml(path)
    base = data.pop("extends", None)
    if base is None:
        return data
    if not isinstance(base, str):
        raise LabError(f"{path}: extends: must be the name of one variant")
    merged = merge(_read(base, folder, (*seen, name)), data)
    merged["healthy"] = data.get("healthy", merged.get("healthy", True))
    return merged
