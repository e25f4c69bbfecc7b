"""TCP from every node's pods to every node's pods: a claim of its own, and the control of many others."""

from dualstack.probes.kinds.tcp import TCP
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
