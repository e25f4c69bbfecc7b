"""What a probe asks of nodes: their own addresses, and Services' ports on them, over the planned pairs."""

from collections.abc import Iterator
from typing import Any

from dualstack.family import FAMILIES, Family, family_of
from dualstack.probes.kind import NAME, Kind
from dualstack.probes.observation import RUNNER, Observation
from dualstack.probes.rounds import Target
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import ObjectSeen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.targets import NOBODY, Clients, Targets, no_address
from dualstack.survey.model import of_family

ADDRESSES_AT_MOST = 8  # of one node: some list every address of a link
NAMES_A_ROUND = 6


class NodeAddresses(Targets):
    """Every InternalIP of every node, at the port that its kubelet says it listens on."""

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count one connection a path."""
        return self.paths(site, scenario, sources) * kind.in_a_round(1)

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count each pair's addresses."""
        return sum(len(_addresses(site, target)) for _, target in site.pairs)

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Name each pair's addresses."""
        return [
            self._to(stage.site, kind, source, target, address, clients)
            for source, target in stage.site.pairs
            for address in _addresses(stage.site, target)
        ]

    def _to(
        self, site: Site, kind: Kind, source: str, target: str, address: str, clients: Clients
    ) -> Target | Observation:
        family = family_of(address)
        own = clients[source].address(family)
        if own is None:
            return Observation(
                kind=kind.name, source=source, target=target, family=family, address=address,
                blocked=no_address(family),
            )  # fmt: skip
        return Target(
            kind=kind, source=source, target=target, family=family, address=address, source_address=own,
            ports={NAME: site.kubelet_ports[target]},
        )  # fmt: skip


class NodePorts(Targets):
    """The ports of Services of one family each, on every node's first address of that family.

    `crossed`: on the other family's address instead, where nobody should answer. `beside_backend`: only on
    nodes that have a backend of the Service, or only on the others. The runner calls a few nodes of many.
    """

    bound = "services"

    def __init__(self, *services: str, crossed: bool = False, beside_backend: bool | None = None) -> None:
        self.services, self.crossed, self.beside_backend = services, crossed, beside_backend

    @property
    def objects(self) -> tuple[str, ...]:
        """The Services."""
        return self.services

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count the planned pairs for each Service; the runner's own requests are not the cluster's cost."""
        a_path = kind.in_a_round(self._names(len(site.backends)))
        return self.paths(site, scenario, sources) * a_path if sources else 0

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count the planned pairs for each Service, or the nodes that the runner calls."""
        return len(self.services) * (len(site.pairs) if sources else len(site.called_from_outside))

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Wait for the servers and name each port on each node. Raises ApiError, Stopped."""
        stage.pods.running(scenario.on_every_node)
        site = stage.site
        called = site.backends[:1] if self.beside_backend else site.called_from_outside
        pairs = site.pairs if clients else tuple((RUNNER, node) for node in called)
        found: list[Target | Observation] = []
        for name in self.services:
            service = stage.objects[name]
            selector: Any = (service.spec or {}).get("selector") or {}
            backends = {pod.name: pod.node for pod in stage.pods.selected(selector) if pod.running}
            for source, node in pairs:
                if not backends or self.beside_backend in (None, node in backends.values()):
                    found += self._to(stage, kind, service, source, node, clients, frozenset(backends))
        return found

    def _to(
        self,
        stage: Stage,
        kind: Kind,
        service: ObjectSeen,
        source: str,
        node: str,
        clients: Clients,
        backends: frozenset[str],
    ) -> Iterator[Target | Observation]:
        family = _family(service)
        if self.crossed:
            (family,) = (each for each in FAMILIES if each is not family)
        address = next(iter(of_family(stage.site.addresses[node], family)), None)
        ports = _node_ports(kind, service)
        why = None
        if address is None:
            why = no_node_address(node, family)
        elif service.spec is None:
            why = f"Service {service.name} was not created: {service.error}"
        elif not backends:
            why = "none of its backends runs"
        elif source != RUNNER and clients[source].running and not clients[source].address(family):
            why = no_address(family)
        elif source == RUNNER:
            why = stage.site.inside.why_not_outside(address)
        if why:
            yield Observation(
                kind=kind.name, source=source, target=node, family=family, address=address,
                blocked=why, not_promised=address is None,
            )  # fmt: skip
            return
        client = clients.get(source)
        yield Target(
            kind=kind,
            source=source,
            target=node,
            family=family,
            address=address,
            source_address=client.address(family) if client else None,
            ports=ports,
            allowed=NOBODY if self.crossed else backends,
            names_a_round=self._names(len(backends)),
        )

    def _names(self, backends: int) -> int:
        """Return how often a round asks for a name: each of several backends should be met by some try."""
        several = backends > 1 and not self.crossed and self.beside_backend is None
        return NAMES_A_ROUND if several else 1


class HealthChecks(Targets):
    """The health check port of a Service of both families, on every node's first address of each.

    `beside_backend`: only on nodes that have a backend of the Service, or only on the others.
    """

    bound = "services"

    def __init__(self, service: str, *, beside_backend: bool) -> None:
        self.service, self.beside_backend = service, beside_backend

    @property
    def objects(self) -> tuple[str, ...]:
        """The Service."""
        return (self.service,)

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count one request a path."""
        return self.paths(site, scenario, sources) * kind.in_a_round(1)

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count the addresses of the node with the backend, or of the others; each asks itself."""
        return len(FAMILIES) * (1 if self.beside_backend else len(site.nodes) - 1)

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Wait for the servers and name each node's port. Raises ApiError, Stopped."""
        stage.pods.running(scenario.on_every_node)
        service = stage.objects[self.service]
        port: Any = (service.spec or {}).get("healthCheckNodePort")
        selector: Any = (service.spec or {}).get("selector") or {}
        backends = [pod for pod in stage.pods.selected(selector) if pod.running]
        found: list[Target | Observation] = []
        for node, client in clients.items():
            for family in FAMILIES:
                here = any(pod.node == node and pod.address(family) for pod in backends)
                address = next(iter(of_family(stage.site.addresses[node], family)), None)
                why = None
                if address is None:
                    why = no_node_address(node, family)
                elif not port:
                    why = f"Service {self.service} has no health check port: {service.error or 'none is set'}"
                elif not client.address(family):
                    why = no_address(family)
                if why:
                    found.append(
                        Observation(
                            kind=kind.name, source=node, target=node, family=family,
                            blocked=why, not_promised=address is None,
                        )
                    )  # fmt: skip
                elif here == self.beside_backend:
                    found.append(
                        Target(
                            kind=kind, source=node, target=node, family=family, address=address,
                            source_address=client.address(family), ports={NAME: port},
                        )
                    )  # fmt: skip
        return found


def no_node_address(node: str, family: Family) -> str:
    """Return why a node cannot be asked in a family."""
    return f"{node} lists no {family} address (see node-internal-ips)"


def _addresses(site: Site, node: str) -> list[str]:
    addresses = site.addresses[node]
    return [each for family in Family for each in of_family(addresses, family)][:ADDRESSES_AT_MOST]


def _family(service: ObjectSeen) -> Family:
    """Return the one family that its manifest asks for."""
    (family,) = service.families
    return family


def _node_ports(kind: Kind, service: ObjectSeen) -> dict[str, int]:
    """Return the node port for each word."""
    ports = (service.spec or {}).get("ports") or []
    assert isinstance(ports, list)
    numbers = {str(port["name"]): int(port["nodePort"]) for port in ports}  # type: ignore[call-overload,index,arg-type]
    return {word: numbers[port.name] for word, port in kind.ports.items() if port.name in numbers}
