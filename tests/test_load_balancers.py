"""Load balancers: external IPv6 addresses, and whether they answer from outside."""

from dualstack.family import FAMILIES, Family
from dualstack.profile.model import Profile
from dualstack.scenario.addresses import LoadBalancerSeen
from dualstack.scenario.board import Board
from dualstack.scenario.change import IngressSeen
from dualstack.scenarios.load_balancers import DualLoadBalancer, ExternalServices, Reach
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Level, Tier

CONTROL = "load-balancer-ipv4"


@behaviour(
    Behaviour(
        id="lb-ipv6",
        level=Level.MUST,
        tier=Tier.PODS,
        promise="load_balancer",
        claim="A Service of type LoadBalancer that asks for IPv6 gets an external IPv6 address.",
        source="https://kubernetes.io/docs/tasks/network/validate-dual-stack/"
        "#create-a-dual-stack-load-balanced-service",
        remedy="Give the load balancer IPv6 addresses to hand out (a pool, a frontend, an IPv6 subnet).",
    ),
    needs=(ExternalServices,),
)
def test_lb_ipv6(board: Board, profile: Profile, judge: Judge) -> None:
    balancers = board.wait(ExternalServices.given)
    found, balancer = balancers.load_balancers, balancers.only(Family.V6)[0]
    _check_there_is_a_load_balancer(profile, found)
    if balancer.service.spec is None:
        raise CannotJudge(f"there is no such Service: {balancer.service.error}")
    if not balancer.of(Family.V6) and (trouble := balancer.unresolved(Family.V6)):
        raise CannotJudge(trouble)
    judge(
        "one IPv6 load balancer",
        bool(balancer.of(Family.V6)),
        family=Family.V6,
        cause=_why_none(balancer, found[CONTROL]),
        service=balancer.name,
        addresses=list(balancer.all_addresses),
        hostnames=list(balancer.hostnames),
        seconds=balancer.seconds,
        ipv4_control=list(found[CONTROL].all_addresses),
        events=list(balancer.events),
    )


@behaviour(
    Behaviour(
        id="lb-second-ipv6",
        level=Level.SHOULD,
        tier=Tier.PODS,
        promise="load_balancer",
        claim="Two Services of type LoadBalancer hold two distinct external IPv6 addresses at once.",
        source="https://learn.microsoft.com/azure/load-balancer/skus",
        remedy="Use a load balancer with more than one IPv6 frontend (on Azure: the Standard SKU).",
    ),
    needs=(ExternalServices,),
)
def test_lb_second_ipv6(board: Board, profile: Profile, judge: Judge) -> None:
    balancers = board.wait(ExternalServices.given)
    found, (one, other) = balancers.load_balancers, balancers.only(Family.V6)
    _check_there_is_a_load_balancer(profile, found)
    first, second = (each.of(Family.V6) for each in (one, other))
    if first and not second and (trouble := other.unresolved(Family.V6)):
        raise CannotJudge(trouble)
    if not first:
        raise CannotJudge("the first one has no IPv6 address either (see lb-ipv6)")
    judge(
        "two IPv6 load balancers",
        bool(second) and not set(first) & set(second),
        family=Family.V6,
        cause=f"both have {', '.join(first)}" if second else _why_none(other, found[CONTROL]),
        first={one.name: first},
        second={other.name: second},
        events=list(other.events),
    )


@behaviour(
    Behaviour(
        id="lb-dual",
        both_families=True,
        level=Level.MUST,
        tier=Tier.PODS,
        since="1.20",
        promise="load_balancer",
        claim="A Service of type LoadBalancer with both families gets an external address of each.",
        source="https://kubernetes.io/docs/tasks/network/validate-dual-stack/"
        "#create-a-dual-stack-load-balanced-service",
        remedy="Give the load balancer addresses of the missing family for one Service with both: a pool may "
        "need ranges of both, a frontend a second configuration.",
    ),
    needs=(ExternalServices, DualLoadBalancer),
)
def test_lb_dual(board: Board, profile: Profile, judge: Judge) -> None:
    balancers = board.wait(ExternalServices.given)
    _check_there_is_a_load_balancer(profile, balancers.load_balancers)
    given = board.wait(DualLoadBalancer.given)
    if not given.as_asked and not all(each.of(Family.V6) for each in balancers.only(Family.V6)):
        raise CannotJudge("there are not enough external IPv6 addresses at once (see lb-second-ipv6)")
    _judge_ingress(given, "both families", judge)


