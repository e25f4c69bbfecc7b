"""Three load balancers: an IPv4 control, an IPv6 one, and a second IPv6 one at the same time."""

from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.observation import RUNNER
from dualstack.profile.model import Profile
from dualstack.scenario.addresses import Addresses
from dualstack.scenario.manifests import SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.targets import ExternalAddresses
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.survey.model import Survey


class ExternalServices(Scenario):
    """The load balancers, until each has an address or there is no point in waiting."""

    id = "load-balancers"
    on_every_node = (SERVER,)
    manifests = ("load-balancer-ipv4", "load-balancer-ipv6", "load-balancer-ipv6-second")
    given = Addresses()

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out under a profile without load balancers."""
        if profile.promises.load_balancer == "none":
            return f"profile {profile.name} promises no load balancer"
        return None


class Reach(Scenario):
    """Every external address, called from the runner."""

    id = "external-addresses"
    paths = Probe(
        TCP,
        to=ExternalAddresses(ExternalServices.given),
        source=RUNNER,
        direct=TcpPodToPod.paths,
    )
