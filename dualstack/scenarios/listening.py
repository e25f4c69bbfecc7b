"""Connections to what listens, or should, in the namespaces whose owners let the suite call."""

from dualstack.probes.kinds.connect import CONNECT
from dualstack.profile.model import Profile
from dualstack.scenario.listening import ReadEndpoints, ReadyEndpoints
from dualstack.scenario.manifests import CLIENT
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.survey.model import Survey


class Listening(Scenario):
    """A connection to each ready endpoint, in both families, from one node's client pod."""

    id = "listening"
    on_every_node = (CLIENT,)
    found = ReadEndpoints()
    paths = Probe(CONNECT, to=ReadyEndpoints(found), everywhere=False, tries=0)

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out where nobody agreed to be called."""
        if profile.call_endpoints_in:
            return None
        return f"profile {profile.name} names no namespace to `call-endpoints-in`"
