"""What a probe asks: pods on every node, ClusterIPs, external addresses. A family is a fact of an address."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

from dualstack.family import FAMILIES, Family, family_of
from dualstack.probes.kind import NAME, Kind
from dualstack.probes.observation import Observation
from dualstack.probes.rounds import Target
from dualstack.profile.model import Profile
from dualstack.scenario.manifests import Object, matches, name_of
from dualstack.scenario.site import Site

if TYPE_CHECKING:
    from dualstack.scenario.scenario import Scenario
    from dualstack.scenario.seen import ObjectSeen, Paths, PodSeen
    from dualstack.scenario.stage import Stage
    from dualstack.scenario.step import Step

NOBODY = frozenset([""])  # the name of no pod
NAMES_PER_BACKEND = 4  # requests a round; misses of a random spread go into the next round
Clients = dict[str, "PodSeen"]


class Targets(ABC):
    """A way to find targets: counted beforehand, resolved when the probe begins."""

    bound = "paths"
    """The profile's time-out that bounds convergence by default."""

    @property
    def objects(self) -> tuple[str, ...]:
        """Names of the objects that it speaks of."""
        return ()

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """Steps whose results it reads."""
        return ()

    @abstractmethod
    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Return how many requests of the kind a first round makes from so many sources."""

    @abstractmethod
    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Return how many paths there are to them from so many sources."""

    @abstractmethod
    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Return what to ask, or an observation at once where there is nothing to send to.

        `silent`: silence is waited for, so nothing needs to be there that could answer.
        """


class PodsOnEveryNode(Targets):
    """The pods of a role, over the planned pairs of nodes, in both families or in one."""

    def __init__(self, role: str, families: tuple[Family, ...] = FAMILIES) -> None:
        self.role, self.families = role, families

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count what a round asks of the planned pairs."""
        return self.paths(site, scenario, sources) * kind.in_a_round(1)

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count the planned pairs from the first nodes in each family."""
        first = site.nodes[:sources]
        return sum(source in first for source, _ in site.pairs) * len(self.families)

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Wait for the pods and name each pair. Raises ApiError, Stopped."""
        servers = stage.pods.running([self.role]).of(self.role)
        return [
            pair(kind, clients[source], servers[target], family)
            for source, target in self.pairs(stage)
            if source in clients
            for family in self.families
        ]

    def pairs(self, stage: Stage) -> Iterable[tuple[str, str]]:
        """Return (source, target) of what is asked."""
        return stage.site.pairs


class DoubtfulPairs(PodsOnEveryNode):
    """The pairs that an earlier step's result leaves in doubt, in both families: none, where all is well."""

    def __init__(
        self, role: str, paths: Step[Paths], doubt: Callable[[Profile, Paths], Iterable[tuple[str, str]]]
    ) -> None:
        super().__init__(role)
        self._paths, self._doubt = paths, doubt

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The earlier step."""
        return (self._paths,)

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count none: what is in doubt is not known beforehand."""
        return 0

    def pairs(self, stage: Stage) -> Iterable[tuple[str, str]]:
        """Wait for the earlier step. Raises NotSeen."""
        return self._doubt(stage.site.profile, stage.board.wait(self._paths))


class ClusterIPs(Targets):
    """Every ClusterIP of some Services, from every source, to be answered by each running backend."""

    bound = "services"
    meets_all = True
    """A round asks often enough to meet every backend."""

    def __init__(self, *services: str, expects_nobody: bool = False) -> None:
        """Declare it. `expects_nobody`: whoever answers is a stranger."""
        self.services, self.expects_nobody = services, expects_nobody

    @property
    def objects(self) -> tuple[str, ...]:
        """The Services."""
        return self.services

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count one address a Service, unless its manifest asks for two families."""
        bodies = site.objects(scenario.manifests)
        pods = [site.pod(pod)["metadata"]["labels"] for pod in site.pods(scenario.on_every_node)]
        for body in bodies:
            if body["kind"] == "Deployment":
                pods += [body["spec"]["template"]["metadata"]["labels"]] * body["spec"]["replicas"]
        total = 0
        for body in bodies:
            if body["metadata"]["name"] in self.services:
                backends = sum(matches(body["spec"]["selector"], labels) for labels in pods)
                total += sources * _addresses(body) * kind.in_a_round(_names(backends))
        return total

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count each source's addresses."""
        bodies = [each for each in site.objects(scenario.manifests) if name_of(each) in self.services]
        return sources * sum(map(_addresses, bodies))

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Wait for the scenario's pods and name each address. Raises ApiError, Stopped."""
        stage.pods.running(scenario.on_every_node)
        return [target for name in self.services for target in self._of(stage, kind, name, clients, silent)]

    def _of(
        self, stage: Stage, kind: Kind, name: str, clients: Clients, silent: bool
    ) -> Iterator[Target | Observation]:
        service = stage.objects[name]
        if service.spec is None:
            for node, family in product(clients, service.families):
                yield Observation(
                    kind=kind.name, source=node, target=name, family=family,
                    blocked=f"Service {name} was not created: {service.error}",
                )  # fmt: skip
        for address in service.cluster_ips:
            yield from self._to(stage, kind, name, address, clients, silent)

    def _to(
        self, stage: Stage, kind: Kind, name: str, address: str, clients: Clients, silent: bool
    ) -> Iterator[Target | Observation]:
        family = family_of(address)
        selector: Any = (stage.objects[name].spec or {}).get("selector") or {}
        selected = stage.pods.selected(selector)
        backends = [pod for pod in selected if pod.running and pod.address(family)]
        for node, client in clients.items():
            if not backends and not silent:
                yield Observation(
                    kind=kind.name, source=node, target=name, family=family, address=address,
                    source_address=client.address(family), blocked=no_backend(stage, selected, family),
                )  # fmt: skip
                continue
            expected = self.expected(node, backends, selected)
            if expected is None:
                continue
            wanted, allowed = expected
            yield Target(
                kind=kind,
                source=node,
                target=name,
                family=family,
                source_address=client.address(family),
                address=address,
                ports=service_ports(kind, stage.objects[name]),
                wanted=wanted,
                allowed=allowed,
                names_a_round=_names(len(backends)) if self.meets_all else 1,
            )

    def expected(
        self, node: str, backends: list[PodSeen], selected: list[PodSeen]
    ) -> tuple[frozenset[str], frozenset[str]] | None:
        """Return (who must answer a node's client, who else may); None where a node is not asked."""
        if self.expects_nobody:
            return frozenset(), NOBODY
        return frozenset(pod.name for pod in backends), frozenset(pod.name for pod in selected)


