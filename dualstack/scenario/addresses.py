"""Wait for external addresses of load balancers.

Waiting ends when each Service has an address, or at the profile's bound. It ends earlier only with a reason:
nobody left a trace (a finalizer, an annotation, a condition or an event of a balancer) on the object itself.
"""

import re
import time
from typing import Any

from pydantic import Field

from dualstack.cluster.permissions import Permission
from dualstack.family import FAMILIES, Family
from dualstack.scenario.events import Event, events_about
from dualstack.scenario.resolve import Resolved, resolve
from dualstack.scenario.seen import ObjectSeen, Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import LIST_EVENTS, Needs, Step
from dualstack.survey.model import of_family

POLL_SECONDS, SLOW_POLL_SECONDS, SLOW_AFTER_SECONDS = 0.2, 2.0, 20.0
LAG_FACTOR = 5.0  # times what the slowest of the others took
BALANCERS = re.compile(r"load-?balanc|service-?lb|cloud|address|alloc|assign", re.I)
"""What events say in component or reason of those who balance or give addresses, whoever made the product.
Policy engines write events about Services too."""
Found = dict[str, tuple[dict[str, Any], float]]


class LoadBalancerSeen(Seen):
    """A Service of type LoadBalancer after waiting."""

    name: str
    families: tuple[Family, ...]
    """The families that were asked for."""
    service: ObjectSeen
    addresses: tuple[str, ...] = ()
    resolved: tuple[Resolved, ...] = ()
    """What the host names that it was given stand for, each family apart."""
    not_external: dict[str, str] = Field(default_factory=dict)
    """Addresses that can be no external ones, and why."""
    seconds: float | None = None
    """From asking until the first address; None if there was none."""
    waited: float = 0.0
    noticed: bool = False
    """A controller left a trace: an address, a finalizer, an annotation, a condition or an event."""
    events: tuple[str, ...] = ()

    @property
    def hostnames(self) -> tuple[str, ...]:
        """The host names that it was given."""
        return tuple(dict.fromkeys(each.name for each in self.resolved))

    @property
    def all_addresses(self) -> tuple[str, ...]:
        """Its external addresses, those behind host names too, each once."""
        names = (address for each in self.resolved for address in each.addresses)
        return tuple(dict.fromkeys(a for a in (*self.addresses, *names) if a not in self.not_external))

    def of(self, family: Family) -> list[str]:
        """Return its external addresses of a family."""
        return of_family(self.all_addresses, family)

    def unresolved(self, family: Family) -> str | None:
        """Return why nobody can say whether a host name has addresses of the family; None if it is known."""
        return next((each.trouble for each in self.resolved if each.family is family and each.trouble), None)


class LoadBalancers(Seen):
    """Every load balancer of the scenario, by name."""

    load_balancers: dict[str, LoadBalancerSeen]

    @property
    def external(self) -> dict[str, tuple[str, ...]]:
        """All external addresses, by Service."""
        return {name: each.all_addresses for name, each in self.load_balancers.items()}

    def only(self, family: Family) -> list[LoadBalancerSeen]:
        """Return those of one family alone, one with an address first: who gets the only one is chance."""
        alone = [each for each in self.load_balancers.values() if each.families == (family,)]
        return sorted(alone, key=lambda each: not each.of(family))


class Addresses(Step[LoadBalancers]):
    """Wait until each Service of type LoadBalancer has an address, or there is no point in waiting."""

    result = LoadBalancers

    def __init__(self, what: str = "load-balancers") -> None:
        """Declare it; `what`: the phase that ends with it."""
        self.what = what

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
        bound = stage.site.profile.timeouts.load_balancer
        with stage.waiting("external addresses of load balancers", bound):
            while expected - set(found):
                listed = stage.cluster.list(path)
                live = {
                    item["metadata"]["name"]: item for item in listed if item["metadata"]["name"] in services
                }
                elapsed = time.monotonic() - start
                for name in expected - set(found):
                    if _ingress(live.get(name, {})):
                        found[name] = (live[name], elapsed)
                waiting = {name: live.get(name, {}) for name in expected - set(found)}
                if not waiting or _in_vain(stage, waiting, services, found, elapsed):
                    break
                stage.pause(POLL_SECONDS if elapsed < SLOW_AFTER_SECONDS else SLOW_POLL_SECONDS)
        waited = time.monotonic() - start
        events = events_about(stage, "Service") if expected - set(found) else {}
        words = self.what.replace("-", " ")
        stage.milestone(self.what, f"{len(found)} of {len(names)} {words} have an address")
        return LoadBalancers(
            load_balancers={
                name: _seen(stage, service, live.get(name, {}), found.get(name), events.get(name, []), waited)
                for name, service in services.items()
            }
        )


def _in_vain(
    stage: Stage, waiting: dict[str, Any], services: dict[str, ObjectSeen], found: Found, elapsed: float
) -> bool:
    """Return whether there is no point in waiting any longer."""
    profile = stage.site.profile
    if elapsed > profile.timeouts.load_balancer:
        return True
    if found:
        slowest = max(seconds for _, seconds in found.values())
        patience = slowest + max(profile.timeouts.lag, LAG_FACTOR * slowest)
    elif profile.promises.load_balancer == "if-present":
        patience = profile.timeouts.unnoticed
    else:
        return False
    if elapsed < patience or any(_traces(item, services[name]) for name, item in waiting.items()):
        return False
    events = events_about(stage, "Service")
    return not any(_of_balancers(events.get(name, [])) for name in waiting)


def _ingress(item: dict[str, Any]) -> list[dict[str, str]]:
    ingress: list[dict[str, str]] = item.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    return ingress


def _traces(item: dict[str, Any], created: ObjectSeen) -> bool:
    """Return whether a controller wrote on the object what was not there when it had been created."""
    metadata, status = item.get("metadata", {}), item.get("status", {})
    added = {*metadata.get("annotations", {}), *metadata.get("finalizers", [])} - set(created.marks)
    return bool(added or status.get("conditions"))


def _of_balancers(events: list[Event]) -> list[Event]:
    return [each for each in events if BALANCERS.search(f"{each.component} {each.reason}")]


def _seen(
    stage: Stage,
    service: ObjectSeen,
    item: dict[str, Any],
    found: tuple[dict[str, Any], float] | None,
    events: list[Event],
    waited: float,
) -> LoadBalancerSeen:
    ingress = _ingress(found[0]) if found else []
    addresses = tuple(each["ip"] for each in ingress if each.get("ip"))
    names = [each["hostname"] for each in ingress if each.get("hostname")]
    resolved = tuple(resolve(name, family) for name in names for family in FAMILIES)
    reasons = {
        address: reason
        for address in (*addresses, *(a for each in resolved for a in each.addresses))
        if (reason := stage.site.inside.not_external(address))
    }
    return LoadBalancerSeen(
        name=service.name,
        families=service.families,
        service=service,
        addresses=addresses,
        resolved=resolved,
        not_external=reasons,
        seconds=round(found[1], 3) if found else None,
        waited=round(waited, 3),
        noticed=bool(found or _of_balancers(events) or _traces(item, service)),
        events=tuple(map(str, _of_balancers(events))),
    )
