"""What runs on the cluster already, read only: what a switch from one family to two has left behind.

A finding names an object of somebody else's and the command that mends it; all that is well is one finding a
namespace.
"""

from collections import Counter
from collections.abc import Iterable

from dualstack.family import FAMILIES, Family
from dualstack.scenario.board import Board
from dualstack.scenario.workloads import ObjectName, ServiceFacts, Workloads
from dualstack.scenarios.workloads import Existing
from dualstack.survey.model import Survey, of_family, same_address
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import CannotJudge, Judge
from dualstack.verdict.words import Level, Tier

DUAL_STACK = "https://kubernetes.io/docs/concepts/services-networking/dual-stack/"
RESTARTED = ("deployment", "statefulset", "daemonset")
"""Kinds that `kubectl rollout restart` knows."""
LOAD_BALANCER = "LoadBalancer"


@behaviour(
    Behaviour(
        id="existing-pods",
        level=Level.SHOULD,
        tier=Tier.READ,
        claim="Every running pod in the cluster has addresses of both families.",
        source="https://kubernetes.io/docs/tasks/network/validate-dual-stack/#validate-pod-addressing",
        remedy="Recreate pods that are older than the switch to dual stack: a pod's addresses never change. "
        "The worklist has the commands.",
    ),
    needs=(Existing,),
)
def test_existing_pods(board: Board, judge: Judge) -> None:
    workloads = _read(board, "pods", judge)
    well: Counter[str] = Counter()
    for group in workloads.pods:
        missing = [family for family in FAMILIES if family not in group.families]
        if not missing:
            well[group.owner.namespace] += group.count
        for family in missing:
            judge(
                str(group.owner),
                False,
                family=family,
                cause=f"running pods of it have no {family} address",
                remedy=_recreate(group.owner),
                object=group.owner.model_dump(),
                pods=group.count,
                oldest=group.oldest,
            )
    _judge_well(judge, well, "pods")


@behaviour(
    Behaviour(
        id="existing-host-pods",
        level=Level.SHOULD,
        tier=Tier.READ,
        since="1.20",
        reads=("nodes",),
        claim="Every running pod in its node's network has the node's present addresses, of each family.",
        source="https://kubernetes.io/docs/concepts/services-networking/dual-stack/#features",
        remedy="Recreate the pod: it was made when the node had other addresses, where Services still lead.",
    ),
    needs=(Existing,),
)
def test_existing_host_pods(board: Board, survey: Survey, judge: Judge) -> None:
    nodes = {node.name: node.internal_ips for node in survey.nodes}
    well: Counter[str] = Counter()
    for pod in _read(board, "pods", judge).host_pods:
        if pod.node not in nodes:
            continue  # it came or left meanwhile
        for family in FAMILIES:
            of_node, own = of_family(nodes[pod.node], family), of_family(pod.addresses, family)
            current = all(any(same_address(ip, each) for each in of_node) for ip in own)
            if current and bool(own) == bool(of_node):
                well[pod.node] += family is Family.V4
                continue
            judge(
                f"{pod.owner} on {pod.node}",
                False,
                family=family,
                target=pod.node,
                cause=f"it has {', '.join(own) or f'no {family} address'}, and its node has "
                f"{', '.join(of_node) or 'none'}",
                remedy=_recreate(pod.owner),
                object=pod.owner.model_dump(),
            )
    for node, count in sorted(well.items()):
        judge(f"pods in the network of {node}", True, cause="", pods=count)
    if not well and not judge.findings:
        raise CannotJudge("no running pod is in its node's network")


@behaviour(
    Behaviour(
        id="endpoint-parity",
        both_families=True,
        level=Level.SHOULD,
        tier=Tier.READ,
        since="1.20",
        claim="Every Service of both families has as many ready endpoints in one as in the other.",
        source="https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/",
        remedy="Recreate the pods behind the Service that have one family only: clients of the other reach "
        "fewer of them, or none.",
    ),
    needs=(Existing,),
)
def test_endpoint_parity(board: Board, judge: Judge) -> None:
    well: Counter[str] = Counter()
    for service in _services(board, judge):
        if len(service.families) < 2 or not service.selects:
            continue
        ready = {family: service.ready.get(family, 0) for family in FAMILIES}
        if len(set(ready.values())) == 1:
            well[service.owner.namespace] += 1
            continue
        fewer = min(FAMILIES, key=lambda family: ready[family])
        counts = " and ".join(f"{count} in {family}" for family, count in ready.items())
        judge(
            str(service.owner),
            False,
            family=fewer,
            cause=f"ready endpoints: {counts}",
            object=service.owner.model_dump(),
            ready={family.value: count for family, count in ready.items()},
        )
    _judge_well(judge, well, "services")


