"""Load balancers: an IPv4 control, an IPv6 one, a second one at the same time; then one of both families."""

from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.observation import RUNNER
from dualstack.profile.model import Profile
from dualstack.scenario.addresses import Addresses
from dualstack.scenario.change import Change
from dualstack.scenario.external_targets import ExternalAddresses
from dualstack.scenario.manifests import INTERNAL, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.steady import Watch
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.survey.model import Survey

DUAL = "load-balancer-dual"
FOR_DOCUMENTATION = ("192.0.2.0/24", "2001:db8::/32")
"""Ranges that nobody calls from (RFC 5737, RFC 3849), one of each family."""


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


class DualLoadBalancer(Scenario):
    """One of both families, made a load balancer once the others have theirs: who gets the last is no chance.

    It is closed to the runner by its source ranges, then loses its second family and gets it back.
    """

    id = "load-balancer-dual"
    on_every_node = (SERVER,)
    manifests = (DUAL,)
    given = Change(DUAL, {"type": "LoadBalancer"}, after=ExternalServices.given)
    open = Probe(TCP, to=ExternalAddresses(given), source=RUNNER, tries=0, direct=TcpPodToPod.paths)
    closed = Change(DUAL, {"loadBalancerSourceRanges": [*FOR_DOCUMENTATION]}, after=ExternalServices.given)
    shut = Probe(
        TCP, to=ExternalAddresses(given), source=RUNNER, until_silent=True, control=open, bound="services"
    )
    single = Change(
        DUAL,
        {"ipFamilyPolicy": "SingleStack", "loadBalancerSourceRanges": None},
        after=ExternalServices.given,
    )
    again = Change(DUAL, {"ipFamilyPolicy": "RequireDualStack"}, after=ExternalServices.given)

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out under a profile without load balancers."""
        return ExternalServices.left_out(survey, profile)


class Reach(Scenario):
    """Every external address, called from the runner."""

    id = "external-addresses"
    paths = Probe(
        TCP,
        to=ExternalAddresses(ExternalServices.given),
        source=RUNNER,
        direct=TcpPodToPod.paths,
    )


class Steady(Scenario):
    """Every external address that answers, called from the runner for as long as the profile says."""

    id = "steady-addresses"
    watched = Watch(Reach.paths)

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out where nobody asked for it: it takes a minute and more."""
        if profile.load_balancers_steady_for is None:
            return f"profile {profile.name} names no `load-balancers-steady-for`"
        return ExternalServices.left_out(survey, profile)


class InternalServices(Scenario):
    """An IPv6 load balancer inside the provider's network, until it has an address."""

    id = "internal-load-balancers"
    manifests = (INTERNAL,)
    given = Addresses("internal-load-balancers")

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out where the profile does not say how to ask for it."""
        if profile.internal_load_balancer is None:
            return f"profile {profile.name} names no `internal-load-balancer`"
        return ExternalServices.left_out(survey, profile)
