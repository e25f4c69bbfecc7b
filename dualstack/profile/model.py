"""Profiles: what a kind of cluster promises, as validated YAML that may extend another."""

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import rfc8785
from pydantic import BaseModel, BeforeValidator, Field, field_validator

from dualstack import yaml_file
from dualstack.errors import UserError
from dualstack.family import FAMILIES, Family, network
from dualstack.places import PROFILES
from dualstack.profile.expect import Expect, egress_targets
from dualstack.profile.part import PART
from dualstack.profile.signs import Signs
from dualstack.survey.version import Release
from dualstack.verdict.words import Level

Part = TypeVar("Part", bound=BaseModel)
WHAT = "a profile with `name`, `title` and `promises`"
ProxyMode = Literal["iptables", "ipvs", "nftables"]
ProxyModes = Annotated[list[ProxyMode], BeforeValidator(lambda value: [] if value == "none" else value)]
"""`none` is how people write the empty list: a file says that there is no kube-proxy, rather than nothing."""


class _Part(BaseModel):
    model_config = PART


class Promises(_Part):
    """What the cluster's makers say it does."""

    families: list[Family] = Field(default=[*FAMILIES], min_length=1, max_length=2)
    """Families that pods and Services have. Where it is one, nothing is promised in the other, and a pod has
    no address of it."""
    minimum_version: str = "1.16"
    """Oldest kubelet and API server, as a minor release."""
    node_addresses: Literal["dual", "exactly-two"] = "dual"
    """`dual`: at least one InternalIP of each family; `exactly-two`: one of each and no more."""
    pod_cidrs: Literal[True, False, "if-present"] = "if-present"
    """Nodes carry spec.podCIDRs and pods live in them; false where the network plugin keeps its own ranges;
    `if-present`: not where no node has one, and no pod need live in them where none does."""
    windows: bool = True
    """Windows nodes are part of it: they cannot be judged here. False: nothing is promised for them."""
    node_masks: dict[Family, int] | None = None
    """Prefix length of every node's podCIDR, by family; null where none is declared."""
    pod_masquerade: bool = False
    """Whether traffic between pods may arrive with another source address."""
    proxy_modes: ProxyModes = ["iptables", "ipvs", "nftables"]
    """Modes that kube-proxy may be in; `none` where something else implements Services."""
    parity_milliseconds: float = Field(default=250, ge=0)
    """How much longer than an IPv4 connection an IPv6 one may take to come about on the same path. After
    250 ms a client that tries both families turns to the other one (RFC 8305)."""
    load_balancer: Literal["required", "if-present", "none"] = "if-present"
    """Whether Services of type LoadBalancer get an address."""
    network_policy: Literal["required", "if-present", "none"] = "if-present"
    """Whether NetworkPolicies are enforced; `if-present`: nothing is promised where a deny-all bites in
    neither family, since enforcing them is left to network plugins."""

    @field_validator("families")
    @classmethod
    def _differ(cls, value: list[Family]) -> list[Family]:
        if len(set(value)) < len(value):
            raise ValueError(f"{value[0]} stands twice")
        return value

    @field_validator("minimum_version")
    @classmethod
    def _is_release(cls, value: str) -> str:
        Release.parse(value)
        return value

    @field_validator("node_masks")
    @classmethod
    def _masks_fit(cls, value: dict[Family, int] | None) -> dict[Family, int] | None:
        for family, mask in (value or {}).items():
            longest = 32 if family is Family.V4 else 128
            if not 0 < mask <= longest:
                raise ValueError(f"an {family} mask lies between 1 and {longest}, not {mask}")
        return value


class Limits(_Part):
    """Documented limits of support: outside them a cluster may work, but its makers do not stand by it."""

    network_plugin: Literal["kubenet"] | None = None
    """The only network plugin that is supported."""
    os: Literal["linux"] | None = None
    """The only operating system of nodes that is supported."""
    proxy_modes: dict[str, list[ProxyMode]] | None = None
    """Modes by the minor release from which they are supported, e.g. {"1.16": [ipvs]}."""
    vm_set: Literal["availability-set"] | None = None
    """The only kind of machine set that is supported."""
    load_balancer_sku: Literal["standard"] | None = None
    """The load balancer's SKU that is supported."""

    def modes_at(self, release: Release) -> list[ProxyMode] | None:
        """The modes supported at a release; None where the profile sets no limit."""
        if self.proxy_modes is None:
            return None
        known = sorted(map(Release.parse, self.proxy_modes))
        latest = max((each for each in known if each <= release), default=known[0])
        return self.proxy_modes[str(latest)]

    @field_validator("proxy_modes")
    @classmethod
    def _are_releases(cls, value: dict[str, list[ProxyMode]] | None) -> dict[str, list[ProxyMode]] | None:
        for key in value or {}:
            Release.parse(key)
        return value


