"""What a probe asks from outside: the external addresses that load balancers gave."""

from typing import Any

from dualstack.family import family_of
from dualstack.probes.kind import Kind
from dualstack.probes.observation import RUNNER, Observation
from dualstack.probes.rounds import Target
from dualstack.scenario.addresses import LoadBalancers
from dualstack.scenario.change import IngressSeen
from dualstack.scenario.manifests import BACKEND_LABEL, SERVER
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import PodSeen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Step
from dualstack.scenario.targets import Clients, Targets, no_backend, service_ports

ADDRESSES_AT_MOST = 16  # of one load balancer: some list every node of the cluster


class ExternalAddresses(Targets):
    """The external addresses that load balancers gave, from the runner."""

    bound = "external"

    def __init__(self, step: Step[LoadBalancers] | Step[IngressSeen]) -> None:
        self.step: Step[Any] = step

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The step that waited for them."""
        return (self.step,)

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count nothing: the runner's own requests are not the cluster's cost."""
        return 0

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count one address a load balancer."""
        return len(site.objects(self.step.scenario.manifests))

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Wait for the addresses. Raises NotSeen, ApiError, Stopped."""
        seen: LoadBalancers | IngressSeen = stage.board.wait(self.step)
        servers = [pod for pod in stage.pods.running([SERVER]).pods if BACKEND_LABEL in pod.labels]
        return [
            self._to(stage, kind, name, address, servers)
            for name, addresses in seen.external.items()
            for address in addresses[:ADDRESSES_AT_MOST]
        ]

    def _to(
        self, stage: Stage, kind: Kind, name: str, address: str, servers: list[PodSeen]
    ) -> Target | Observation:
        family = family_of(address)
        reason = stage.site.inside.why_not_outside(address)
        if not any(pod.running and pod.address(family) for pod in servers):
            reason = no_backend(stage, servers, family)
        if reason:
            return Observation(
                kind=kind.name, source=RUNNER, target=name, family=family, address=address, blocked=reason
            )
        return Target(
            kind=kind,
            source=RUNNER,
            target=name,
            family=family,
            address=address,
            ports=service_ports(kind, stage.objects[name]),
            allowed=frozenset(pod.name for pod in servers),
        )