@behaviour(
    Behaviour(
        id="lb-family-change",
        both_families=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        since="1.20",
        promise="load_balancer",
        claim="A load balancer whose Service loses a family gives that external address back, and gets one "
        "when the family returns.",
        source="https://kubernetes.io/docs/concepts/services-networking/dual-stack/"
        "#switching-services-between-single-stack-and-dual-stack",
        remedy="Look at the load balancer's controller: does it act on changes of spec.ipFamilies?",
    ),
    needs=(ExternalServices, DualLoadBalancer),
)
def test_lb_family_change(board: Board, profile: Profile, judge: Judge) -> None:
    _check_there_is_a_load_balancer(profile, board.wait(ExternalServices.given).load_balancers)
    if not board.wait(DualLoadBalancer.given).as_asked:
        raise CannotJudge("it never had an address of each family (see lb-dual)")
    _judge_ingress(board.wait(DualLoadBalancer.single), "one family left", judge)
    _judge_ingress(board.wait(DualLoadBalancer.again), "both families again", judge)


@behaviour(
    Behaviour(
        id="lb-reachable",
        traffic="TCP to load balancers",
        level=Level.MUST,
        tier=Tier.OUTSIDE,
        promise="load_balancer",
        claim="Every external address answers from outside the cluster, in its family, every time.",
        source="https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer",
        remedy="If the address does not answer: is it announced (ARP, NDP, BGP), is it filtered on the way, "
        "and does kube-proxy have rules for it in this family?",
    ),
    needs=(ExternalServices, Reach, TcpPodToPod),
)
def test_lb_reachable(board: Board, profile: Profile, judge: Judge) -> None:
    found = board.wait(ExternalServices.given).load_balancers
    _check_there_is_a_load_balancer(profile, found)
    for family in FAMILIES:
        if not any(each.of(family) for each in found.values()):
            judge.cannot("runner", f"no load balancer has an {family} address to call", family=family)
    direct = [
        each for each in board.wait(TcpPodToPod.paths).observations if not each.reached and not each.blocked
    ]
    for path in board.wait(Reach.paths).observations:
        if path.blocked:
            judge.cannot_path(path, path.blocked)
            continue
        cut_off = [f"{each.source} → {each.target}" for each in direct if each.family is path.family]
        if path.reached and path.flaw and not path.strangers and cut_off:
            judge.cannot_path(
                path,
                f"{path.counted} requests were answered; pods do not reach each other "
                f"either: {', '.join(cut_off)} (see tcp-pod-to-pod)",
            )
            continue
        wrong = path.foreign_clients
        cause = f"no answer in {path.rounds} tries: {path.error}"
        if path.flaw:
            cause = path.flaw
        if wrong:
            cause = f"the server saw {wrong[0]}: the other family on the wire"
        judge.path(
            path,
            path.reached and not path.flaw and not wrong,
            cause=cause,
            address=path.address,
            answered=f"{path.answered} of {path.requests}",
            counted=path.counted,
            lost_syns=path.lost_syns,
            backends=path.answered_by,
            client_seen=list(path.clients_seen),
            seconds=path.seconds,
            error=path.error,
        )


def _judge_ingress(ingress: IngressSeen, when: str, judge: Judge) -> None:
    """Judge that there is an address of each family that the Service has, and of no other."""
    subject = f"service {ingress.service}, {when}"
    if ingress.refused or ingress.hostnames:
        name = ", ".join(ingress.hostnames)
        judge.cannot(subject, ingress.refused or f"it was given a host name, which stands for both: {name}")
        return
    for family in FAMILIES:
        found, asked = ingress.of(family), family in ingress.families
        judge(
            subject,
            bool(found) == asked,
            family=family,
            cause=f"no {family} address within {ingress.seconds:.0f} s; it has "
            f"{', '.join(ingress.addresses) or 'none'}{f': {ingress.event}' if ingress.event else ''}"
            if asked
            else f"it still has {', '.join(found)} after {ingress.seconds:.0f} s",
            addresses=list(ingress.addresses),
            cluster_ips=list(ingress.cluster_ips),
            seconds=ingress.seconds,
        )


def _check_there_is_a_load_balancer(profile: Profile, found: dict[str, LoadBalancerSeen]) -> None:
    """Without any Service or controller there is nothing to judge, unless the profile promises one."""
    if all(each.service.spec is None for each in found.values()):
        raise CannotJudge(f"no Service of type LoadBalancer was created: {found[CONTROL].service.error}")
    if profile.promises.load_balancer == "if-present" and not any(each.noticed for each in found.values()):
        waited = max(each.waited for each in found.values())
        raise CannotJudge(
            f"no controller acted on the three LoadBalancer Services within {waited:.0f} s; to skip these "
            "checks, use a profile with `load-balancer: none`"
        )


def _why_none(balancer: LoadBalancerSeen, control: LoadBalancerSeen) -> str:
    beside = (
        f"; the IPv4 one had {control.all_addresses[0]} after {control.seconds} s"
        if control.all_addresses
        else ""
    )
    wanted = " or ".join(balancer.families)
    if balancer.hostnames:
        return f"its host name {balancer.hostnames[0]} has no {wanted} address{beside}"
    if balancer.not_external:
        address, reason = next(iter(balancer.not_external.items()))
        return f"{address} {reason}: it is no external address{beside}"
    event = f": {balancer.events[-1]}" if balancer.events else ""
    return f"no {wanted} address within {balancer.waited:.0f} s{beside}{event}"
