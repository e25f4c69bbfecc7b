"""What a probe asks of hostPorts: on every node's addresses, to be answered by the pod behind it."""

from dualstack.family import FAMILIES, Family
from dualstack.probes.kind import NAME, Kind
from dualstack.probes.observation import Observation
from dualstack.probes.rounds import Target
from dualstack.scenario.manifests import HOST_PORT
from dualstack.scenario.node_targets import no_node_address
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import PodSeen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.targets import Clients, Targets, no_address
from dualstack.survey.model import of_family


class HostPorts(Targets):
    """The hostPort of every node's pod, on the node's first address of each family, from other nodes' pods.

    A lone node's pod asks its own node.
    """

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count one request a path."""
        return self.paths(site, scenario, sources) * kind.in_a_round(1)

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count each pair in each family."""
        return len(_pairs(site)) * len(FAMILIES)

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Wait for the pods and name each address. Raises ApiError, Stopped."""
        pods = stage.pods.running([HOST_PORT]).of(HOST_PORT)
        return [
            _to(stage.site, kind, clients[source], pods[target], family)
            for source, target in _pairs(stage.site)
            for family in FAMILIES
        ]


def _pairs(site: Site) -> list[tuple[str, str]]:
    return [pair for pair in site.pairs if pair[0] != pair[1] or len(site.nodes) == 1]


def _to(site: Site, kind: Kind, client: PodSeen, pod: PodSeen, family: Family) -> Target | Observation:
    address = next(iter(of_family(site.addresses[pod.node], family)), None)
    own = client.address(family)
    why = None
    if address is None:
        why = no_node_address(pod.node, family)
    elif not pod.running:
        why = f"the pod with the hostPort does not run on {pod.node}: {pod.trouble}"
    elif not pod.address(family):
        why = f"the pod with the hostPort has no {family} address (see pod-ips)"
    elif client.running and own is None:
        why = no_address(family)
    if why:
        return Observation(
            kind=kind.name, source=client.node, target=pod.node, family=family, address=address,
            blocked=why, not_promised=address is None,
        )  # fmt: skip
    return Target(
        kind=kind,
        source=client.node,
        target=pod.node,
        family=family,
        address=address,
        source_address=own,
        ports={NAME: site.profile.host_port or 0},
        wanted=frozenset({pod.name}),
    )
