"""Probe from pod to pod and from pod to ClusterIP, every planned pair, both families."""

import time
from collections.abc import Callable, Iterator

from dualstack.conduct.stage import Stage
from dualstack.conduct.topics import Paths, Pods, PodSeen, Services
from dualstack.family import FAMILIES, Family, family_of
from dualstack.probes import rounds
from dualstack.probes.observation import Observation
from dualstack.probes.observation import Path as PathKind
from dualstack.scenario import manifests

CANARY_SECONDS = 1.0  # the broken half is refused at once or stays silent; it need not be asked for long
NAMES_PER_BACKEND = 4  # `/hostname` requests a round; misses of a random spread go into the next round


def pod_to_pod(stage: Stage, pods: Pods) -> tuple[Paths, Paths]:
    """TCP and ping over every planned pair: (tcp, ping). One exec a source carries both."""
    clients, servers = pods.of(manifests.CLIENT), pods.of(manifests.SERVER)
    aims: list[rounds.Aim] = []
    hopeless: list[Observation] = []
    for source, target in stage.plan.pairs:
        for family in FAMILIES:
            for kind in ("tcp", "ping"):
                aim = _pair(kind, clients[source], servers[target], family)
                if isinstance(aim, rounds.Aim):
                    aims.append(aim)
                else:
                    hopeless.append(aim)
    start = time.monotonic()
    rounds.run(aims, stage.executor(clients), bound=stage.profile.timeouts.paths, clock=time.monotonic)
    seen = [*hopeless, *(aim.observation(start) for aim in aims)]
    tcp, ping = ([each for each in seen if each.path == kind] for kind in ("tcp", "ping"))
    return Paths(observations=tuple(tcp)), Paths(observations=tuple(ping))


def _pair(kind: PathKind, client: PodSeen, server: PodSeen, family: Family) -> rounds.Aim | Observation:
    """What to probe, or an observation at once where there is nothing to send to."""
    address = server.address(family) if server.running else None
    if address is None:
        return Observation(
            path=kind,
            source=client.node,
            target=server.node,
            family=family,
            source_address=client.address(family),
            error=f"the target pod has no {family} address" if server.running else None,
            blocked=None if server.running else f"no server pod runs on {server.node}: {server.trouble}",
        )
    return rounds.Aim(
        path=kind,
        source=client.node,
        target=server.node,
        family=family,
        source_address=client.address(family),
        address=address,
        port=manifests.HTTP_PORT if kind == "tcp" else None,
        wanted=frozenset([server.name]) if kind == "tcp" else frozenset(),
    )


def cluster_ips(stage: Stage, pods: Pods, services: Services) -> Paths:
    """Every ClusterIP from every node, until each backend has answered there, or can be reached in no way."""
    clients = pods.of(manifests.CLIENT)
    backends = [pod for pod in pods.of(manifests.SERVER).values() if pod.name in stage.plan.backends]
    aims = [
        aim
        for name in manifests.CLUSTER_IP_SERVICES
        for address in _addresses(services, name)
        for aim in _to_service(name, address, clients, backends)
    ]
    in_vain = _cut_off(stage, {pod.name: pod.node for pod in backends})
    return _probe_services(stage, aims, clients, stage.profile.timeouts.services, in_vain)


def _cut_off(stage: Stage, home: dict[str, str]) -> Callable[[rounds.Aim], bool]:
    """Whether all backends that a Service misses from a node do not answer that node directly either.

    `home`: each backend's node. Not before direct paths have been probed to their own end.
    """
    dead: set[tuple[str, str, Family]] | None = None

    def cut_off(aim: rounds.Aim) -> bool:
        nonlocal dead
        if dead is None and (direct := stage.board.peek("tcp", Paths)):
            lost = [each for each in direct.observations if not each.reached and not each.blocked]
            dead = {(each.source, each.target, each.family) for each in lost}
        missing = [home[name] for name in aim.wanted - set(aim.answered_by)]
        if dead is None or not missing:
            return False
        return dead.issuperset((aim.source, node, aim.family) for node in missing)

    return cut_off


def canaries(stage: Stage, pods: Pods, services: Services) -> Paths:
    """The two halves of the canary, from one node: one works, one is broken on purpose in IPv6.

    The working half is probed first, since its answer says that rules for new Services have arrived.
    """
    clients = {node: pod for node, pod in pods.of(manifests.CLIENT).items() if pod.running}
    first = dict(list(clients.items())[:1])
    backends = [pod for pod in pods.of(manifests.SERVER).values() if pod.name in stage.plan.backends]
    seen: list[Observation] = []
    for name, bound in zip(
        manifests.CANARIES, (stage.profile.timeouts.services, CANARY_SECONDS), strict=True
    ):
        aims = [
            aim
            for address in _addresses(services, name)
            for aim in _to_service(name, address, first, backends)
        ]
        seen += _probe_services(stage, aims, first, bound).observations
    return Paths(observations=tuple(seen))


def _probe_services(
    stage: Stage,
    aims: list[rounds.Aim],
    clients: dict[str, PodSeen],
    bound: float,
    in_vain: Callable[[rounds.Aim], bool] = rounds.never,
) -> Paths:
    execute = stage.executor(clients)
    rounds.run(aims, execute, bound=bound, clock=time.monotonic, in_vain=in_vain)
    return Paths(
        observations=tuple(
            aim.observation(since=stage.asked_at.get(aim.target, stage.started)) for aim in aims
        )
    )


def _addresses(services: Services, name: str) -> list[str]:
    spec = (services.services[name].spec or {}) if name in services.services else {}
    plural, single = spec.get("clusterIPs"), spec.get("clusterIP")
    found = plural if isinstance(plural, list) else [single]
    return [str(address) for address in found if address and address != "None"]


def _to_service(
    name: str, address: str, clients: dict[str, PodSeen], backends: list[PodSeen]
) -> Iterator[rounds.Aim]:
    family = family_of(address)
    wanted = frozenset(pod.name for pod in backends if pod.running and pod.address(family))
    for node, client in clients.items():
        yield rounds.Aim(
            path="cluster-ip",
            source=node,
            target=name,
            family=family,
            source_address=client.address(family),
            address=address,
            port=manifests.SERVICE_PORT,
            wanted=wanted,
            names_a_round=NAMES_PER_BACKEND * max(1, len(wanted)),
            blocked=None if wanted else f"no backend has an {family} address",
            given_up=not wanted,
        )
