"""A step: one thing done or seen. Its needs are known beforehand; its result is a typed value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dualstack.cluster.permissions import Permission
from dualstack.probes.prober import Place
from dualstack.scenario.seen import Seen

if TYPE_CHECKING:
    from dualstack.scenario.scenario import Scenario
    from dualstack.scenario.site import Site
    from dualstack.scenario.stage import Stage

Result = TypeVar("Result", bound=Seen)

LIST_PODS = Permission("list", "", "pods")
LIST_EVENTS = Permission("list", "", "events", optional=True)
EXEC = (Permission("get", "", "pods", "exec"), Permission("create", "", "pods", "exec"))


@dataclass(frozen=True)
class Needs:
    """What a step takes of the cluster. The plan is the sum of these."""

    permissions: tuple[Permission, ...] = ()
    places: frozenset[Place] = frozenset()
    """Pods that get an exec in a first round."""
    requests: Counter[str] = field(default_factory=Counter)
    """Requests of a first round, by kind."""
    tries: Counter[str] = field(default_factory=Counter)
    """Tries that count, made once paths have answered, by kind."""
    creates: Counter[str] = field(default_factory=Counter)
    """Objects that it makes besides those of manifests, by kind."""
    seconds: float = 0.0
    """The longest that the step may take."""


class Step(ABC, Generic[Result]):
    """Part of a scenario's class body; `scenario` and `name` are set there."""

    result: type[Result]
    """The type of what `run` returns."""
    scenario: type[Scenario]
    name: str

    def __set_name__(self, owner: type[Scenario], name: str) -> None:
        self.scenario, self.name = owner, name

    @property
    def key(self) -> str:
        """What the step is called outside its class, in files and messages."""
        return f"{self.scenario.id}.{self.name}"

    @property
    def objects(self) -> tuple[str, ...]:
        """Names of the objects that it speaks of; each must stand in the scenario's manifests."""
        return ()

    @property
    def changes(self) -> tuple[str, ...]:
        """Names of the objects that it changes; no other scenario may use them."""
        return ()

    @property
    def makes(self) -> tuple[str, ...]:
        """Names of the manifests whose objects it creates when its turn comes."""
        return ()

    @property
    def exposes(self) -> tuple[str, ...]:
        """Names of the Services that it makes load balancers of."""
        return ()

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """Steps of other scenarios whose results it reads: they are played too."""
        return ()

    def may_end(self, site: Site) -> bool:
        """Return whether its result may leave the scenario's later steps unplayed."""
        return False

    def ends(self, result: Result) -> str | None:
        """Return why the scenario's later steps are not played, or None if they are."""
        return None

    @abstractmethod
    def needs(self, site: Site) -> Needs:
        """Return what it takes of this cluster."""

    @abstractmethod
    def run(self, stage: Stage) -> Result:
        """Do it. Raises NotSeen, ApiError or Stopped: the scenario's later steps fail with that reason."""