class InternalLoadBalancer(_Part):
    """The provider's load balancer that is not public, and how to ask for it."""

    annotations: dict[str, str] = Field(min_length=1)
    """Those of a Service that ask for it, as its makers document them."""
    ranges: list[str] = Field(min_length=1)
    """Where its addresses lie."""

    @field_validator("ranges")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for each in value:
            network(each)
        return value


class Timeouts(_Part):
    """Bounds of waiting, in seconds. Each is a promise too: later than this is a finding."""

    pods: float = Field(default=120, gt=0)
    """From asking for the probe pods until they run (image pulls included)."""
    paths: float = Field(default=10, gt=0)
    """From the pods' running until each pod-to-pod path has answered."""
    services: float = Field(default=30, gt=0)
    """From the pods' running until a Service answers from every node with every backend."""
    names: float = Field(default=15, gt=0)
    """From the servers' running until the cluster's DNS knows them (what it remembers of before included)."""
    load_balancer: float = Field(default=300, gt=0)
    """From asking for a load balancer until it has an address."""
    external: float = Field(default=60, gt=0)
    """From a load balancer's having an address until that answers (health checks included)."""
    removal: float = Field(default=60, gt=0)
    """From the end of the run until the namespace is gone (load balancers' own clean-up included)."""
    namespace: float = Field(default=30, gt=0)
    """From deleting a namespace with a Service in it until it is gone."""
    policy: float = Field(default=20, gt=0)
    """From creating a NetworkPolicy until it holds on every path."""
    unenforced: float = Field(default=5, gt=0)
    """How long a deny-all may bite nowhere before there is no policy engine, where the profile does not
    promise one."""
    silence: float = Field(default=1, gt=0)
    """Until what must not answer has fallen silent, where nothing ever should."""
    stragglers: float = Field(default=15, gt=0)
    """How much later than the other pods a pod may run, if its image is not being pulled; five times what the
    slowest of the others needed, if that is more."""
    unmade: float = Field(default=15, gt=0)
    """How long a controller may try in vain to make a pod that the API server refuses."""
    unnoticed: float = Field(default=20, gt=0)
    """How long no controller may leave a trace on a LoadBalancer Service before there is none, where the
    profile does not promise one."""
    lag: float = Field(default=15, gt=0)
    """How much later than others a load balancer without a trace may get its address, or follow a change;
    five times what the slowest of them needed, if that is more."""


