"""What a probe asks outside the cluster: the addresses that the profile names."""

from dualstack.family import bracketed, family_of
from dualstack.probes.kind import Kind
from dualstack.probes.observation import Observation
from dualstack.probes.rounds import Target
from dualstack.profile.expect import egress_target
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.targets import Clients, Targets, at_port


class Egress(Targets):
    """Every address of `egress` in the profile, from every source."""

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count one connection a path."""
        return self.paths(site, scenario, sources) * kind.in_a_round(1)

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count each source's addresses."""
        return sources * len(site.profile.egress)

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Name each address from each node."""
        return [
            at_port(kind, client, f"{bracketed(address)}:{port}", family_of(address), address, port)
            for client in clients.values()
            for address, port in map(egress_target, stage.site.profile.egress)
        ]
