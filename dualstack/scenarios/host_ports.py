"""HostPorts: a pod on every node whose port is the node's own, where the profile names one that is free."""

from dualstack.probes.kinds.tcp_name import TCP_NAME
from dualstack.profile.model import Profile
from dualstack.scenario.host_ports import HostPorts
from dualstack.scenario.manifests import CLIENT, HOST_PORT
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.survey.model import Survey


class HostPortPaths(Scenario):
    """Every node's hostPort in both families, from the pods of the other nodes."""

    id = "host-ports"
    on_every_node = (CLIENT, HOST_PORT)
    paths = Probe(TCP_NAME, to=HostPorts())

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out where nobody named a port: what listens there on a node would be cut off."""
        return None if profile.host_port else f"profile {profile.name} names no `host-port`"
