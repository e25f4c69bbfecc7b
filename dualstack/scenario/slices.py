"""List the EndpointSlices of the scenario's Services, once they say what they should or time is up."""

import time
from typing import Any

from pydantic import Field

from dualstack.cluster.permissions import Permission
from dualstack.family import FAMILIES, Family
from dualstack.scenario.pods import wait_until
from dualstack.scenario.seen import Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import LIST_PODS, Needs, Step
from dualstack.survey.model import of_family
from dualstack.survey.version import Release

IN_V1 = Release(1, 21)
SERVICE_LABEL, MANAGER_LABEL = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
LIST_SLICES = Permission("list", "discovery.k8s.io", "endpointslices")


class SliceSeen(Seen):
    """One EndpointSlice."""

    name: str
    service: str
    address_type: str
    """`IPv4`, `IPv6` or `FQDN`."""
    managed_by: str = ""
    ready: tuple[str, ...] = ()
    """Addresses of the endpoints that are ready."""


class ServiceSlices(Seen):
    """A Service beside its slices."""

    service: str
    trouble: str | None = None
    """Why it was not created."""
    families: tuple[Family, ...] = ()
    """Of its ClusterIPs; of one that was not created, those that were asked for."""
    backends: dict[Family, tuple[str, ...]] = Field(default_factory=dict)
    """Addresses of the running pods that it selects, by family."""
    slices: tuple[SliceSeen, ...] = ()

    def listed(self, family: Family) -> set[str]:
        """Return the ready addresses in the family's slices."""
        return {ip for each in self.slices if each.address_type == family for ip in each.ready}

    @property
    def as_it_should_be(self) -> bool:
        """Whether each family that the Service has lists its backends, and the other nothing."""
        return all(
            self.listed(family) == (set(self.backends.get(family, ())) if family in self.families else set())
            for family in FAMILIES
        )


class AllSlices(Seen):
    """Every Service of the scenario."""

    services: tuple[ServiceSlices, ...]
    seconds: float
    """How long it was waited for."""


class Slices(Step[AllSlices]):
    """Wait until the slices of the scenario's Services list their running pods."""

    result = AllSlices

    def needs(self, site: Site) -> Needs:
        """Need to list slices and pods."""
        seconds = site.profile.timeouts.pods + site.profile.timeouts.services
        return Needs(permissions=(LIST_PODS, LIST_SLICES), seconds=seconds)

    def run(self, stage: Stage) -> AllSlices:
        """Return each Service with its slices. Raises ApiError, Stopped."""
        stage.pods.running(self.scenario.on_every_node)
        names = [body["metadata"]["name"] for body in stage.site.objects(self.scenario.manifests)]
        start = time.monotonic()
        seen: list[ServiceSlices] = []

        def settled() -> bool:
            slices = _list(stage)
            seen[:] = [_seen(stage, name, slices) for name in names]
            return all(each.trouble or each.as_it_should_be for each in seen)

        bound = stage.site.profile.timeouts.services
        with stage.waiting("EndpointSlices to list their pods", bound):
            wait_until(stage, settled, bound)
        return AllSlices(services=tuple(seen), seconds=round(time.monotonic() - start, 3))


def _list(stage: Stage) -> list[SliceSeen]:
    version = "v1" if stage.site.release >= IN_V1 else "v1beta1"
    items = stage.cluster.list(
        f"/apis/discovery.k8s.io/{version}/namespaces/{stage.owner.namespace}/endpointslices"
    )
    return [
        SliceSeen(
            name=item["metadata"]["name"],
            service=item["metadata"].get("labels", {}).get(SERVICE_LABEL, ""),
            managed_by=item["metadata"].get("labels", {}).get(MANAGER_LABEL, ""),
            address_type=item.get("addressType") or "IPv4",  # `IP` of 1.16 is not served any more
            ready=tuple(
                address
                for endpoint in item.get("endpoints") or []
                if endpoint.get("conditions", {}).get("ready") is not False  # none said counts as ready
                for address in endpoint.get("addresses", [])
            ),
        )
        for item in items
    ]


def _seen(stage: Stage, name: str, slices: list[SliceSeen]) -> ServiceSlices:
    service = stage.objects[name]
    if service.spec is None:
        why = f"Service {name} was not created: {service.error}"
        return ServiceSlices(service=name, families=service.families, trouble=why)
    selector: Any = service.spec.get("selector") or {}
    pods = [pod for pod in stage.pods.selected(selector) if pod.running]
    addresses = tuple(service.cluster_ips)
    return ServiceSlices(
        service=name,
        families=tuple(family for family in FAMILIES if of_family(addresses, family)),
        backends={family: tuple(ip for pod in pods if (ip := pod.address(family))) for family in FAMILIES},
        slices=tuple(each for each in slices if each.service == name),
    )
