"""Profiles: what a kind of cluster promises, as validated YAML with one `extends`."""

import hashlib
from pathlib import Path
from typing import Any, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, field_validator

from dualstack import yaml_file
from dualstack.errors import UserError
from dualstack.family import Family, parse
from dualstack.places import PROFILES
from dualstack.survey.version import Release
from dualstack.verdict.words import Level

WHAT = "a profile with `name`, `title` and `promises`"
ProxyMode = Literal["iptables", "ipvs", "nftables"]


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=_kebab, use_attribute_docstrings=True
    )


class Promises(_Part):
    """What the cluster's makers say it does."""

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
    proxy_modes: list[ProxyMode] = ["iptables", "ipvs", "nftables"]
    """Modes that kube-proxy may be in; empty where something else implements Services."""
    parity_milliseconds: float = Field(default=250, ge=0)
    """How much longer than an IPv4 connection an IPv6 one may take to come about on the same path. After
    250 ms a client that tries both families turns to the other one (RFC 8305)."""
    load_balancer: Literal["required", "if-present", "none"] = "if-present"
    """Whether Services of type LoadBalancer get an address."""
    network_policy: Literal["required", "if-present", "none"] = "if-present"
    """Whether NetworkPolicies are enforced; `if-present`: nothing is promised where a deny-all bites in
    neither family, since enforcing them is left to network plugins."""

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
    levels: dict[str, Level] = {}
    """Levels of behaviours that differ from their declaration, by id."""
    cloud_config: str | None = None
    """Path on the nodes of the cloud provider's file; one named key of it is read, nothing else."""
    egress: list[str] = []
    """Addresses outside that pods must reach by TCP, as ADDRESS:PORT, with brackets around an IPv6 one;
    name the same service in both families, so that one is the other's control."""
    timeouts: Timeouts = Timeouts()

    @field_validator("egress")
    @classmethod
    def _are_targets(cls, value: list[str]) -> list[str]:
        for each in value:
            egress_target(each)
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


def egress_target(text: str) -> tuple[str, int]:
    """Return (address, port). Raises ValueError."""
    address, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 1 << 16 or (":" in address) != address.startswith("["):
        raise ValueError(f"{text!r} is no ADDRESS:PORT (an IPv6 address stands in brackets)")
    return str(parse(address.strip("[]"))), int(port)


def load(name: str, timeouts: Path | None = None) -> tuple[Profile, str]:
    """The profile of that name or in that file, and its source. Raises UserError with one clear line.

    `timeouts`: a file with the keys of `timeouts` that a site has other values for.
    """
    path, source = _find(name)
    document = yaml_file.read(path, WHAT)
    if parent := document.pop("extends", None):
        if not isinstance(parent, str):
            raise UserError(f"{path}: extends: must be the name of a profile or a file")
        base = yaml_file.read(_find(parent, path.parent)[0], WHAT)
        if "extends" in base:
            raise UserError(f"{path}: extends: {parent!r} extends another itself; only one step is allowed")
        document = _merge(base, document)
    profile = yaml_file.validated(path, document, Profile)
    if timeouts is None:
        return profile, source
    own = _merge(profile.timeouts.model_dump(by_alias=True), yaml_file.read(timeouts, "timeouts"))
    bounds = yaml_file.validated(timeouts, own, Timeouts)
    return profile.model_copy(update={"timeouts": bounds}), f"{source}, with the time-outs of {timeouts}"


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
