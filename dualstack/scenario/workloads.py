"""What runs on the cluster already, of everybody's: pods by their owners, Services, and their slices.

Lists are read page by page and reduced as they come: pods that are alike are one group. Slices of a Service
that do not agree are looked at once more, since a rollout may be under way.
"""

from collections import Counter
from collections.abc import Iterable

from pydantic import Field

from dualstack.cluster.permissions import Permission
from dualstack.family import FAMILIES, Family
from dualstack.scenario.everywhere import Everywhere, Item
from dualstack.scenario.seen import Seen
from dualstack.scenario.site import Site
from dualstack.scenario.slices import IN_V1, LIST_SLICES, SERVICE_LABEL
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import LIST_PODS, Needs, Step
from dualstack.survey.model import of_family

LOOK_AGAIN_SECONDS, LOOKED_AT_AGAIN = 3.0, 50
TEMPLATE_HASH = "pod-template-hash"


class ObjectName(Seen):
    """Somebody's object."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class PodGroup(Seen):
    """Running pods of one owner that have addresses of the same families."""

    owner: ObjectName
    """What made them, the Deployment rather than its ReplicaSet; the pod itself, if nothing did."""
    families: tuple[Family, ...]
    count: int
    oldest: str
    """When the oldest of them was made."""


class HostPod(Seen):
    """A running pod in its node's network."""

    owner: ObjectName
    node: str
    addresses: tuple[str, ...]


class ServiceFacts(Seen):
    """A Service, with how many ready endpoints each family's slices list."""

    owner: ObjectName
    type: str
    policy: str
    families: tuple[Family, ...]
    """Of its ClusterIPs; of its spec, if it is headless."""
    selects: bool
    """Its endpoints are made from a selector; else somebody else makes them."""
    source_ranges: tuple[str, ...] = ()
    ready: dict[Family, int] = Field(default_factory=dict)
    """Ready endpoints, by the address type of their slices; no slices, no entry."""


class Workloads(Seen):
    """All of it, as far as it could be read."""

    pods: tuple[PodGroup, ...] = ()
    host_pods: tuple[HostPod, ...] = ()
    services: tuple[ServiceFacts, ...] = ()
    unread: dict[str, str] = Field(default_factory=dict)
    """Why nothing of a kind could be read, by kind: `pods`, `services`, `endpointslices`."""
    closed: dict[str, tuple[ObjectName, ...]] = Field(default_factory=dict)
    """Namespaces whose objects of a kind may not be read, where others' may."""


class ReadWorkloads(Step[Workloads]):
    """Read pods, Services and EndpointSlices of every namespace; of the given one, where there is one."""

    result = Workloads

    def needs(self, site: Site) -> Needs:
        """Need to list the three."""
        return Needs(permissions=(LIST_PODS, Permission("list", "", "services"), LIST_SLICES), seconds=60.0)

    def run(self, stage: Stage) -> Workloads:
        """Return what there is; what may not be read is a result. Raises ApiError, Stopped."""
        slices = "/apis/discovery.k8s.io/" + ("v1" if stage.site.release >= IN_V1 else "v1beta1")
        reader = Everywhere(stage)
        pods, host_pods = group_pods(reader.each("/api/v1", "pods"))
        services = [service_facts(each) for each in reader.each("/api/v1", "services")]
        ready = count_ready(reader.each(slices, "endpointslices"))
        found = [with_ready(each, ready) for each in services if each]
        odd = [each for each in found if not agrees(each)]
        if odd and "endpointslices" not in reader.unread and len(odd) <= LOOKED_AT_AGAIN:
            stage.pause(LOOK_AGAIN_SECONDS)
            again = {each.owner: with_ready(each, _again(stage, slices, each)) for each in odd}
            found = [again.get(each.owner, each) for each in found]
        closed = {kind: tuple(map(namespace_of, names)) for kind, names in reader.closed.items()}
        return Workloads(
            pods=pods, host_pods=host_pods, services=tuple(found), unread=reader.unread, closed=closed
        )


def namespace_of(name: str) -> ObjectName:
    """Return a namespace as an object."""
    return ObjectName(kind="namespace", namespace=name, name=name)


def agrees(service: ServiceFacts) -> bool:
    """Return whether a Service that selects has as many ready endpoints in each family, and in no other."""
    counts = {service.ready.get(family, 0) for family in service.families}
    others = [family for family in service.ready if family not in service.families]
    return not service.selects or (len(counts) <= 1 and not others)


