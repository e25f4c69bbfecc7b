"""Ready endpoints of Services of both families, in the namespaces that the profile lets us call.

A pod's endpoint is asked in both families at one port, so that one family is the other's control.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pydantic import Field

from dualstack.family import FAMILIES, Family
from dualstack.probes.kind import Kind
from dualstack.probes.observation import Observation
from dualstack.probes.rounds import Target
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import Seen
from dualstack.scenario.site import Site
from dualstack.scenario.slices import IN_V1, LIST_SLICES, SERVICE_LABEL
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step
from dualstack.scenario.targets import Clients, Targets, at_port
from dualstack.survey.model import of_family

ENDPOINTS_AT_MOST = 50  # of one Service: its pods are alike


class Endpoint(Seen):
    """One pod behind one port of a Service, ready in both families."""

    namespace: str
    service: str
    number: int
    """Among the Service's pods, from 1."""
    port: int
    addresses: dict[Family, str]

    def __str__(self) -> str:
        return f"service {self.namespace}/{self.service} endpoint {self.number} port {self.port}"


class Endpoints(Seen):
    """All that were found."""

    endpoints: tuple[Endpoint, ...] = ()
    passed_over: dict[str, int] = Field(default_factory=dict)
    """Pods that are not asked, by Service: those beyond ENDPOINTS_AT_MOST."""


class ReadEndpoints(Step[Endpoints]):
    """Read the EndpointSlices of the namespaces that may be called."""

    result = Endpoints

    def needs(self, site: Site) -> Needs:
        """Need to list slices."""
        return Needs(permissions=(LIST_SLICES,), seconds=30.0)

    def run(self, stage: Stage) -> Endpoints:
        """Return the endpoints. Raises ApiError, Stopped."""
        version = "v1" if stage.site.release >= IN_V1 else "v1beta1"
        found: list[Endpoint] = []
        passed_over: dict[str, int] = {}
        for namespace in stage.site.profile.call_endpoints_in:
            path = f"/apis/discovery.k8s.io/{version}/namespaces/{namespace}/endpointslices"
            by_service: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
            for item in stage.cluster.each(path):
                by_service[(item["metadata"].get("labels") or {}).get(SERVICE_LABEL, "")].append(item)
            by_service.pop("", None)
            for service, slices in sorted(by_service.items()):
                pods = ready_in_both(slices)
                if len(pods) > ENDPOINTS_AT_MOST:
                    passed_over[f"service {namespace}/{service}"] = len(pods) - ENDPOINTS_AT_MOST
                found += [
                    Endpoint(namespace=namespace, service=service, number=n, port=port, addresses=addresses)
                    for n, (addresses, ports) in enumerate(pods[:ENDPOINTS_AT_MOST], 1)
                    for port in ports
                ]
        return Endpoints(endpoints=tuple(found), passed_over=passed_over)


def ready_in_both(slices: Iterable[dict[str, Any]]) -> list[tuple[dict[Family, str], list[int]]]:
    """Return (address by family, TCP ports) of each pod that a Service's slices list as ready in both."""
    addresses: defaultdict[str, dict[Family, str]] = defaultdict(dict)
    ports: defaultdict[str, set[int]] = defaultdict(set)
    for item in slices:
        numbers = {
            int(each["port"])
            for each in item.get("ports") or []
            if each.get("port") and each.get("protocol", "TCP") == "TCP"
        }
        for endpoint in item.get("endpoints") or []:
            pod = (endpoint.get("targetRef") or {}).get("name")
            if not pod or (endpoint.get("conditions") or {}).get("ready") is False:
                continue
            for family in FAMILIES:
                for address in of_family(endpoint.get("addresses") or (), family):
                    addresses[pod][family] = address
            ports[pod] |= numbers
    return [
        (of_pod, sorted(ports[pod]))
        for pod, of_pod in sorted(addresses.items())
        if len(of_pod) == len(FAMILIES) and ports[pod]
    ]


class ReadyEndpoints(Targets):
    """Each endpoint that was read, in both families, from every source."""

    def __init__(self, found: Step[Endpoints]) -> None:
        self._found = found

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """What read them."""
        return (self._found,)

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count none: how many there are is not known beforehand."""
        return 0

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count none."""
        return 0

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Name each address. Raises NotSeen."""
        endpoints = stage.board.wait(self._found).endpoints
        return [
            at_port(kind, client, str(endpoint), family, address, endpoint.port)
            for client in clients.values()
            for endpoint in endpoints
            for family, address in endpoint.addresses.items()
        ]
