"""Wait for external addresses of load balancers."""

import time
from typing import Any

from dualstack.cluster.permissions import Permission
from dualstack.family import Family
from dualstack.scenario.pods import events_of
from dualstack.scenario.seen import ObjectSeen, Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import LIST_EVENTS, Needs, Step
from dualstack.survey.model import of_family

POLL_SECONDS = 0.2
UNNOTICED_SECONDS = 20.0
"""A controller leaves a trace (event, finalizer, annotation) within seconds; without one there is none."""
LAG_SECONDS, LAG_FACTOR = 15.0, 5.0
"""Once one balancer has its address, the others get this long, or so many times what that one took."""
OUR_PREFIX = "dualstack-conformance/"
Found = dict[str, tuple[dict[str, Any], float]]


class LoadBalancerSeen(Seen):
    """A Service of type LoadBalancer after waiting."""

    name: str
    families: tuple[Family, ...]
    """The families that were asked for."""
    service: ObjectSeen
    addresses: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    seconds: float | None = None
    """From asking until the first address; None if there was none."""
    waited: float = 0.0
    noticed: bool = False
    """A controller left a trace: an address, a finalizer, an annotation or an event."""
    events: tuple[str, ...] = ()

    @property
    def has_ipv6(self) -> bool:
        """Whether it has an external IPv6 address."""
        return bool(of_family(self.addresses, Family.V6))


class LoadBalancers(Seen):
    """Every load balancer of the scenario, by name."""

    load_balancers: dict[str, LoadBalancerSeen]

    def only(self, family: Family) -> list[LoadBalancerSeen]:
        """Return those of one family alone, one with an address first: who gets the only one is chance."""
        alone = [each for each in self.load_balancers.values() if each.families == (family,)]
        return sorted(alone, key=lambda each: not of_family(each.addresses, family))


class Addresses(Step[LoadBalancers]):
    """Wait until each Service of type LoadBalancer has an address, or there is no point in waiting."""

    result = LoadBalancers

    def needs(self, site: Site) -> Needs:
        """Need to see Services, and events to tell whether a controller acts on them."""
        permissions = (Permission("list", "", "services"), LIST_EVENTS)
        return Needs(permissions=permissions, seconds=site.profile.timeouts.load_balancer)

    def run(self, stage: Stage) -> LoadBalancers:
        """Return what each was given. Raises Stopped, ApiError."""
        names = [body["metadata"]["name"] for body in stage.site.objects(self.scenario.manifests)]
        services = {name: stage.objects[name] for name in names}
        found: Found = {}
        live: dict[str, dict[str, Any]] = {}
        start = min((stage.asked_at[name] for name in names if name in stage.asked_at), default=stage.started)
        expected = {name for name, service in services.items() if service.spec is not None}
        path = f"/api/v1/namespaces/{stage.owner.namespace}/services"
        while expected - set(found):
            listed = stage.cluster.list(path)
            live = {item["metadata"]["name"]: item for item in listed if item["metadata"]["name"] in services}
            for name in expected - set(found):
                if _ingress(live.get(name, {})):
                    found[name] = (live[name], time.monotonic() - start)
            if not expected - set(found) or _in_vain(stage, live, found, time.monotonic() - start):
                break
            stage.pause(POLL_SECONDS)
        waited = time.monotonic() - start
        events = events_of(stage, "Service") if expected - set(found) else {}
        stage.milestone("load-balancers", f"{len(found)} of {len(names)} load balancers have an address")
        return LoadBalancers(
            load_balancers={
                name: _seen(service, live.get(name, {}), found.get(name), events.get(name, []), waited)
                for name, service in services.items()
            }
        )


def _in_vain(stage: Stage, live: dict[str, Any], found: Found, elapsed: float) -> bool:
    """Return whether there is no point in waiting any longer."""
    profile = stage.site.profile
    if elapsed > profile.timeouts.load_balancer:
        return True
    if found:
        slowest = max(seconds for _, seconds in found.values())
        return elapsed > slowest + max(LAG_SECONDS, LAG_FACTOR * slowest)
    optional = profile.promises.load_balancer == "if-present"
    if not optional or elapsed < UNNOTICED_SECONDS:
        return False
    return not any(_traces(item) for item in live.values()) and not events_of(stage, "Service")


def _ingress(item: dict[str, Any]) -> list[dict[str, str]]:
    ingress: list[dict[str, str]] = item.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    return ingress


def _traces(item: dict[str, Any]) -> bool:
    """Return whether a controller wrote on the object: a finalizer, or an annotation that is not ours."""
    metadata = item.get("metadata", {})
    foreign = [key for key in metadata.get("annotations", {}) if not key.startswith(OUR_PREFIX)]
    return item.get("spec", {}).get("type") == "LoadBalancer" and bool(metadata.get("finalizers") or foreign)


def _seen(
    service: ObjectSeen,
    item: dict[str, Any],
    found: tuple[dict[str, Any], float] | None,
    events: list[str],
    waited: float,
) -> LoadBalancerSeen:
    ingress = _ingress(found[0]) if found else []
    return LoadBalancerSeen(
        name=service.name,
        families=service.families,
        service=service,
        addresses=tuple(each["ip"] for each in ingress if "ip" in each),
        hostnames=tuple(each["hostname"] for each in ingress if "hostname" in each),
        seconds=round(found[1], 3) if found else None,
        waited=round(waited, 3),
        noticed=bool(found or events or _traces(item)),
        events=tuple(events),
    )
