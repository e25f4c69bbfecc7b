"""Services of both families: what the API server gives, keeps and refuses (KEP-563, from 1.20 on)."""

from collections.abc import Iterable
from typing import Any

from dualstack.family import FAMILIES, Family, family_of
from dualstack.scenario.attempts import Attempt, Attempts, AttemptSeen, AttemptsSeen
from dualstack.scenario.board import Board
from dualstack.scenario.create import Created
from dualstack.scenario.explicit import ExplicitAddresses
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import ObjectSeen
from dualstack.scenarios.cluster_ips import Services
from dualstack.survey.model import same_address
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Level, Tier

DUAL_STACK = "https://kubernetes.io/docs/concepts/services-networking/dual-stack/"
SINCE = "1.20"
FIELDS = ("ipFamilyPolicy", "ipFamilies", "clusterIPs")
ORDERS = {"service-dual-v4-first": (Family.V4, Family.V6), "service-dual-v6-first": (Family.V6, Family.V4)}
RANGES = (
    "Give the API server and the controller manager a range of each family: --service-cluster-ip-range=A,B."
)
POLICIES = "Look for an admission policy or a controller that sets ipFamilyPolicy or ipFamilies of Services."


class ServiceFamilies(Scenario):
    """Services that ask for both families in every way there is."""

    id = "service-families"
    manifests = ("service-families",)
    created = Created()
    refused = Attempts(
        Attempt(
            "two families without a policy", "service-dual-v4-first", {"ipFamilyPolicy": None}, as_new=True
        ),
        Attempt(
            "the same family twice",
            "service-dual-v4-first",
            {"ipFamilies": ["IPv6", "IPv6"]},
            as_new=True,
        ),
        Attempt(
            "another primary family",
            "service-dual-v4-first",
            {"ipFamilies": ["IPv6", "IPv4"], "clusterIPs": None, "clusterIP": None},
            dry_run=True,
        ),
        Attempt(
            "one family fewer under a policy for both",
            "service-dual-v4-first",
            {"ipFamilies": ["IPv4"]},
            dry_run=True,
        ),
        Attempt(
            "a ClusterIP of the other family",
            "service-dual-v4-first",
            {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack", "clusterIP": "192.0.2.1"},
            as_new=True,
        ),
    )
    explicit = ExplicitAddresses("service-dual-v4-first")


class ServiceChanges(Scenario):
    """A Service that gains a family, and one that loses it."""

    id = "service-changes"
    manifests = ("service-changes",)
    created = Created()
    upgraded = Attempts(Attempt("both families", "service-upgrade", {"ipFamilyPolicy": "PreferDualStack"}))
    downgraded = Attempts(Attempt("one family", "service-downgrade", {"ipFamilyPolicy": "SingleStack"}))


class ExternalName(Scenario):
    """A Service that is a name, a ClusterIP for a time, and a name again."""

    id = "external-name"
    manifests = ("service-external-name",)
    created = Created()
    renamed = Attempts(
        Attempt(
            "a ClusterIP after a name", "service-external-name", {"type": "ClusterIP", "externalName": None}
        ),
        Attempt(
            "a name after a ClusterIP",
            "service-external-name",
            {"type": "ExternalName", "externalName": "nowhere.invalid"},
        ),
    )


@behaviour(
    Behaviour(
        id="service-dual-v4-first",
        both_families=True,
        level=Level.MUST,
        tier=Tier.PODS,
        since=SINCE,
        claim="A Service that requires both families, IPv4 first, gets a ClusterIP of each in that order.",
        source=f"{DUAL_STACK}#services",
        remedy=RANGES,
    ),
    needs=(Services, ServiceFamilies),
)
def test_service_dual_v4_first(board: Board, judge: Judge) -> None:
    _judge_created(board, "service-dual-v4-first", judge)


@behaviour(
    Behaviour(
        id="service-dual-v6-first",
        both_families=True,
        level=Level.MUST,
        tier=Tier.PODS,
        since=SINCE,
        claim="A Service that requires both families, IPv6 first, gets a ClusterIP of each in that order.",
        source=f"{DUAL_STACK}#services",
        remedy=RANGES,
    ),
    needs=(Services, ServiceFamilies),
)
def test_service_dual_v6_first(board: Board, judge: Judge) -> None:
    _judge_created(board, "service-dual-v6-first", judge)


@behaviour(
    Behaviour(
        id="service-prefer-dual",
        level=Level.MUST,
        tier=Tier.PODS,
        since=SINCE,
        claim="A Service that prefers both families gets a ClusterIP of each, the default family's first.",
        source=f"{DUAL_STACK}#dual-stack-options-on-new-services",
        remedy=RANGES,
    ),
    needs=(Services, ServiceFamilies),
)
def test_service_prefer_dual(board: Board, judge: Judge) -> None:
    service = _created(board, "service-prefer-dual")
    _judge_families(board, judge, service.name, service.spec, service.error, _default_first(board))


@behaviour(
    Behaviour(
        id="service-headless",
        both_families=True,
        level=Level.MUST,
        tier=Tier.PODS,
        since=SINCE,
        claim="A headless Service has both families where it requires them, and without a selector unasked.",
        source=f"{DUAL_STACK}#headless-services-without-selector",
        remedy=POLICIES,
    ),
    needs=(Services, ServiceFamilies),
)
def test_service_headless(board: Board, judge: Judge) -> None:
    order = _default_first(board)
    for name in ("service-headless", "service-headless-bare"):
        service = _created(board, name)
        _judge_families(board, judge, name, service.spec, service.error, order, headless=True)


@behaviour(
    Behaviour(
        id="service-policy-upgrade",
        both_families=True,
        level=Level.MUST,
        tier=Tier.PODS,
        since=SINCE,
        claim="A Service of one family that then prefers both gets the other one, and keeps its ClusterIP "
        "and its node ports.",
        source=f"{DUAL_STACK}#changing-services-from-single-stack-to-dual-stack",
        remedy=POLICIES,
    ),
    needs=(Services, ServiceChanges),
)
def test_service_policy_upgrade(board: Board, judge: Judge) -> None:
    attempt = board.wait(ServiceChanges.upgraded).of("both families")
    _judge_families(
        board, judge, attempt.service, attempt.spec, attempt.error, _own_first(_before(board, attempt))
    )
    _judge_kept(board, attempt, judge)


@behaviour(
    Behaviour(
        id="service-policy-downgrade",
        both_families=True,
        level=Level.MUST,
        tier=Tier.PODS,
        since=SINCE,
        claim="A Service of both families that then asks for one keeps its first ClusterIP and its node "
        "ports, and loses the other family.",
        source=f"{DUAL_STACK}#changing-services-from-dual-stack-to-single-stack",
        remedy=POLICIES,
    ),
    needs=(Services, ServiceChanges),
)
def test_service_policy_downgrade(board: Board, judge: Judge) -> None:
    attempt = board.wait(ServiceChanges.downgraded).of("one family")
    _judge_families(
        board, judge, attempt.service, attempt.spec, attempt.error, _own_first(_before(board, attempt))[:1]
    )
    _judge_kept(board, attempt, judge)


@behaviour(
    Behaviour(
        id="service-invalid-rejected",
        both_families=True,
        level=Level.MUST,
        tier=Tier.PODS,
        since=SINCE,
        claim="The API server refuses Services whose families contradict their policy, their primary family "
        "or their addresses.",
        source=f"{DUAL_STACK}#services",
        remedy="Look for an admission policy that changes Services before they are validated.",
    ),
    needs=(ServiceFamilies,),
)
def test_service_invalid_rejected(board: Board, judge: Judge) -> None:
    for attempt in judge.each(board.wait(ServiceFamilies.refused).attempts, "requests"):
        judge(
            attempt.what,
            attempt.error is not None,
            cause=f"the API server takes it: {_in_words(attempt.spec)}",
            error=attempt.error,
        )


@behaviour(
    Behaviour(
        id="service-external-name",
        level=Level.SHOULD,
        tier=Tier.PODS,
        since=SINCE,
        claim="A Service of type ExternalName has no families; it gets the default one when it becomes a "
        "ClusterIP, and drops it when it is a name again.",
        source=f"{DUAL_STACK}#services",
        remedy=POLICIES,
    ),
    needs=(Services, ExternalName),
)
def test_service_external_name(board: Board, judge: Judge) -> None:
    created = board.wait(ExternalName.created).objects["service-external-name"]
    others = board.wait(Services.created).objects.values()
    if created.refused and all(each.spec is None for each in others):
        raise CannotJudge(f"no Service could be made: {created.error}")
    if created.refused:
        judge(f"service {created.name}", False, cause=f"the API server refuses it: {created.error}")
        return
    seen = board.wait(ExternalName.renamed)
    attempt = seen.of("a ClusterIP after a name")
    order = _default_first(board)[:1]
    _judge_families(board, judge, attempt.service, attempt.spec, attempt.error, order, when="as a ClusterIP")
    back = seen.of("a name after a ClusterIP")
    for when, spec, error in (("at first", created.spec, None), ("as a name again", back.spec, back.error)):
        judge(
            f"service {created.name} {when}",
            spec is not None and not any(spec.get(field) for field in FIELDS),
            cause=f"the API server refuses it: {error}" if error else f"it still has {_in_words(spec)}",
            **_evidence(spec),
        )


@behaviour(
    Behaviour(
        id="service-explicit-cluster-ips",
        both_families=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        since=SINCE,
        claim="A Service gets the two ClusterIPs that it names, in their order, and the families of these.",
        source=f"{DUAL_STACK}#services",
        remedy=POLICIES,
    ),
    needs=(ServiceFamilies,),
)
def test_service_explicit_cluster_ips(board: Board, judge: Judge) -> None:
    seen: AttemptsSeen = board.wait(ServiceFamilies.explicit)
    for attempt in judge.each(seen.attempts, "requests"):
        given = (attempt.spec or {}).get("clusterIPs") or []
        assert isinstance(given, list)
        judge(
            attempt.what,
            len(given) == len(attempt.asked) and all(map(same_address, map(str, given), attempt.asked)),
            cause=f"asked for {', '.join(attempt.asked)}: {attempt.error or _in_words(attempt.spec)}",
            asked=list(attempt.asked),
            error=attempt.error,
            **_evidence(attempt.spec),
        )


def _judge_created(board: Board, name: str, judge: Judge) -> None:
    service = _created(board, name)
    _judge_families(board, judge, name, service.spec, service.error, ORDERS[name])


def _created(board: Board, name: str) -> ObjectSeen:
    """Return a Service that the API server made, or found invalid."""
    service = board.wait(ServiceFamilies.created).objects[name]
    if service.spec is None and not service.refused:
        raise CannotJudge(f"service {name} was not created: {service.error}")
    return service


def _judge_families(
    board: Board,
    judge: Judge,
    name: str,
    spec: dict[str, Any] | None,
    error: str | None,
    order: tuple[Family, ...],
    *,
    headless: bool = False,
    when: str = "",
) -> None:
    """Judge, for each family, that a Service has it at its place in the order, or has it not."""
    refused = [family for family in FAMILIES if _alone(board, family).refused]
    spec = spec or {}
    families, addresses = spec.get("ipFamilies") or [], spec.get("clusterIPs") or []
    for family in FAMILIES:
        if family not in order and family not in families:
            continue
        place = order.index(family) if family in order else len(families)
        holds = families[place : place + 1] == [family]
        if headless:
            holds = holds and addresses == ["None"]
        else:
            holds = holds and [family_of(each) for each in addresses[place : place + 1]] == [family]
        subject = f"service {name} {when}".strip()
        if not holds and (family in refused or (error and refused)):
            why = f"Services of {refused[0]} alone are refused, too (see {_alone(board, refused[0]).name})"
            judge.cannot(subject, why, family=family)
            continue
        judge(
            subject,
            holds,
            family=family,
            cause=f"the API server refuses it: {error}"
            if error
            else f"not {' and '.join(order)}: {_in_words(spec)}",
            error=error,
            **_evidence(spec),
        )


def _alone(board: Board, family: Family) -> ObjectSeen:
    """Return the Service that asks for one family alone."""
    return board.wait(Services.created).objects[f"service-{family.value.lower()}"]


def _before(board: Board, attempt: AttemptSeen) -> ObjectSeen:
    return board.wait(ServiceChanges.created).objects[attempt.service]


def _judge_kept(board: Board, attempt: AttemptSeen, judge: Judge) -> None:
    """Judge that a change has left the first ClusterIP and the node ports as they were."""
    before = _before(board, attempt).spec
    if before is None or attempt.spec is None:
        return
    first, now = _lasting(before), _lasting(attempt.spec)
    judge(
        f"what service {attempt.service} keeps",
        first == now,
        cause=f"it was {first}, and is {now}",
        before=first,
        now=now,
    )


def _lasting(spec: dict[str, Any]) -> str:
    ports = ", ".join(str(port.get("nodePort")) for port in spec.get("ports") or [])
    return f"ClusterIP {spec.get('clusterIP')} with node ports {ports}"


def _default_first(board: Board) -> tuple[Family, ...]:
    """Return both families, that of a Service which asks for none first (see service-default-family)."""
    return _own_first(board.wait(Services.created).objects["service-default"])


def _own_first(created: ObjectSeen) -> tuple[Family, ...]:
    """Return both families, that of the Service's first ClusterIP first."""
    if not created.cluster_ips:
        raise CannotJudge(f"service {created.name} was not created: {created.error}")
    first = family_of(created.cluster_ips[0])
    return (first, *(family for family in FAMILIES if family is not first))


def _evidence(spec: dict[str, Any] | None) -> dict[str, Any]:
    return {field: (spec or {}).get(field) for field in FIELDS}


def _in_words(spec: dict[str, Any] | None) -> str:
    parts: Iterable[str] = (f"{key} {value}" for key, value in _evidence(spec).items())
    return ", ".join(parts)
