"""Wait for external addresses, and call them from the machine that runs the suite."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from dualstack.cluster.errors import ApiError
from dualstack.conduct.stage import Stage
from dualstack.conduct.topics import LoadBalancers, LoadBalancerSeen, Paths, Services, ServiceSeen
from dualstack.family import FAMILIES, Family, family_of
from dualstack.probes import from_runner, rounds
from dualstack.probes.observation import RUNNER, Observation
from dualstack.scenario.manifests import SERVICE_PORT
from dualstack.verdict.judge import CannotJudge

POLL_SECONDS = 0.2
UNNOTICED_SECONDS = 20.0
"""A controller leaves a trace (event, finalizer, annotation) within seconds; without one there is none."""
LAG_SECONDS, LAG_FACTOR = 15.0, 5.0
"""Once one balancer has its address, the others get this long, or so many times what that one took."""
TRIES = 5
OUR_PREFIX = "dualstack-conformance/"


def wait_for(stage: Stage, services: Services) -> LoadBalancers:
    """The load balancers when all have addresses, or waiting on has no sense. Raises Stopped, ApiError."""
    asked = {name: services.services[name] for name in stage.plan.load_balancers}
    found: dict[str, tuple[dict[str, Any], float]] = {}
    live: dict[str, dict[str, Any]] = {}
    start = min((stage.asked_at[name] for name in asked if name in stage.asked_at), default=stage.started)
    hoped_for = {name for name, service in asked.items() if service.spec is not None}
    path = f"/api/v1/namespaces/{stage.owner.namespace}/services"
    while hoped_for - set(found):
        live = {item["metadata"]["name"]: item for item in stage.cluster.list(path)}
        for name in hoped_for - set(found):
            if _ingress(live.get(name, {})):
                found[name] = (live[name], time.monotonic() - start)
        if not hoped_for - set(found) or _in_vain(stage, live, found, time.monotonic() - start):
            break
        stage.pause(POLL_SECONDS)
    waited = time.monotonic() - start
    events = _events(stage) if hoped_for - set(found) else {}
    return LoadBalancers(
        load_balancers={
            name: _seen(service, live.get(name, {}), found.get(name), events.get(name, []), waited)
            for name, service in asked.items()
        }
    )


def reach(stage: Stage, balancers: LoadBalancers) -> Paths:
    """Call every external address from here, one thread a family: this machine may lack one of them.

    Returns late, like everything that needs the topic `tcp`.
    """
    aims = [
        (name, address)
        for name, balancer in balancers.load_balancers.items()
        for address in balancer.addresses
    ]
    with ThreadPoolExecutor(len(FAMILIES)) as pool:
        parts = pool.map(
            lambda family: _reach_family(stage, [aim for aim in aims if family_of(aim[1]) is family]),
            FAMILIES,
        )
        return Paths(observations=tuple(observation for part in parts for observation in part))


def _reach_family(stage: Stage, addresses: list[tuple[str, str]]) -> list[Observation]:
    """First until it answers, then TRIES times more: these are the ones that are judged.

    In between pods must have been called directly: a backend counts as ready when its container has started,
    a moment before its server listens, and one that is refused in that moment says nothing about a balancer.
    """
    first = [_aim(name, address, 1) for name, address in addresses]
    rounds.run(first, from_runner.execute, bound=stage.profile.timeouts.services, clock=time.monotonic)
    with suppress(CannotJudge):
        stage.board.wait("tcp", Paths)
    observations = []
    for aim in first:
        since = stage.asked_at.get(aim.target, stage.started)
        observation = aim.observation(since)
        if observation.reached:
            again = _aim(aim.target, str(aim.address), TRIES)
            rounds.once([again], from_runner.execute, clock=time.monotonic)
            counted = again.observation(since)
            observation = observation.model_copy(
                update={
                    "requests": counted.requests,
                    "answered": counted.answered,
                    "answered_by": counted.answered_by,
                    "clients_seen": counted.clients_seen,
                    "error": counted.error,
                }
            )
        observations.append(observation)
    return observations


def _aim(name: str, address: str, tries: int) -> rounds.Aim:
    return rounds.Aim(
        path="load-balancer",
        source=RUNNER,
        target=name,
        family=family_of(address),
        address=address,
        port=SERVICE_PORT,
        names_a_round=tries,
    )


def _in_vain(
    stage: Stage, live: dict[str, Any], found: dict[str, tuple[dict[str, Any], float]], elapsed: float
) -> bool:
    """Whether waiting any longer has no sense."""
    if elapsed > stage.profile.timeouts.load_balancer:
        return True
    if found:
        slowest = max(seconds for _, seconds in found.values())
        return elapsed > slowest + max(LAG_SECONDS, LAG_FACTOR * slowest)
    optional = stage.profile.promises.load_balancer == "if-present"
    if not optional or elapsed < UNNOTICED_SECONDS:
        return False
    return not any(_traces(item) for item in live.values()) and not _events(stage)


def _ingress(item: dict[str, Any]) -> list[dict[str, str]]:
    ingress: list[dict[str, str]] = item.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    return ingress


def _traces(item: dict[str, Any]) -> bool:
    """Whether a controller has written on the object: a finalizer, or an annotation that is not ours."""
    metadata = item.get("metadata", {})
    foreign = [key for key in metadata.get("annotations", {}) if not key.startswith(OUR_PREFIX)]
    return item.get("spec", {}).get("type") == "LoadBalancer" and bool(metadata.get("finalizers") or foreign)


def _events(stage: Stage) -> dict[str, list[str]]:
    """What controllers said of each Service, by its name; nothing where events may not be read."""
    try:
        events = stage.cluster.list(f"/api/v1/namespaces/{stage.owner.namespace}/events")
    except ApiError:
        return {}
    told: dict[str, list[str]] = {}
    for event in events:
        if event.get("involvedObject", {}).get("kind") == "Service":
            text = f"{event.get('reason')}: {event.get('message')}"
            told.setdefault(event["involvedObject"]["name"], []).append(text)
    return told


def _seen(
    service: ServiceSeen,
    item: dict[str, Any],
    found: tuple[dict[str, Any], float] | None,
    events: list[str],
    waited: float,
) -> LoadBalancerSeen:
    ingress = _ingress(found[0]) if found else []
    return LoadBalancerSeen(
        name=service.name,
        family=Family.V6 if "ipv6" in service.name else Family.V4,
        service=service,
        addresses=tuple(each["ip"] for each in ingress if "ip" in each),
        hostnames=tuple(each["hostname"] for each in ingress if "hostname" in each),
        seconds=round(found[1], 3) if found else None,
        waited=round(waited, 3),
        noticed=bool(found or events or _traces(item)),
        events=tuple(events),
    )
