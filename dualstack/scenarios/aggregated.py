"""APIs that Services answer for, whoever's they are: read once."""

from dualstack.scenario.aggregated import ReadAggregated
from dualstack.scenario.scenario import Scenario


class Aggregated(Scenario):
    """What the API server says of the APIs that it passes on."""

    id = "aggregated"
    reads_only = True
    seen = ReadAggregated()
