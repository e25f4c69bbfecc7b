"""Signs: facts of the survey that tell one kind of cluster from another.

Patterns as in a shell (`*`, `?`), whatever the letters' case. A kind fits where all of its signs hold; a sign
about nodes holds where every machine shows it, so that a mixed cluster fits nothing rather than something.
"""

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

from pydantic import BaseModel

from dualstack.family import FAMILIES, Family
from dualstack.profile.part import PART
from dualstack.survey.model import Node, Survey, of_family


class Signs(BaseModel):
    """Empty where nothing tells."""

    model_config = PART

    provider_id: list[str] = []
    """Patterns; every node's providerID is of all of them."""
    kubelet: str | None = None
    """A pattern of every kubelet's version."""
    labels: list[str] = []
    """Patterns of KEY=VALUE; every node has a label for each."""
    network: list[str] = []
    """Patterns of NAMESPACE/NAME of the DaemonSets that carry the pod network; there is one for each."""
    pod_cidrs: list[Family] | None = None
    """Families of every node's podCIDRs, in any order."""
    proxy_config: str | None = None
    """Where kube-proxy's configuration is: CONFIGMAP/KEY in kube-system."""
    service_family: Family | None = None
    """The family of Services that ask for none."""

    def facts(self, survey: Survey) -> Iterator[tuple[str, str, bool]]:
        """Yield (what, value, whether it holds) for each sign."""
        nodes = [node for node in survey.nodes if not node.virtual]
        for pattern in self.provider_id:
            yield "providerIDs", pattern, _all(nodes, lambda node: [node.provider_id or ""], pattern)
        if self.kubelet is not None:
            yield "kubelets", self.kubelet, _all(nodes, lambda node: [node.kubelet], self.kubelet)
        for pattern in self.labels:
            yield "labels", pattern, _all(nodes, _labels, pattern)
        for pattern in self.network:
            yield "network DaemonSets", pattern, _any(survey.network_daemonsets, pattern)
        if self.pod_cidrs is not None:
            wanted = [family for family in FAMILIES if family in self.pod_cidrs]
            holds = bool(nodes) and all(_families(node) == wanted for node in nodes)
            yield "podCIDRs of", " and ".join(wanted), holds
        if self.proxy_config is not None:
            yield "kube-proxy's ConfigMap", self.proxy_config, survey.proxy_config_at == self.proxy_config
        if self.service_family is not None:
            holds = survey.first_service_family is self.service_family
            yield "Services first of", self.service_family, holds

    @property
    def is_empty(self) -> bool:
        """Whether nothing tells."""
        return self == Signs()

    def hold(self, survey: Survey) -> bool:
        """Return whether there are signs, and all of them hold."""
        facts = [holds for *_, holds in self.facts(survey)]
        return bool(facts) and all(facts)


def fitting(kinds: dict[str, Signs], survey: Survey) -> list[str]:
    """Return the kinds that a cluster fits; one whose signs another has too, and more, gives way to that."""
    fit = {name: set(signs.facts(survey)) for name, signs in kinds.items() if signs.hold(survey)}
    return [name for name, facts in fit.items() if not any(facts < others for others in fit.values())]


def words(signs: Signs, survey: Survey, *, hold: bool = True) -> str:
    """Return the signs that hold, or those that do not, in words that name no node."""
    found: dict[str, list[str]] = {}
    for what, value, holds in signs.facts(survey):
        if holds is hold:
            found.setdefault(what, []).append(value)
    return "; ".join(f"{what} {', '.join(values)}" for what, values in found.items())


def seen(survey: Survey) -> str:
    """Return in a few words what there is to go by, without a name or an address."""
    schemes = {(node.provider_id or "none").partition(":")[0] for node in survey.nodes}
    networks = {each.partition("/")[2] for each in survey.network_daemonsets}
    parts = {
        "providerIDs": schemes,
        "kubelets": {node.kubelet for node in survey.nodes},
        "network DaemonSets": networks or {"none"},
        "kube-proxy's ConfigMap": {survey.proxy_config_at or "none"},
    }
    return "; ".join(f"{what}: {_few(values)}" for what, values in parts.items())


def _few(values: Iterable[str]) -> str:
    ordered = sorted(values)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")


def _all(nodes: list[Node], values: Callable[[Node], list[str]], pattern: str) -> bool:
    return bool(nodes) and all(_any(values(node), pattern) for node in nodes)


def _any(values: Iterable[str], pattern: str) -> bool:
    return any(fnmatchcase(value.lower(), pattern.lower()) for value in values)


def _labels(node: Node) -> list[str]:
    return [f"{key}={value}" for key, value in node.labels.items()]


def _families(node: Node) -> list[Family]:
    return [family for family in FAMILIES if of_family(node.pod_cidrs, family)]