def group_pods(items: Iterable[Item]) -> tuple[tuple[PodGroup, ...], tuple[HostPod, ...]]:
    """Reduce pods to groups, and those in their node's network to their addresses."""
    groups: dict[tuple[ObjectName, tuple[Family, ...]], tuple[int, str]] = {}
    host_pods = []
    for item in items:
        metadata, spec, status = item["metadata"], item.get("spec", {}), item.get("status", {})
        if status.get("phase") != "Running" or metadata.get("deletionTimestamp"):
            continue
        listed = status.get("podIPs") or [{"ip": status.get("podIP")}]
        addresses = tuple(str(each["ip"]) for each in listed if each.get("ip"))
        owner = owner_of(metadata)
        if spec.get("hostNetwork"):
            host_pods.append(HostPod(owner=owner, node=spec.get("nodeName", ""), addresses=addresses))
            continue
        families = tuple(family for family in FAMILIES if of_family(addresses, family))
        made = str(metadata.get("creationTimestamp") or "")
        count, oldest = groups.get((owner, families), (0, made))
        groups[owner, families] = (count + 1, min(oldest, made))
    found = [
        PodGroup(owner=owner, families=families, count=count, oldest=oldest)
        for (owner, families), (count, oldest) in groups.items()
    ]
    return tuple(found), tuple(host_pods)


def owner_of(metadata: Item) -> ObjectName:
    """Return what made a pod: by its controller, or by the ReplicaSet's name, the Deployment."""
    namespace = str(metadata.get("namespace", ""))
    for owner in metadata.get("ownerReferences") or []:
        if not owner.get("controller"):
            continue
        kind, name = str(owner.get("kind")), str(owner.get("name"))
        suffix = "-" + str((metadata.get("labels") or {}).get(TEMPLATE_HASH))
        if kind == "ReplicaSet" and name.endswith(suffix):
            kind, name = "Deployment", name.removesuffix(suffix)
        return ObjectName(kind=kind.lower(), namespace=namespace, name=name)
    return ObjectName(kind="pod", namespace=namespace, name=str(metadata.get("name")))


def service_facts(item: Item) -> ServiceFacts | None:
    """Reduce a Service; None for one without addresses of its own (ExternalName)."""
    spec, metadata = item.get("spec", {}), item["metadata"]
    if spec.get("type") == "ExternalName":
        return None
    addresses = tuple(str(each) for each in spec.get("clusterIPs") or [spec.get("clusterIP")] if each)
    headless = addresses in (("None",), ())
    asked = spec.get("ipFamilies") or [spec.get("ipFamily")]
    return ServiceFacts(
        owner=ObjectName(kind="service", namespace=str(metadata.get("namespace", "")), name=metadata["name"]),
        type="headless" if headless else str(spec.get("type", "ClusterIP")),
        policy=str(spec.get("ipFamilyPolicy") or ""),
        families=tuple(
            family for family in FAMILIES if (family in asked if headless else of_family(addresses, family))
        ),
        selects=bool(spec.get("selector")),
        source_ranges=tuple(map(str, spec.get("loadBalancerSourceRanges") or ())),
    )


def count_ready(items: Iterable[Item]) -> dict[tuple[str, str], Counter[str]]:
    """Return the number of ready endpoints by (namespace, Service) and address type."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for item in items:
        metadata = item["metadata"]
        service = (metadata.get("labels") or {}).get(SERVICE_LABEL)
        if not service or metadata.get("deletionTimestamp"):
            continue
        counts = found.setdefault((str(metadata.get("namespace", "")), service), Counter())
        counts[str(item.get("addressType"))] += sum(
            (endpoint.get("conditions") or {}).get("ready") is not False
            for endpoint in item.get("endpoints") or []
        )
    return found


def with_ready(service: ServiceFacts, ready: dict[tuple[str, str], Counter[str]]) -> ServiceFacts:
    """Return a Service with the counts of its slices."""
    counts = ready.get((service.owner.namespace, service.owner.name), Counter())
    return service.model_copy(
        update={"ready": {family: counts[family] for family in FAMILIES if family in counts}}
    )


def _again(stage: Stage, group: str, service: ServiceFacts) -> dict[tuple[str, str], Counter[str]]:
    path = f"{group}/namespaces/{service.owner.namespace}/endpointslices"
    return count_ready(stage.cluster.list(path, labelSelector=f"{SERVICE_LABEL}={service.owner.name}"))
