"""What a probe asks of pods that a scenario's own Deployment has just made."""

from typing import Any

from dualstack.family import FAMILIES
from dualstack.probes.kind import Kind
from dualstack.probes.observation import Observation
from dualstack.probes.rounds import Target
from dualstack.scenario.scale import Scale
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Step
from dualstack.scenario.targets import Clients, Targets, pair


class ReplacedPods(Targets):
    """The pods that an earlier step scaled a Deployment to, on whichever node, in both families."""

    def __init__(self, scaled: Scale) -> None:
        self._scaled = scaled

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The earlier step."""
        return (self._scaled,)

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count what a round asks of each."""
        return self.paths(site, scenario, sources) * kind.in_a_round(1)

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count each pod's addresses."""
        return sources * self._scaled.replicas * len(FAMILIES)

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Name each address from each node. Raises NotSeen."""
        pods = stage.board.wait(self._scaled).pods
        return [
            pair(kind, client, pod, family)
            for client in clients.values()
            for pod in pods
            for family in FAMILIES
        ]
