"""Several kinds of targets as one: asked side by side, in the same rounds."""

from typing import Any

from dualstack.probes.kind import Kind
from dualstack.probes.observation import Observation
from dualstack.probes.rounds import Target
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Step
from dualstack.scenario.targets import Clients, Targets


class Several(Targets):
    """The targets of all the parts; convergence is bounded as for the part that takes longest."""

    bound = "services"

    def __init__(self, *parts: Targets) -> None:
        self.parts = parts

    @property
    def objects(self) -> tuple[str, ...]:
        """The parts' objects."""
        return tuple(name for part in self.parts for name in part.objects)

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The parts' steps."""
        return tuple(step for part in self.parts for step in part.rests_on)

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Add the parts' requests."""
        return sum(part.count(site, kind, scenario, sources) for part in self.parts)

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Add the parts' paths."""
        return sum(part.paths(site, scenario, sources) for part in self.parts)

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Name the parts' targets. Raises NotSeen, ApiError, Stopped."""
        return [
            each
            for part in self.parts
            for each in part.resolve(stage, kind, scenario, clients, silent=silent)
        ]
