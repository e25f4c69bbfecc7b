"""TCP from every node's pods to every node's pods: a claim of its own, and the control of many others."""

from collections.abc import Iterable, Iterator, Mapping

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
        self._dead = [each for each in paths if not each.blocked and (not each.reached or each.flaw)]

    def cut_off(self, path: Observation, home: Mapping[str, str]) -> list[str]:
        """Return the nodes of those servers a Service's path misses that its source misses directly, too."""
        dead = {each.target for each in self._from(path) if not each.reached}
        return [home[name] for name in path.missing if home[name] in dead]

    def lossy(self, path: Observation) -> str | None:
        """Return which direct path may have lost what a Service's path lost after it had converged."""
        lost = path.flaw and not path.strangers
        return next(map(_in_words, self._from(path)), None) if lost else None

    def same(self, path: Observation) -> str | None:
        """Return that the direct path between the same nodes breaks, too; None if it does not."""
        return next((_in_words(each) for each in self._from(path) if each.target == path.target), None)

    def trouble(self, family: Family, *nodes: str) -> str | None:
        """Return which direct path at one of the nodes breaks too, in words; None if none does."""
        return next(map(_in_words, self._at(family, nodes)), None)

    def untold(self, family: Family, node: str, *, answered_by: Iterable[str]) -> str | None:
        """Return which direct path from a node breaks, unless the server it misses has answered by way of it.

        Which backend a Service's connections come to is chance: it must not be chance what is judged.
        """
        told = set(answered_by)
        for path in self._at(family, [node]):
            if path.source == node and path.address and not (path.missing and told.issuperset(path.missing)):
                return _in_words(path)
        return None

    def _from(self, path: Observation) -> list[Observation]:
        """Return the broken paths of the same source and family."""
        return [each for each in self._dead if (each.source, each.family) == (path.source, path.family)]

    def _at(self, family: Family, nodes: Iterable[str]) -> Iterator[Observation]:
        """Yield the family's broken paths from or to a node, the first node's first."""
        for node in nodes:
            yield from (
                each for each in self._dead if each.family is family and node in (each.source, each.target)
            )


def _in_words(path: Observation) -> str:
    return f"{path.source} → {path.target} breaks directly, too (see {path.kind}-pod-to-pod)"
