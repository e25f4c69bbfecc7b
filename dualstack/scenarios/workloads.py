"""What runs on the cluster already: read once, for several behaviours."""

from dualstack.scenario.scenario import Scenario
from dualstack.scenario.workloads import ReadWorkloads


class Existing(Scenario):
    """Everybody's pods, Services and EndpointSlices."""

    id = "existing"
    reads_only = True
    seen = ReadWorkloads()
