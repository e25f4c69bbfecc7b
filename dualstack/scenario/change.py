"""Change a load balancer's Service, and wait for what its controller makes of it.

The wait is bounded by what other load balancers took, which is known by then: without any of them there is
no point in waiting.
"""

import time
from typing import Any

from dualstack.cluster.errors import ApiError
from dualstack.cluster.permissions import Permission
from dualstack.family import FAMILIES, Family
from dualstack.scenario.addresses import LAG_FACTOR, LoadBalancers
from dualstack.scenario.board import NotSeen
from dualstack.scenario.pods import wait_until
from dualstack.scenario.seen import Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step
from dualstack.survey.model import of_family

GET_SERVICE = Permission("get", "", "services")
PATCH_SERVICE = Permission("patch", "", "services")


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
    seconds: float = 0.0
    """Until the ingress had the families asked for and no other, or waiting ended."""

    def of(self, family: Family) -> list[str]:
        """Return its addresses of a family."""
        return of_family(self.addresses, family)

    @property
    def as_asked(self) -> bool:
        """Whether it has an address of each family that is asked for, and none of another."""
        return all(bool(self.of(family)) == (family in self.families) for family in FAMILIES)


class ChangeFamilies(Step[IngressSeen]):
    """Set the ipFamilyPolicy of a load balancer's Service, None for as it is, and wait for its ingress."""

    result = IngressSeen

    def __init__(self, service: str, policy: str | None, *, others: Step[LoadBalancers]) -> None:
        """Declare it; `others` are the load balancers whose time bounds the wait."""
        self.service, self.policy, self.others = service, policy, others

    @property
    def changes(self) -> tuple[str, ...]:
        """The Service, where it is patched."""
        return (self.service,) if self.policy else ()

    @property
    def objects(self) -> tuple[str, ...]:
        """The Service."""
        return (self.service,)

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The other load balancers."""
        return (self.others,)

    def needs(self, site: Site) -> Needs:
        """Need to read the Service, and to patch it."""
        permissions = (GET_SERVICE, PATCH_SERVICE) if self.policy else (GET_SERVICE,)
        return Needs(permissions=permissions, seconds=site.profile.timeouts.load_balancer)

    def run(self, stage: Stage) -> IngressSeen:
        """Return the ingress as it was at the end. Raises NotSeen, ApiError, Stopped."""
        created = stage.objects[self.service]
        if created.spec is None:
            raise NotSeen(f"there is no such Service: {created.error}")
        path = f"/api/v1/namespaces/{stage.owner.namespace}/services/{self.service}"
        bound = self._bound(stage)
        if self.policy:
            try:
                stage.cluster.patch(path, {"spec": {"ipFamilyPolicy": self.policy}})
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
            wait_until(stage, as_asked, bound)
        return seen

    def _bound(self, stage: Stage) -> float:
        """Return for how many seconds it is worth waiting. Raises NotSeen if there is no load balancer."""
        others = stage.board.wait(self.others).load_balancers.values()
        taken = [each.seconds for each in others if each.seconds is not None]
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
