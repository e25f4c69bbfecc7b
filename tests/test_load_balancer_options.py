"""Load balancers, where the profile asks for more: addresses that stay, and those that are not public."""

from dualstack.family import Family
from dualstack.profile.model import Profile
from dualstack.scenario.addresses import LoadBalancerSeen
from dualstack.scenario.board import Board
from dualstack.scenarios.load_balancers import InternalServices, Reach, Steady
from dualstack.survey.model import Survey, inside
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge, NotApplicable
from dualstack.verdict.words import Level, Tier

SILENCE_SECONDS = 1.0


@behaviour(
    Behaviour(
        id="lb-steady",
        level=Level.SHOULD,
        tier=Tier.OUTSIDE,
        promise="load_balancer",
        claim="No external address that answers falls silent for more than 1 s, as long as it is called.",
        source="https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer",
        remedy="Look at who announces the address at that time: does its announcer change, does anybody else "
        "answer for it, does a neighbour entry or a route run out (ip -6 neigh, ip monitor)?",
    ),
    needs=(Reach, Steady),
)
def test_lb_steady(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    if why := Steady.left_out(survey, profile):
        raise NotApplicable(why)
    watched = board.wait(Steady.watched)
    if not watched.addresses:
        raise CannotJudge("no external address answers (see lb-reachable)")
    for each in watched.addresses:
        judge(
            f"{each.service} at {each.address}",
            each.silent_seconds <= SILENCE_SECONDS,
            family=each.family,
            cause=f"silent for {each.silent_seconds:.1f} s in the {watched.seconds:g} s that it was called: "
            f"{each.error}",
            calls=each.calls,
            answered=each.answered,
            silent_at=each.silent_at,
            error=each.error,
        )


@behaviour(
    Behaviour(
        id="lb-internal",
        level=Level.MAY,
        tier=Tier.PODS,
        promise="load_balancer",
        claim="A Service that asks for the provider's internal load balancer in IPv6 gets an address inside.",
        source="https://kubernetes.io/docs/concepts/services-networking/service/#internal-load-balancer",
        remedy="Read what the provider promises for internal load balancers in IPv6, and whether its subnet "
        "or pool has IPv6 addresses to give.",
    ),
    needs=(InternalServices,),
)
def test_lb_internal(board: Board, survey: Survey, profile: Profile, judge: Judge) -> None:
    if why := InternalServices.left_out(survey, profile):
        raise NotApplicable(why)
    assert profile.internal_load_balancer is not None
    (found,) = board.wait(InternalServices.given).load_balancers.values()
    if found.service.spec is None:
        raise CannotJudge(f"there is no such Service: {found.service.error}")
    if not found.of(Family.V6) and (trouble := found.unresolved(Family.V6)):
        raise CannotJudge(trouble)
    judge(
        "one internal IPv6 load balancer",
        not (flaw := _why_not_inside(found, profile.internal_load_balancer.ranges)),
        family=Family.V6,
        cause=flaw or "",
        service=found.name,
        addresses=list(found.all_addresses),
        ranges=profile.internal_load_balancer.ranges,
        seconds=found.seconds,
        events=list(found.events),
    )


def _why_not_inside(found: LoadBalancerSeen, ranges: list[str]) -> str | None:
    addresses = found.of(Family.V6)
    if not addresses:
        event = f": {found.events[-1]}" if found.events else ""
        return f"no IPv6 address within {found.waited:.0f} s{event}"
    outside = [each for each in addresses if not any(inside(each, one) for one in ranges)]
    return f"{', '.join(outside)} lies in none of {', '.join(ranges)}" if outside else None
