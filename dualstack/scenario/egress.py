"""What a probe asks outside the cluster: the addresses that the profile names."""

from dualstack.family import FAMILIES, Family, bracketed, family_of
from dualstack.probes.kind import Kind
from dualstack.probes.observation import Observation
from dualstack.probes.rounds import Target
from dualstack.profile.expect import egress_target
from dualstack.profile.model import Profile
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.targets import Clients, Targets, at_port


class Egress(Targets):
    """Every address of `egress` in the profile, in both families or in one, from every source."""

    def __init__(self, families: tuple[Family, ...] = FAMILIES) -> None:
        self.families = families

    def count(self, site: Site, kind: Kind, scenario: type[Scenario], sources: int) -> int:
        """Count one connection a path."""
        return self.paths(site, scenario, sources) * kind.in_a_round(1)

    def paths(self, site: Site, scenario: type[Scenario], sources: int) -> int:
        """Count each source's addresses."""
        return sources * len(self._named(site.profile))

    def resolve(
        self, stage: Stage, kind: Kind, scenario: type[Scenario], clients: Clients, *, silent: bool
    ) -> list[Target | Observation]:
        """Name each address from each node."""
        return [
            at_port(kind, client, f"{bracketed(address)}:{port}", family_of(address), address, port)
            for client in clients.values()
            for address, port in self._named(stage.site.profile)
        ]

    def _named(self, profile: Profile) -> list[tuple[str, int]]:
        """Return (address, port) of those in the families."""
        return [each for each in map(egress_target, profile.egress) if family_of(each[0]) in self.families]
