"""Services: the families that the API server gives them."""

from typing import Any

from dualstack.family import Family, family_of
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import FAMILIES_ARE_PLURAL
from dualstack.scenario.seen import ObjectSeen
from dualstack.scenarios.cluster_ips import Services
from dualstack.survey.model import Survey
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Level, Tier

SOURCE = "https://kubernetes.io/docs/concepts/services-networking/dual-stack/#services"


@behaviour(
    Behaviour(
        id="service-default-family",
        level=Level.MUST,
        tier=Tier.PODS,
        claim="A Service that asks for no family gets one address, of the cluster's first service range.",
        source="https://kubernetes.io/docs/tasks/network/validate-dual-stack/#validate-services",
        remedy="Check the order in the API server's --service-cluster-ip-range; it must never change.",
    ),
    needs=(Services,),
)
def test_service_default_family(board: Board, survey: Survey, judge: Judge) -> None:
    service = _created(board, "service-default")
    first = survey.first_service_family
    if first is None:
        raise CannotJudge("the cluster's first service range is not to be read")
    _judge_single_stack(judge, survey, service, first)


@behaviour(
    Behaviour(
        id="service-ipv4",
        level=Level.MUST,
        tier=Tier.PODS,
        claim="A Service that asks for IPv4 alone gets an IPv4 ClusterIP and nothing else.",
        source=SOURCE,
        remedy="Give the API server an IPv4 range in --service-cluster-ip-range.",
    ),
    needs=(Services,),
)
def test_service_ipv4(board: Board, survey: Survey, judge: Judge) -> None:
    service = _created(board, "service-ipv4")
    _judge_single_stack(judge, survey, service, Family.V4)


@behaviour(
    Behaviour(
        id="service-ipv6",
        level=Level.MUST,
        tier=Tier.PODS,
        claim="A Service that asks for IPv6 alone gets an IPv6 ClusterIP and nothing else.",
        source=SOURCE,
        remedy="Give the API server an IPv6 range as well: --service-cluster-ip-range=IPv4,IPv6.",
    ),
    needs=(Services,),
)
def test_service_ipv6(board: Board, survey: Survey, judge: Judge) -> None:
    service = _created(board, "service-ipv6")
    _judge_single_stack(judge, survey, service, Family.V6)


@behaviour(
    Behaviour(
        id="service-legacy-ip-family",
        level=Level.SHOULD,
        tier=Tier.PODS,
        since="1.16",
        until="1.19",
        claim="A Service with spec.ipFamily IPv6 keeps that field and gets an IPv6 ClusterIP.",
        source="https://v1-19.docs.kubernetes.io/docs/concepts/services-networking/dual-stack/#services",
        remedy="Switch the IPv6DualStack feature gate on in the API server: without it the field is dropped.",
    ),
    needs=(Services,),
)
def test_service_legacy_ip_family(board: Board, judge: Judge) -> None:
    service = _created(board, "service-ipv6")
    judge_legacy(judge, service)


def judge_legacy(judge: Judge, service: ObjectSeen) -> None:
    """Judge a Service of 1.16 to 1.19 by the one word of that time."""
    spec = _spec(service)
    judge(
        f"service {service.name}",
        service.asked.get("ipFamily") == spec.get("ipFamily") == Family.V6 and _is(spec, Family.V6),
        family=Family.V6,
        cause=f"asked for ipFamily {service.asked.get('ipFamily')}, got ipFamily {spec.get('ipFamily')} "
        f"and ClusterIP {spec.get('clusterIP')}",
        asked=service.asked.get("ipFamily"),
        ip_family=spec.get("ipFamily"),
        cluster_ip=spec.get("clusterIP"),
    )


def _judge_single_stack(judge: Judge, survey: Survey, service: ObjectSeen, family: Family) -> None:
    subject = f"service {service.name}"
    if service.refused:
        judge(
            subject,
            False,
            family=family,
            cause=f"the API server refuses it: {service.error}",
            error=service.error,
        )
        return
    spec = _spec(service)
    evidence = {key: spec.get(key) for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")}
    holds = _is(spec, family)
    if survey.release >= FAMILIES_ARE_PLURAL:
        holds = (
            holds
            and spec.get("ipFamilies") == [family]
            and spec.get("ipFamilyPolicy") == "SingleStack"
            and spec.get("clusterIPs") == [spec.get("clusterIP")]
        )
    else:
        evidence = {key: spec.get(key) for key in ("clusterIP", "ipFamily")}
        holds = holds and spec.get("ipFamily") == family
    given = ", ".join(f"{key} {value}" for key, value in evidence.items())
    judge(subject, holds, family=family, cause=f"not {family} alone: {given}", **evidence)


def _created(board: Board, name: str) -> ObjectSeen:
    """Return the Service; where none could be made (a quota, a policy), families are not the reason."""
    services = board.wait(Services.created).objects
    if all(each.spec is None for each in services.values()):
        raise CannotJudge(f"no Service could be made: {services[name].error}")
    return services[name]


def _spec(service: ObjectSeen) -> dict[str, Any]:
    if service.spec is None:
        raise CannotJudge(f"service {service.name} was not created: {service.error}")
    return service.spec


def _is(spec: dict[str, Any], family: Family) -> bool:
    address = spec.get("clusterIP")
    return isinstance(address, str) and address not in ("", "None") and family_of(address) is family