@behaviour(
    Behaviour(
        id="service-drift",
        level=Level.SHOULD,
        tier=Tier.READ,
        since="1.20",
        claim="Every Service is what it asks to be: it has both families where it takes both, slices of its "
        "own families only, and, as a load balancer of both, sources of both.",
        source=f"{DUAL_STACK}#switching-services-between-single-stack-and-dual-stack",
        remedy="Patch the named Service: what was made before the switch keeps what it had then. The "
        "worklist has the commands.",
    ),
    needs=(Existing,),
)
def test_service_drift(board: Board, survey: Survey, judge: Judge) -> None:
    ranges = survey.service_ranges
    on_offer = tuple(family for family in FAMILIES if not ranges or of_family(ranges, family))
    well: Counter[str] = Counter()
    for service in _services(board, judge):
        found = [*_drift(service, on_offer)]
        well[service.owner.namespace] += not found
        for family, cause, remedy in found:
            judge(
                str(service.owner),
                False,
                family=family,
                cause=cause,
                remedy=remedy,
                object=service.owner.model_dump(),
                policy=service.policy,
                families=[each.value for each in service.families],
            )
    _judge_well(judge, +well, "services")


def _drift(service: ServiceFacts, on_offer: tuple[Family, ...]) -> Iterable[tuple[Family, str, str | None]]:
    """Yield what a Service is not, and what mends it; `on_offer` are the families of the service ranges."""
    missing = [family for family in FAMILIES if family not in service.families]
    if service.policy in ("PreferDualStack", "RequireDualStack") and service.families:
        both = ",".join(f'"{family}"' for family in (*service.families, *missing))
        patch = _kubectl(service.owner, f"patch service/{service.owner.name} --type=merge -p")
        for family in (each for each in missing if each in on_offer):
            yield (
                family,
                f"its policy is {service.policy}, and it has no {family} address",
                f'{patch} \'{{"spec":{{"ipFamilies":[{both}]}}}}\'',
            )
    for family in missing if service.selects else ():
        if service.ready.get(family):
            look = f"describe service/{service.owner.name}"
            yield (
                family,
                f"its {family} slices list {service.ready[family]} endpoints, and it has no such address",
                f"{_kubectl(service.owner, look)} (then delete its {family} slices)",
            )
    if service.type == LOAD_BALANCER and service.source_ranges and not missing:
        networks = tuple(each.partition("/")[0] for each in service.source_ranges)
        for family in FAMILIES:
            if not of_family(networks, family):
                yield (
                    family,
                    f"sources are let in by {', '.join(service.source_ranges)}, none of which is {family}: "
                    f"whether all of {family} or nobody may come is the balancer's own matter",
                    None,
                )


def _read(board: Board, what: str, judge: Judge) -> Workloads:
    """Return what was read, and record what was not. Raises CannotJudge if nothing was."""
    workloads = board.wait(Existing.seen)
    if why := workloads.unread.get(what):
        raise CannotJudge(why)
    if closed := workloads.closed.get(what):
        names = [each.model_dump() for each in closed]
        judge.cannot(f"{what} of {len(closed)} namespaces", "they may not be read", namespaces=names)
    return workloads


def _services(board: Board, judge: Judge) -> tuple[ServiceFacts, ...]:
    _read(board, "endpointslices", judge)
    return _read(board, "services", judge).services


def _judge_well(judge: Judge, well: Counter[str], what: str) -> None:
    """Record the rest, a finding a namespace; that there is nothing at all is no break."""
    for namespace, count in sorted(well.items()):
        name = ObjectName(kind="namespace", namespace=namespace, name=namespace)
        judge(f"other {what} in namespace {namespace}", True, cause="", count=count, object=name.model_dump())
    if not judge.findings:
        raise CannotJudge(f"there are no {what} to judge but the suite's own")


def _recreate(owner: ObjectName) -> str:
    if owner.kind in RESTARTED:
        return _kubectl(owner, f"rollout restart {owner.kind}/{owner.name}")
    if owner.kind == "pod":
        return f"{_kubectl(owner, f'delete pod/{owner.name}')} (nothing makes it again: keep its manifest)"
    return f"{_kubectl(owner, f'get {owner.kind}/{owner.name}')} (then recreate its pods)"


def _kubectl(owner: ObjectName, words: str) -> str:
    return f"kubectl -n {owner.namespace} {words}"