class Profile(_Part):
    """A whole profile, `extends` already resolved."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """Lower case, digits and dashes."""
    title: str
    """One line for the report."""
    promises: Promises = Promises()
    limits: Limits = Limits()
    signs: Signs = Signs()
    """What tells that a cluster is of this kind: `--profile auto` goes by it."""
    levels: dict[str, Level] = {}
    """Levels of behaviours that differ from their declaration, by id."""
    cloud_config: str | None = None
    """Path on the nodes of the cloud provider's file; one named key of it is read, nothing else."""
    egress: list[str] = []
    """Addresses outside that pods must reach by TCP, as ADDRESS:PORT, with brackets around an IPv6 one;
    name the same service in both families, so that one is the other's control."""
    external_names: list[str] = []
    """Names outside that have addresses of both families, for pods to ask for."""
    call_endpoints_in: list[str] = []
    """Namespaces whose owners let the suite open a connection to each ready endpoint of their Services."""
    host_port: int | None = Field(default=None, ge=1, le=65535)
    """A TCP port that nothing listens on, on any node: pods of the suite get it as their hostPort."""
    load_balancers_steady_for: float | None = Field(default=None, gt=0)
    """For how many seconds external addresses are called, to see whether one falls silent: two lifetimes of a
    neighbour entry are some 60 to 120."""
    internal_load_balancer: InternalLoadBalancer | None = None
    """How Services ask for a load balancer inside the provider's network, where there is one."""
    timeouts: Timeouts = Timeouts()
    expect: Expect = Expect()
    """What this one cluster has promised: `--expect FILE` is laid on it."""

    @field_validator("egress")
    @classmethod
    def _are_targets(cls, value: list[str]) -> list[str]:
        return egress_targets(value)

    @field_validator("external_names")
    @classmethod
    def _are_names(cls, value: list[str]) -> list[str]:
        for each in value:
            if len(each) > 253 or not re.fullmatch(r"([A-Za-z0-9_-]{1,63}\.)+[A-Za-z0-9-]{1,63}\.?", each):
                raise ValueError(f"{each!r} is no domain name")
        return value

    @field_validator("cloud_config")
    @classmethod
    def _is_absolute(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("/"):
            raise ValueError("must be an absolute path on the node")
        return value

    @property
    def digest(self) -> str:
        """SHA-256 of the whole profile, `extends` resolved."""
        return hashlib.sha256(rfc8785.dumps(self.model_dump(mode="json", by_alias=True))).hexdigest()


def load(name: str, timeouts: Path | None = None, expect: Path | None = None) -> tuple[Profile, str]:
    """The profile of that name or in that file, and its source. Raises UserError with one clear line.

    `timeouts`, `expect`: files with the keys of these parts that a site has values of its own for.
    """
    path, source = _find(name)
    profile = yaml_file.validated(path, _resolved(path), Profile)
    if timeouts is not None:
        bounds = _laid(profile.timeouts, timeouts, "timeouts")
        profile = profile.model_copy(update={"timeouts": bounds})
        source = f"{source}, with the time-outs of {timeouts}"
    if expect is not None:
        profile = profile.model_copy(update={"expect": _laid(profile.expect, expect, "expectations")})
        source = f"{source}, with the expectations of {expect}"
    if mistake := contradiction(profile):
        raise UserError(f"{expect or path}: {mistake}")
    egress = list(dict.fromkeys([*profile.egress, *profile.expect.egress]))
    return profile.model_copy(update={"egress": egress}), source


def _laid(part: Part, path: Path, what: str) -> Part:
    """Return a part of a profile with a file's keys laid on it."""
    document = _merge(part.model_dump(mode="json", by_alias=True), yaml_file.read(path, what))
    return yaml_file.validated(path, document, type(part))


def contradiction(profile: Profile) -> str | None:
    """Return what is expected of this cluster and not promised of its kind; None if nothing is."""
    promised, expect = profile.promises, profile.expect
    for key, values in expect.families().items():
        for value, family in values:
            if family not in promised.families:
                only = " and ".join(promised.families)
                return f"{key}: {value} is {family}, and profile {profile.name} promises {only} only"
    if expect.load_balancer_pools and promised.load_balancer == "none":
        return f"load-balancer-pools: profile {profile.name} promises no load balancer"
    first = expect.families()["services"][:1]
    if expect.primary_family and first and first[0][1] is not expect.primary_family:
        return f"services: {first[0][0]} comes first, and primary-family is {expect.primary_family}"
    masks = (promised.node_masks or {}) if promised.pod_cidrs is True else {}
    for value, family in expect.families()["pods"]:
        if family in masks and network(value).prefixlen > masks[family]:
            return f"pods: {value} has no room for a node's /{masks[family]} (promises.node-masks)"
    return None


def built_in() -> dict[str, Profile]:
    """Return every built-in profile by its name."""
    return {path.stem: load(path.stem)[0] for path in sorted(PROFILES.glob("*.yaml"))}


def _resolved(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The file's mapping, laid on that of the profile that it extends."""
    document = yaml_file.read(path, WHAT)
    parent = document.pop("extends", None)
    if parent is None:
        return document
    if not isinstance(parent, str):
        raise UserError(f"{path}: extends: must be the name of a profile or a file")
    base, seen = _find(parent, path.parent)[0].resolve(), (*above, path.resolve())
    if base in seen:
        raise UserError(f"{path}: extends: {parent!r} extends this file in turn")
    return _merge(_resolved(base, seen), document)


def _find(name: str, beside: Path | None = None) -> tuple[Path, str]:
    built_in = PROFILES / f"{name}.yaml"
    if "/" not in name and built_in.is_file():
        return built_in, "built-in"
    path = Path(name) if beside is None else beside / name
    if path.is_file():
        return path, str(path)
    names = ", ".join(sorted(each.stem for each in PROFILES.glob("*.yaml")))
    raise UserError(f"--profile {name}: no such profile or file; built-in profiles: {names}")


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`: mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
