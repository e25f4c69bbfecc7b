"""What a probe asks outside the cluster: the addresses that the profile names."""

from dualstack.family import bracketed, family_of
from dualstack.probes.kind import NAME, Kind
from dualstack.probes.observation import Observation
from dualstack.probes.rounds import Target
from dualstack.profile.model import egress_target
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.targets import Clients, Targets


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
        found: list[Target | Observation] = []
        for node, client in clients.items():
            for address, port in map(egress_target, stage.site.profile.egress):
                family, name = family_of(address), f"{bracketed(address)}:{port}"
                own = client.address(family)
                if own is None and client.running:
                    found.append(
                        Observation(
                            kind=kind.name, source=node, target=name, family=family, address=address,
                            blocked=f"the source pod has no {family} address (see pod-ips)",
                        )
                    )  # fmt: skip
                    continue
                found.append(
                    Target(
                        kind=kind, source=node, target=name, family=family, address=address,
                        source_address=own, ports={NAME: port},
                    )
                )  # fmt: skip
        return found
