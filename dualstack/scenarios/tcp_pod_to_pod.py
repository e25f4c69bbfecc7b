"""TCP from every node's pods to every node's pods: a claim of its own, and the control of many others."""

from collections.abc import Iterable

from dualstack.family import Family
from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.observation import Observation
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.targets import PodsOnEveryNode


class TcpPodToPod(Scenario):
    """Every planned pair of nodes, both families."""

    id = "tcp-pod-to-pod"
    on_every_node = (CLIENT, SERVER)
    paths = Probe(
        TCP,
        to=PodsOnEveryNode(SERVER),
        milestone=("pod-to-pod", "{reached} of {paths} pod-to-pod paths answer"),
    )


class Direct:
    """What direct paths say about others that rest on them: a consequence is not judged (ADR 5)."""

    def __init__(self, paths: Iterable[Observation]) -> None:
        self._dead: dict[tuple[Family, str], str] = {}
        for path in paths:
            if not path.blocked and not (path.reached and path.flaw is None):
                for end in (path.source, path.target):
                    self._dead.setdefault((path.family, end), f"{path.source} → {path.target}")

    def trouble(self, family: Family, *nodes: str) -> str | None:
        """Return which direct path at one of the nodes breaks too, in words; None if none does."""
        dead = next((path for node in nodes if (path := self._dead.get((family, node)))), None)
        return f"{dead} breaks directly, too (see tcp-pod-to-pod)" if dead else None
