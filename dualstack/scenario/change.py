"""Change a Service that is, or becomes, a load balancer, and wait for what its controller makes of it.

The wait is bounded by what other load balancers took, which is known by then: without any of them there is
no point in waiting.
"""

import time
from typing import Any

from pydantic import JsonValue

from dualstack.cluster.errors import ApiError
from dualstack.cluster.permissions import Permission
from dualstack.family import FAMILIES, Family
from dualstack.scenario.addresses import LAG_FACTOR, LoadBalancers
from dualstack.scenario.board import NotSeen
from dualstack.scenario.events import events_about
from dualstack.scenario.pods import wait_until
from dualstack.scenario.seen import Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import LIST_EVENTS, Needs, Step
from dualstack.survey.model import of_family

LOAD_BALANCER = "LoadBalancer"


class IngressSeen(Seen):
    """A load balancer's ingress, some time after its Service was changed."""

    service: str
    cluster_ips: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    """Of its ClusterIPs: what is asked for."""
    addresses: tuple[str, ...] = ()
    hostnames: tuple[str, ...] = ()
    refused: str | None = None
    """Why the API server did not take the change, if so."""
    event: str | None = None
    """The last warning about it, where the ingress is not as asked."""
    seconds: float = 0.0
    """Until the ingress had the families asked for and no other, or waiting ended."""

    def of(self, family: Family) -> list[str]:
        """Return its addresses of a family."""
        return of_family(self.addresses, family)

    @property
    def external(self) -> dict[str, tuple[str, ...]]:
        """Its addresses, by the Service's name."""
        return {self.service: self.addresses}

    @property
    def as_asked(self) -> bool:
        """Whether it has an address of each family that is asked for, and none of another."""
        return all(bool(self.of(family)) == (family in self.families) for family in FAMILIES)


class Change(Step[IngressSeen]):
    """Merge into a Service's spec, and wait until its ingress has the families that it then asks for."""

    result = IngressSeen

    def __init__(self, service: str, spec: dict[str, JsonValue], *, after: Step[LoadBalancers]) -> None:
        """Declare it; `after` are the load balancers that go before, and whose time bounds the wait."""
        self.service, self.spec, self.after = service, spec, after

    @property
    def changes(self) -> tuple[str, ...]:
        """The Service."""
        return (self.service,)

    @property
    def exposes(self) -> tuple[str, ...]:
        """The Service, where it becomes a load balancer."""
        return (self.service,) if self.spec.get("type") == LOAD_BALANCER else ()

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The load balancers that go before."""
        return (self.after,)

    def needs(self, site: Site) -> Needs:
        """Need to read the Service and to patch it, and events to say why its ingress does not follow."""
        permissions = (Permission("get", "", "services"), Permission("patch", "", "services"), LIST_EVENTS)
        return Needs(permissions=permissions, seconds=site.profile.timeouts.load_balancer)

    def run(self, stage: Stage) -> IngressSeen:
        """Return the ingress as it was at the end. Raises NotSeen, ApiError, Stopped."""
        created = stage.objects[self.service]
        if created.spec is None:
            raise NotSeen(f"there is no such Service: {created.error}")
        bound = self._bound(stage)
        path = f"/api/v1/namespaces/{stage.owner.namespace}/services/{self.service}"
        try:
            stage.cluster.patch(path, {"spec": self.spec})
        except ApiError as error:
            if not error.invalid:
                raise
            return IngressSeen(service=self.service, refused=str(error))
        start = time.monotonic()
        seen = IngressSeen(service=self.service)

        def as_asked() -> bool:
            nonlocal seen
            seen = _seen(self.service, stage.cluster.get(path), time.monotonic() - start)
            return seen.as_asked or bool(seen.hostnames)

        with stage.waiting(f"the external addresses of {self.service} to follow", bound):
            followed = wait_until(stage, as_asked, bound)
        if followed:
            return seen
        warnings = [e for e in events_about(stage, "Service").get(self.service, []) if e.warning]
        return seen.model_copy(update={"event": str(warnings[-1]) if warnings else None})

    def _bound(self, stage: Stage) -> float:
        """Return for how many seconds it is worth waiting. Raises NotSeen if there is no load balancer."""
        before = stage.board.wait(self.after).load_balancers.values()
        taken = [each.seconds for each in before if each.seconds is not None]
        if not taken:
            raise NotSeen("no load balancer of the run has an external address")
        timeouts = stage.site.profile.timeouts
        return min(timeouts.load_balancer, max(timeouts.lag, LAG_FACTOR * max(taken)))


def _seen(name: str, item: dict[str, Any], seconds: float) -> IngressSeen:
    addresses = tuple(item["spec"].get("clusterIPs") or [item["spec"].get("clusterIP", "")])
    ingress = item.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    return IngressSeen(
        service=name,
        cluster_ips=addresses,
        families=tuple(family for family in FAMILIES if of_family(addresses, family)),
        addresses=tuple(each["ip"] for each in ingress if each.get("ip")),
        hostnames=tuple(each["hostname"] for each in ingress if each.get("hostname")),
        seconds=round(seconds, 3),
    )
