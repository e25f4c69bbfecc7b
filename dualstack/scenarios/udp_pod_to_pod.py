"""UDP from every node's pods to every node's pods: a claim of its own, and the control of large datagrams."""

from dualstack.probes.kinds.udp import UDP
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.targets import PodsOnEveryNode


class UdpPodToPod(Scenario):
    """A datagram and its answer over every planned pair of nodes."""

    id = "udp-pod-to-pod"
    on_every_node = (CLIENT, SERVER)
    paths = Probe(UDP, to=PodsOnEveryNode(SERVER))
