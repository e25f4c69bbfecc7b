"""The site: the cluster and the options as steps see them before anything is touched."""

from collections.abc import Iterable
from dataclasses import dataclass

from dualstack.profile.model import Profile
from dualstack.scenario import manifests
from dualstack.scenario.manifests import BACKEND_LABEL, SERVER, Object
from dualstack.survey.version import Release

BACKENDS_AT_MOST = 6  # per Service: every node must meet each of them, which takes tries


@dataclass(frozen=True)
class PlannedPod:
    """A pod of ours: its role, its name and the node that it is for."""

    role: str
    name: str
    node: str


@dataclass(frozen=True)
class Site:
    """Immutable."""

    release: Release
    profile: Profile
    image: str | None
    nodes: tuple[str, ...]
    """Nodes that get probe pods."""
    left_out: dict[str, str]
    """Nodes that get none, and why."""
    pairs: tuple[tuple[str, str], ...]
    """(source, target) pairs of nodes that are probed."""

    def pods(self, roles: Iterable[str]) -> list[PlannedPod]:
        """Return the pods of the roles, one on every node."""
        return [
            PlannedPod(role, f"{role}-{index}", node)
            for role in roles
            for index, node in enumerate(self.nodes)
        ]

    def pod(self, pod: PlannedPod) -> Object:
        """Return a planned pod's body; of the servers, the first few are the Services' backends."""
        body = manifests.pod(
            pod.role, pod.name, pod.node,
            image=self.image, release=self.release, cloud_config=self.profile.cloud_config,
        )  # fmt: skip
        if pod.role == SERVER and pod.node not in self.nodes[:BACKENDS_AT_MOST]:
            del body["metadata"]["labels"][BACKEND_LABEL]
        return body

    def objects(self, names: Iterable[str]) -> list[Object]:
        """Return the objects of manifests that are created once."""
        return [body for name in names for body in manifests.filled(name, self.image, self.release)]
