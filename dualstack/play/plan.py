"""The plan: what will be created, probed and asked, known in full before anything is touched."""

from dataclasses import dataclass
from typing import Any

from dualstack.cluster.permissions import Permission
from dualstack.family import FAMILIES
from dualstack.profile.model import Profile
from dualstack.scenario import manifests
from dualstack.scenario.pairs import pairs
from dualstack.survey.model import Survey
from dualstack.survey.version import Release

BACKENDS_AT_MOST = 6  # per Service: every node must meet each of them, which takes tries


@dataclass(frozen=True)
class PlannedPod:
    """A pod of ours: its role, its name and the node that it is for."""

    role: str
    name: str
    node: str


@dataclass(frozen=True)
class Plan:
    """Immutable; `creates_nothing` for a run that may only read."""

    release: Release
    image: str | None
    nodes: tuple[str, ...]
    """Nodes that get probe pods."""
    left_out: dict[str, str]
    """Nodes that get none, and why."""
    pairs: tuple[tuple[str, str], ...]
    pods: tuple[PlannedPod, ...]
    backends: tuple[str, ...]
    """Names of the server pods behind the Services."""
    services: tuple[str, ...]
    load_balancers: tuple[str, ...]
    cloud_config: str | None
    creates_nothing: str | None = None
    """Why this run creates nothing, if so."""

    def of_role(self, role: str) -> tuple[PlannedPod, ...]:
        """The planned pods of a role, in node order."""
        return tuple(pod for pod in self.pods if pod.role == role)

    def objects(self) -> list[dict[str, Any]]:
        """Bodies of everything to create, before the namespace and the run's labels are put on."""
        services = [manifests.service(name, self.release) for name in (*self.services, *self.load_balancers)]
        return services + [self._body(pod) for pod in self.pods]

    def cost(self) -> dict[str, int]:
        """What a run takes of the cluster: objects, and a first round's execs and requests."""
        paths = len(self.pairs) * len(FAMILIES)
        addresses = len(manifests.CLUSTER_IP_SERVICES if self.services else ()) * len(self.nodes)
        return {
            "namespaces": 0 if self.creates_nothing else 1,
            "pods": len(self.pods),
            "services": len(self.services) + len(self.load_balancers),
            "load balancers": len(self.load_balancers),
            "execs in a first round": 2 * len(self.nodes) + len(self.of_role(manifests.HOST)),
            "HTTP requests in a first round": 2 * paths + addresses * (1 + 4 * len(self.backends)),
            "pings in a first round": paths,
        }

    def permissions(self) -> list[Permission]:
        """What the plan needs besides reading."""
        if self.creates_nothing:
            return []
        return [
            Permission("create", "", "namespaces"),
            Permission("delete", "", "namespaces"),
            Permission("create", "", "pods"),
            Permission("list", "", "pods"),
            Permission("deletecollection", "", "pods"),
            Permission("create", "", "pods", "exec"),
            Permission("create", "", "services"),
            Permission("get", "", "services"),
            Permission("list", "", "events"),
        ]

    def _body(self, pod: PlannedPod) -> dict[str, Any]:
        body = manifests.pod(pod.role, pod.name, pod.node, self.image, self.release)
        if pod.role == manifests.SERVER:
            return manifests.backend(body, pod.name in self.backends)
        if pod.role == manifests.CLOUD_CONFIG:
            body["spec"]["volumes"][0]["hostPath"]["path"] = self.cloud_config
        return body


def make_plan(
    survey: Survey, profile: Profile, *, image: str | None, peers: int | None, idle: str | None
) -> Plan:
    """The plan for a surveyed cluster under a profile; `idle` says why nothing may be created, if so."""
    nodes = tuple(node.name for node in survey.nodes if node.os != "windows")
    left_out = {node.name: "probe pods are for Linux" for node in survey.nodes if node.os == "windows"}
    roles = [manifests.CLIENT, manifests.SERVER]
    if profile.promises.proxy_modes:
        roles.append(manifests.HOST)
    if profile.cloud_config:
        roles.append(manifests.CLOUD_CONFIG)
    if not nodes:
        idle = idle or survey.missing.get("nodes", "the cluster has no node to put a probe pod on")
    if survey.not_dual:
        idle = idle or f"this is not a dual-stack cluster: {survey.not_dual}"
    pods = tuple(
        PlannedPod(role, f"{role}-{index}", node) for role in roles for index, node in enumerate(nodes)
    )
    with_load_balancers = profile.promises.load_balancer != "none"
    return Plan(
        release=survey.release,
        image=image,
        nodes=() if idle else nodes,
        left_out=left_out,
        pairs=() if idle else pairs(nodes, peers),
        pods=() if idle else pods,
        backends=tuple(pod.name for pod in pods if pod.role == manifests.SERVER)[:BACKENDS_AT_MOST],
        services=() if idle else (*manifests.CLUSTER_IP_SERVICES, *manifests.CANARIES),
        load_balancers=manifests.LOAD_BALANCERS if with_load_balancers and not idle else (),
        cloud_config=profile.cloud_config,
        creates_nothing=idle,
    )