class SomeBackend(ClusterIPs):
    """ClusterIPs where any backend may answer: how connections are spread is judged apart."""

    meets_all = False

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count one name a path."""
        return self.paths(site, scenario, sources) * kind.in_a_round(1)

    def expected(
        self, node: str, backends: list[PodSeen], selected: list[PodSeen]
    ) -> tuple[frozenset[str], frozenset[str]] | None:
        """Want nobody by name."""
        return frozenset(), frozenset(pod.name for pod in selected)


class OwnBackend(ClusterIPs):
    """ClusterIPs from nodes that have a backend, to be answered by this one alone."""

    meets_all = False

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count one name a path."""
        return self.paths(site, scenario, sources) * kind.in_a_round(1)

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count the addresses of each node that has a backend."""
        return super().paths(site, scenario, min(sources, len(site.backends)))

    def expected(
        self, node: str, backends: list[PodSeen], selected: list[PodSeen]
    ) -> tuple[frozenset[str], frozenset[str]] | None:
        """Want the node's own backend; where there is none, nobody is asked."""
        own = frozenset(pod.name for pod in backends if pod.node == node)
        return (own, frozenset()) if own else None


def _names(backends: int) -> int:
    """Return how often a round asks for a name, so that each of several backends is likely to be met."""
    return NAMES_PER_BACKEND * backends if backends > 1 else 1


def no_address(family: Family) -> str:
    """Return why a pod cannot ask in a family."""
    return f"the source pod has no {family} address (see pod-ips)"


def at_port(
    kind: Kind, client: PodSeen, target: str, family: Family, address: str, port: int
) -> Target | Observation:
    """Return what a pod asks at one port of an address, where nobody says a name; or why it cannot."""
    own = client.address(family)
    if own is None and client.running:
        return Observation(
            kind=kind.name, source=client.node, target=target, family=family, address=address,
            blocked=no_address(family),
        )  # fmt: skip
    return Target(
        kind=kind, source=client.node, target=target, family=family, address=address,
        source_address=own, ports={NAME: port},
    )  # fmt: skip


def no_backend(stage: Stage, pods: list[PodSeen], family: Family) -> str:
    """Return why none of the pods can answer in a family."""
    if not any(pod.running for pod in pods):
        troubles = [pod.trouble for pod in pods] or list(stage.refused.values()) or ["there is none"]
        return f"none of its backends runs: {troubles[0]}"
    return f"no backend has an {family} address"


def _addresses(body: Object) -> int:
    """Return how many ClusterIPs a Service will have: one, unless its manifest asks for two families."""
    return max(1, len(body["spec"].get("ipFamilies", [])))


def service_ports(kind: Kind, service: ObjectSeen) -> dict[str, int]:
    """Return the Service's port for each word."""
    ports: Any = (service.spec or {}).get("ports") or []
    numbers = {port.get("name"): port["port"] for port in ports}
    return {word: numbers[port.name] for word, port in kind.ports.items() if port.name in numbers}


def pair(kind: Kind, client: PodSeen, server: PodSeen, family: Family) -> Target | Observation:
    """Return what one pod asks another, as a path between their nodes; or why there is nothing to ask."""
    address = server.address(family) if server.running else None
    if address is None:
        return Observation(
            kind=kind.name,
            source=client.node,
            target=server.node,
            family=family,
            source_address=client.address(family),
            error=f"the target pod has no {family} address" if server.running else None,
            blocked=None if server.running else f"no server pod runs on {server.node}: {server.trouble}",
        )
    return Target(
        kind=kind,
        source=client.node,
        target=server.node,
        family=family,
        source_address=client.address(family),
        address=address,
        ports={word: port.number for word, port in kind.ports.items()},
        wanted=frozenset([server.name]) if kind.ports else frozenset(),
    )
