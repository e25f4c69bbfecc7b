"""A client and a server pod on every node."""

from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.running import PodsRun
from dualstack.scenario.scenario import Scenario


class ProbePods(Scenario):
    """The pods themselves, as the API shows them."""

    id = "probe-pods"
    on_every_node = (CLIENT, SERVER)
    running = PodsRun()
