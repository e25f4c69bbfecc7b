"""The site: the cluster and the options as steps see them before anything is touched."""

from collections.abc import Iterable
from dataclasses import dataclass

from dualstack.profile.model import Profile
from dualstack.scenario import manifests
from dualstack.scenario.inside import Inside
from dualstack.scenario.manifests import BACKEND_LABEL, CANARY_LABEL, Object
from dualstack.survey.version import Release

BACKENDS_AT_MOST = 6  # per Service: every node must meet each of them, which takes tries
CALLED_AT_MOST = 10  # nodes, from outside: where none answers, each takes seconds

TRIES, LEAST_TRIES = 10, 3  # of a path, once it has answered
REQUESTS_AT_ONCE, PROCESSES_AT_ONCE = 300, 60  # of one source: more are fewer tries of each path


@dataclass(frozen=True)
class PlannedPod:
    """A pod of ours: its role, its name and the node that it is for."""

    role: str
    name: str
    node: str


@dataclass(frozen=True)
class LeftOut:
    """Why a node gets no probe pods."""

    reason: str
    promised: bool
    """Whether the promises hold for it all the same: then it could not be judged."""


@dataclass(frozen=True)
class Site:
    """Immutable."""

    release: Release
    profile: Profile
    image: str | None
    nodes: tuple[str, ...]
    """Nodes that get probe pods."""
    ready: tuple[str, ...]
    """Those of them that are Ready; all, if none is."""
    left_out: dict[str, LeftOut]
    """Nodes that get none, and why."""
    inside: Inside
    pairs: tuple[tuple[str, str], ...]
    """(source, target) pairs of nodes that are probed."""
    addresses: dict[str, tuple[str, ...]]
    """InternalIPs, by node."""
    kubelet_ports: dict[str, int]
    """Where each node's kubelet says that it listens."""
    namespace_given: bool = False
    """The run works in a namespace that is there already, and makes none."""

    @property
    def pairs_left_out(self) -> int:
        """How many pairs of nodes are not probed."""
        return len(self.nodes) ** 2 - len(self.pairs)

    @property
    def backends(self) -> tuple[str, ...]:
        """The nodes whose servers are the Services' backends: Ready ones, spread over the names in order."""
        count = len(self.ready)
        if count <= BACKENDS_AT_MOST:
            return self.ready
        return tuple(self.ready[index * count // BACKENDS_AT_MOST] for index in range(BACKENDS_AT_MOST))

    @property
    def called_from_outside(self) -> tuple[str, ...]:
        """The nodes whose own addresses the runner calls: all of a few, else some, spread over the names."""
        count = len(self.nodes)
        if count <= CALLED_AT_MOST:
            return self.nodes
        spread = [self.nodes[index * count // CALLED_AT_MOST] for index in range(CALLED_AT_MOST)]
        return tuple(dict.fromkeys([*self.backends[:1], *spread]))[:CALLED_AT_MOST]

    def tries(self, paths: float, *, processes: bool = False) -> int:
        """Return how many tries of a path count, where a source has so many paths.

        `processes`: each try is a process in the source pod, whose number the kubelet may limit.
        """
        at_once = PROCESSES_AT_ONCE if processes else REQUESTS_AT_ONCE
        return max(LEAST_TRIES, min(TRIES, int(at_once / max(1.0, paths))))

    def pods(self, roles: Iterable[str]) -> list[PlannedPod]:
        """Return the pods of the roles, one on every node."""
        return [
            PlannedPod(role, f"{role}-{index}", node)
            for role in roles
            for index, node in enumerate(self.nodes)
        ]

    def pod(self, pod: PlannedPod) -> Object:
        """Return a planned pod's body; of the servers, a few are the Services' backends."""
        body = manifests.pod(
            pod.role, pod.name, pod.node,
            image=self.image, release=self.release, cloud_config=self.profile.cloud_config,
            host_port=self.profile.host_port,
        )  # fmt: skip
        labels = body["metadata"]["labels"]
        if pod.node not in self.backends:
            labels.pop(BACKEND_LABEL, None)
        if pod.node not in self.backends[:1]:
            labels.pop(CANARY_LABEL, None)
        return body

    def objects(self, names: Iterable[str]) -> list[Object]:
        """Return the objects of manifests that are created once."""
        bodies = [body for name in names for body in manifests.filled(name, self.image, self.release)]
        for body in bodies:
            if manifests.name_of(body) == manifests.INTERNAL and self.profile.internal_load_balancer:
                body["metadata"]["annotations"] = dict(self.profile.internal_load_balancer.annotations)
            if body["kind"] == "Deployment" and self.ready:  # the same place every night, where it can be had
                manifests.prefer(body, self.ready[0])
        return bodies
