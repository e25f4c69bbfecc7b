"""NetworkPolicies on pods of the run's own: a deny-all, then what lets some in, and the same for egress.

The guarded pods stand behind no other Service, so no policy here touches what other scenarios probe. Policies
are only ever added: a path is open, is denied, and is let through again while the deny stays.
"""

from dualstack.family import FAMILIES, Family, family_of
from dualstack.probes.kinds.connect import CONNECT
from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.kinds.udp import UDP
from dualstack.probes.observation import RUNNER
from dualstack.profile.expect import egress_target
from dualstack.profile.model import Profile
from dualstack.scenario import egress
from dualstack.scenario.enforce import Enforced, Policy
from dualstack.scenario.manifests import CLIENT, GUARDED, SERVER
from dualstack.scenario.node_targets import NodePorts
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.several import Several
from dualstack.scenario.targets import PodsOnEveryNode, SomeBackend
from dualstack.scenarios.egress import EgressPaths
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.survey.model import Survey

SERVICES = ("guarded-ipv4", "guarded-ipv6")
OUTSIDE = ("guarded-outside-ipv4", "guarded-outside-ipv6")
TRIES = 3
"""That count once a path is let through: there are many, beside those that stay closed."""
LATER_SECONDS = 6.0
"""After which neighbours are asked for again: a policy that eats their discovery shows by then."""
IN = Several(PodsOnEveryNode(GUARDED), SomeBackend(*SERVICES))
SERVED = ("service-ipv4", "service-ipv6")
OUT = Several(PodsOnEveryNode(SERVER), SomeBackend(*SERVED))


class Ingress(Scenario):
    """From every node's client, and from outside, to every node's guarded pod and to their Services."""

    id = "policy-ingress"
    on_every_node = (CLIENT, SERVER, GUARDED)
    manifests = ("guarded", "guarded-outside")
    open = Probe(TCP, UDP, to=IN, tries=0, direct=TcpPodToPod.paths)
    outside = Probe(
        TCP, to=NodePorts(*OUTSIDE, beside_backend=True), source=RUNNER, tries=0, bound="paths", together=True
    )
    deny = Policy("policy-deny")
    gate = Probe(
        TCP,
        to=PodsOnEveryNode(GUARDED),
        everywhere=False,
        until_silent=True,
        control=open,
        bound="unenforced",
    )
    engine = Enforced(gate)
    denied = Probe(TCP, UDP, to=IN, until_silent=True, control=open, bound="policy")
    beside = Probe(TCP, UDP, to=PodsOnEveryNode(SERVER), tries=0)
    allow = Policy("policy-allow")
    allowed = Probe(TCP, UDP, to=IN, tries=TRIES, control=open, bound="policy")
    others = Probe(TCP, to=PodsOnEveryNode(GUARDED), source=SERVER, until_silent=True, bound="silence")
    later = Probe(
        TCP,
        to=PodsOnEveryNode(GUARDED, (Family.V6,)),
        after=LATER_SECONDS,
        tries=1,
        control=open,
        bound="silence",
    )


def _let_in(service: str) -> Probe:
    to = NodePorts(service, beside_backend=True)
    return Probe(TCP, to=to, source=RUNNER, tries=TRIES, control=Ingress.outside, bound="policy")


def _kept_out(*services: str, bound: str) -> Probe:
    to = NodePorts(*services, beside_backend=True)
    return Probe(TCP, to=to, source=RUNNER, until_silent=True, control=Ingress.outside, bound=bound)


class IpBlocks(Scenario):
    """The runner, from outside the cluster: let in by an ipBlock in IPv4 alone, then in IPv6 as well."""

    id = "policy-ipblock"
    on_every_node = (GUARDED,)
    manifests = ("guarded-outside",)
    engine = Enforced(Ingress.gate)
    denied = _kept_out(*OUTSIDE, bound="policy")
    allow_ipv4 = Policy("policy-ipblock-ipv4", callers=Ingress.outside)
    ipv4_in = _let_in(OUTSIDE[0])
    ipv6_out = _kept_out(OUTSIDE[1], bound="silence")
    allow_ipv6 = Policy("policy-ipblock-ipv6", callers=Ingress.outside)
    ipv6_in = _let_in(OUTSIDE[1])


class Egress(Scenario):
    """From every node's guarded pod to every node's server, and to Services of these."""

    id = "policy-egress"
    on_every_node = (CLIENT, SERVER, GUARDED)
    manifests = SERVED
    engine = Enforced(Ingress.gate)
    open = Probe(TCP, UDP, to=OUT, source=GUARDED, tries=0, direct=TcpPodToPod.paths)
    deny = Policy("policy-deny-egress")
    denied = Probe(TCP, UDP, to=OUT, source=GUARDED, until_silent=True, control=open, bound="policy")
    allow = Policy("policy-allow-egress")
    allowed = Probe(TCP, UDP, to=OUT, source=GUARDED, tries=TRIES, control=open, bound="policy")
    later = Probe(
        TCP,
        to=PodsOnEveryNode(SERVER, (Family.V6,)),
        source=GUARDED,
        after=LATER_SECONDS,
        tries=1,
        control=open,
        bound="silence",
    )


def _reaches(family: Family) -> Probe:
    to = egress.Egress((family,))
    return Probe(CONNECT, to=to, source=GUARDED, tries=TRIES, control=EgressPaths.paths, bound="policy")


def _does_not_reach(*families: Family, bound: str) -> Probe:
    to = egress.Egress(families)
    return Probe(CONNECT, to=to, source=GUARDED, until_silent=True, control=EgressPaths.paths, bound=bound)


class EgressBlocks(Scenario):
    """Every node's guarded pod to addresses outside: let out by an ipBlock in IPv4, then in IPv6 too."""

    id = "policy-egress-ipblock"
    on_every_node = (GUARDED,)
    engine = Enforced(Egress.denied)
    denied = _does_not_reach(*FAMILIES, bound="policy")
    allow_ipv4 = Policy("policy-egress-ipblock-ipv4", to_egress=True)
    ipv4_out = _reaches(Family.V4)
    ipv6_kept = _does_not_reach(Family.V6, bound="silence")
    allow_ipv6 = Policy("policy-egress-ipblock-ipv6", to_egress=True)
    ipv6_out = _reaches(Family.V6)

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out where an address of each family is not named."""
        named = {family_of(egress_target(each)[0]) for each in profile.egress}
        missing = [family for family in FAMILIES if family not in named]
        return f"profile {profile.name} names no `egress` in {' and '.join(missing)}" if missing else None
