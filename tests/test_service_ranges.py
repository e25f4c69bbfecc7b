"""Service ranges as objects (KEP-1880, from 1.33 on): where ClusterIPs come from, and whose they are."""

from dualstack.family import FAMILIES, family_of
from dualstack.scenario.allocated import Allocated
from dualstack.scenario.board import Board
from dualstack.scenario.scenario import Scenario
from dualstack.survey.model import Survey, inside, of_family
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Level, Tier

SOURCE = "https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/"
SINCE = "1.33"


class AllocatedAddresses(Scenario):
    """ClusterIPs of Services of one family and of both."""

    id = "allocated-addresses"
    manifests = ("service-ipv4", "service-ipv6", "service-families")
    allocated = Allocated()


@behaviour(
    Behaviour(
        id="service-cidrs",
        level=Level.MUST,
        tier=Tier.READ,
        since=SINCE,
        reads=("service-cidrs",),
        claim="Every ServiceCIDR is Ready, and there is a range of each family.",
        source="https://kubernetes.io/docs/tasks/network/extend-service-ip-ranges/",
        remedy="Look at the ServiceCIDR's conditions: one that is being deleted stays as long as Services "
        "have addresses of it, and gives none meanwhile.",
    )
)
def test_service_cidrs(survey: Survey, judge: Judge) -> None:
    for each in judge.each(survey.service_cidrs, "ServiceCIDRs"):
        judge(
            f"ServiceCIDR {each.name}",
            each.ready,
            cause=f"it is not Ready: {each.why_not}",
            cidrs=list(each.cidrs),
        )
    ready = tuple(cidr for each in survey.service_cidrs if each.ready for cidr in each.cidrs)
    for family in FAMILIES:
        ranges = of_family(ready, family)
        judge(
            "service ranges", bool(ranges), family=family, cause=f"no ready range is {family}", ranges=ranges
        )


@behaviour(
    Behaviour(
        id="service-ip-in-range",
        level=Level.MUST,
        tier=Tier.PODS,
        since=SINCE,
        reads=("service-cidrs",),
        claim="Every ClusterIP lies in a ServiceCIDR, and an IPAddress object says whose it is.",
        source=SOURCE,
        remedy="Look for who deletes IPAddress objects or makes Services past the API server: the same "
        "address may be given twice.",
    ),
    needs=(AllocatedAddresses,),
)
def test_service_ip_in_range(board: Board, survey: Survey, judge: Judge) -> None:
    ranges = [cidr for each in survey.service_cidrs for cidr in each.cidrs]
    addresses = board.wait(AllocatedAddresses.allocated).addresses
    if not addresses:
        raise CannotJudge("no Service of the run has a ClusterIP (see service-ipv4)")
    for each in addresses:
        within = any(inside(each.address, cidr) for cidr in ranges)
        cause = f"its address {each.address} lies in no ServiceCIDR ({', '.join(ranges)})"
        if within:
            owner = f"belongs to {each.owner}" if each.owner else "has no IPAddress object"
            cause = f"its address {each.address} {owner}"
        judge(
            f"service {each.service}",
            within and each.owner == each.expected,
            family=family_of(each.address),
            cause=cause,
            address=each.address,
        )
