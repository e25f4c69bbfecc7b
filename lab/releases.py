"""What differs between releases of Kubernetes, as tables: flags, feature gates and configuration fields.

Each entry says from which minor release on (`first`) and up to which (`last`) it holds, so that another
release is a matter of data. Components refuse flags and configuration fields that they do not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
KUBELET = "kubelet"
KUBE_PROXY = "kube-proxy"
COMPONENTS = (API_SERVER, CONTROLLER_MANAGER, SCHEDULER, KUBELET, KUBE_PROXY)
RUNTIME = "unix:///run/containerd/containerd.sock"
_NEWEST = 999


@dataclass(frozen=True)
class _Entry:
    """A flag (`--name=value`, `value` its text), a feature gate or a field of a component's configuration."""

    components: tuple[str, ...]
    name: str
    value: Any
    first: int = 0
    last: int = _NEWEST


_FLAGS = (
    # The unauthenticated ports of that time.
    _Entry((API_SERVER,), "insecure-port", "0", last=19),
    _Entry((CONTROLLER_MANAGER, SCHEDULER), "port", "0", last=22),
    # Where the kubelet finds containerd; a field of its configuration later.
    _Entry((KUBELET,), "container-runtime", "remote", last=23),
    _Entry((KUBELET,), "container-runtime-endpoint", RUNTIME, last=26),
)
_GATES = (
    # Dual-stack: alpha from 1.16, on by default from 1.21.
    _Entry(COMPONENTS, "IPv6DualStack", value=True, last=20),
    # A field of the kubelet's configuration later.
    _Entry((KUBELET,), "LocalStorageCapacityIsolation", value=False, last=24),
)
_FIELDS = (
    _Entry((KUBELET,), "containerRuntimeEndpoint", RUNTIME, first=27),
    _Entry((KUBELET,), "failCgroupV1", value=False, first=31),
    _Entry((KUBELET,), "localStorageCapacityIsolation", value=False, first=25),
)
_NODE_IPS_OF_BOTH_FAMILIES = 20
_SERVICES_OF_BOTH_FAMILIES = 20
_NFTABLES = 31  # on without a feature gate


@dataclass(frozen=True)
class Release:
    """A minor release of Kubernetes 1."""

    minor: int

    @classmethod
    def of(cls, name: str) -> "Release":
        """The release with a name such as `1.19`. Raises ValueError."""
        major, _, minor = name.partition(".")
        if major != "1" or not minor.isdecimal():
            raise ValueError(f"{name}: a release of Kubernetes is written as 1.19")
        return cls(int(minor))

    def _entries(self, table: tuple[_Entry, ...], component: str) -> dict[str, Any]:
        return {
            each.name: each.value
            for each in table
            if component in each.components and each.first <= self.minor <= each.last
        }

    def flags(self, component: str) -> list[str]:
        """The flags that a component of this release needs beside those of every release.

        Feature gates are among them where the component takes flags; kubelet and kube-proxy, which have a
        file, find theirs there.
        """
        flags = [f"--{name}={value}" for name, value in self._entries(_FLAGS, component).items()]
        gates = self._entries(_GATES, component)
        if gates and component not in (KUBELET, KUBE_PROXY):
            flags.append(
                "--feature-gates=" + ",".join(f"{each}={str(on).lower()}" for each, on in gates.items())
            )
        return flags

    def configuration(self, component: str) -> Mapping[str, Any]:
        """The fields that the file of kubelet or kube-proxy needs beside those of every release."""
        gates = self._entries(_GATES, component)
        return self._entries(_FIELDS, component) | ({"featureGates": gates} if gates else {})

    @property
    def node_ips_of_both_families(self) -> bool:
        """Whether a kubelet can be given one address of each family."""
        return self.minor >= _NODE_IPS_OF_BOTH_FAMILIES

    @property
    def services_of_both_families(self) -> bool:
        """Whether one Service can have addresses of both families (`ipFamilyPolicy`); before, `ipFamily`."""
        return self.minor >= _SERVICES_OF_BOTH_FAMILIES

    @property
    def nftables(self) -> bool:
        """Whether kube-proxy has its nftables mode."""
        return self.minor >= _NFTABLES
