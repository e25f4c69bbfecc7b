"""Services with a ClusterIP: one that asks for no family, one of each."""

from dualstack.probes.kinds.tcp import TCP
from dualstack.scenario.create import Created
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.targets import ClusterIPs
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod

MANIFESTS = ("service-default", "service-ipv4", "service-ipv6")


ALL = ClusterIPs(*MANIFESTS)


class Services(Scenario):
    """The Services as the API server made them. It needs no pods."""

    id = "services"
    manifests = MANIFESTS
    created = Created()


class ServicePaths(Scenario):
    """Every ClusterIP from every node, until each backend has answered there or cannot be reached at all."""

    id = "cluster-ips"
    on_every_node = (CLIENT, SERVER)
    manifests = MANIFESTS
    paths = Probe(
        TCP,
        to=ALL,
        direct=TcpPodToPod.paths,
        milestone=("services-converged", "{reached} of {paths} ClusterIP paths answer with every backend"),
    )
