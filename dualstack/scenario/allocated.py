"""Look up the IPAddress objects of a scenario's Services: what says to whom a ClusterIP belongs."""

from typing import Any

from dualstack.cluster.errors import ApiError
from dualstack.cluster.permissions import Permission
from dualstack.scenario.manifests import name_of
from dualstack.scenario.seen import Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step

LATER_SECONDS = 2.0
COLLECTION = "/apis/networking.k8s.io/v1/ipaddresses"


class AllocatedIp(Seen):
    """A ClusterIP of a Service of ours."""

    service: str
    address: str
    owner: str | None = None
    """`NAMESPACE/NAME` that its IPAddress object names; None if there is none."""
    expected: str


class AllocatedIps(Seen):
    """All of them."""

    addresses: tuple[AllocatedIp, ...]


class Allocated(Step[AllocatedIps]):
    """Read each ClusterIP's object, a moment after the Services were made."""

    result = AllocatedIps

    def needs(self, site: Site) -> Needs:
        """Need to get them."""
        permission = Permission("get", "networking.k8s.io", "ipaddresses", of_cluster=True)
        return Needs(permissions=(permission,), seconds=LATER_SECONDS + 10)

    def run(self, stage: Stage) -> AllocatedIps:
        """Return who owns each address. Raises ApiError, Stopped."""
        stage.pause(LATER_SECONDS)
        found = []
        for body in stage.site.objects(self.scenario.manifests):
            service = stage.objects[name_of(body)]
            for address in service.cluster_ips:
                expected = f"{stage.owner.namespace}/{service.name}"
                owner = _owner(stage, address)
                found.append(
                    AllocatedIp(service=service.name, address=address, owner=owner, expected=expected)
                )
        return AllocatedIps(addresses=tuple(found))


def _owner(stage: Stage, address: str) -> str | None:
    try:
        parent: Any = stage.cluster.get(f"{COLLECTION}/{address}").get("spec", {}).get("parentRef") or {}
    except ApiError as error:
        if error.not_found:
            return None
        raise
    return f"{parent.get('namespace')}/{parent.get('name')}"
