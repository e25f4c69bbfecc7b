"""What steps see: facts, kept as evidence next to the report; tests judge them."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from dualstack.family import Family, family_of
from dualstack.probes.kind import Kind
from dualstack.probes.observation import Observation


class Seen(BaseModel):
    """The result of a step, or part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ObjectSeen(Seen):
    """An object that was asked for: what was sent, and what the API server made of it."""

    name: str
    kind: str
    asked: dict[str, JsonValue]
    """The spec that was sent."""
    spec: dict[str, JsonValue] | None = None
    marks: tuple[str, ...] = ()
    """Annotations (their keys) and finalizers that it had when it had been created."""
    error: str | None = None
    refused: bool = False
    """The API server said that the object is invalid, rather than forbidden or out of reach."""

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that were asked for, in the fields of the server's time; none if it is to choose."""
        asked = self.asked.get("ipFamilies") or [self.asked.get("ipFamily")]
        return tuple(Family(str(each)) for each in asked if each) if isinstance(asked, list) else ()

    @property
    def cluster_ips(self) -> list[str]:
        """A Service's ClusterIPs, in the fields of the server's time."""
        spec = self.spec or {}
        plural, single = spec.get("clusterIPs"), spec.get("clusterIP")
        addresses = plural if isinstance(plural, list) else [single]
        return [str(address) for address in addresses if address and address != "None"]


class Objects(Seen):
    """Objects of a scenario's manifests, by name."""

    objects: dict[str, ObjectSeen]


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
    host_ips: tuple[str, ...] = ()
    """From 1.30 on."""
    labels: dict[str, str] = {}

    def address(self, family: Family) -> str | None:
        """Return the pod's first address of the family."""
        return next((ip for ip in self.pod_ips if family_of(ip) is family), None)


class Pods(Seen):
    """Pods of ours."""

    pods: tuple[PodSeen, ...]
    seconds: float
    """From the start of the run until the last one that did run ran."""

    def of(self, role: str) -> dict[str, PodSeen]:
        """Return the pods of a role, by node."""
        return {pod.node: pod for pod in self.pods if pod.role == role}


class NodeSeen(Seen):
    """What one node's pod answered; models of answers build on it."""

    node: str
    trouble: str | None = None
    """Why it could not be asked, or what was wrong with the answer."""


Item = TypeVar("Item", bound=NodeSeen)


class PerNode(Seen, Generic[Item]):
    """An answer from each node."""

    nodes: tuple[Item, ...]


class Paths(Seen):
    """Observations of paths."""

    observations: tuple[Observation, ...]

    def of(self, kind: Kind) -> tuple[Observation, ...]:
        """Return the paths that were asked by this kind of request."""
        return tuple(each for each in self.observations if each.kind == kind.name)

    @classmethod
    def joined(cls, parts: "Iterable[Paths]") -> "Paths":
        """Return all the parts' observations as one value."""
        return cls(observations=tuple(each for part in parts for each in part.observations))
