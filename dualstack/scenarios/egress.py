"""Connections from pods to the world outside, where the profile names somebody to reach."""

from dualstack.probes.kinds.connect import CONNECT
from dualstack.profile.model import Profile
from dualstack.scenario.egress import Egress
from dualstack.scenario.manifests import CLIENT
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.survey.model import Survey


class EgressPaths(Scenario):
    """Connections from every node's pods to the addresses that the profile names."""

    id = "egress"
    on_every_node = (CLIENT,)
    paths = Probe(CONNECT, to=Egress())

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out where there is nobody to reach."""
        return None if profile.egress else f"profile {profile.name} names no `egress`"
