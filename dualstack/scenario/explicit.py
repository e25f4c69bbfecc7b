"""Ask, by dry runs, for a Service at addresses that are named: next to one's own, the first that are free."""

from ipaddress import ip_address

from pydantic import JsonValue

from dualstack.cluster.errors import ApiError
from dualstack.scenario.attempts import CREATE_SERVICES, AttemptSeen, AttemptsSeen, another
from dualstack.scenario.board import NotSeen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step

TRIES = 12  # neighbours may be taken, or lie beyond the range's end
TAKEN, OUTSIDE = "already allocated", "not in the valid range"


class ExplicitAddresses(Step[AttemptsSeen]):
    """Name addresses of both families in the order of a Service of ours, then the other way round."""

    result = AttemptsSeen
    NAMED, REVERSED = "named addresses", "named addresses, the other family first"

    def __init__(self, service: str) -> None:
        """Declare it; the Service has both families."""
        self.service = service

    @property
    def objects(self) -> tuple[str, ...]:
        """The Service."""
        return (self.service,)

    def needs(self, site: Site) -> Needs:
        """Need to create Services."""
        return Needs(permissions=(CREATE_SERVICES,), seconds=2.0 * TRIES)

    def run(self, stage: Stage) -> AttemptsSeen:
        """Return both attempts. Raises NotSeen, ApiError, Stopped."""
        own = stage.objects[self.service]
        if own.spec is None or len(own.cluster_ips) < 2:
            raise NotSeen(f"Service {self.service} has no two addresses (see service-dual-v4-first)")
        addresses = [ip_address(each) for each in own.cluster_ips]
        found = []
        for what, order in ((self.NAMED, addresses), (self.REVERSED, addresses[::-1])):
            for number in range(TRIES):
                stage.pause(0)
                offset = (number // 2 + 1) * (1 if number % 2 else -1)
                seen = self._ask(stage, what, [str(each + offset) for each in order])
                if seen.error is None or not (TAKEN in seen.error or OUTSIDE in seen.error):
                    break
            found.append(seen)
        return AttemptsSeen(attempts=tuple(found))

    def _ask(self, stage: Stage, what: str, addresses: list[str]) -> AttemptSeen:
        path = f"/api/v1/namespaces/{stage.owner.namespace}/services"
        spec: dict[str, JsonValue] = {
            "clusterIP": addresses[0], "clusterIPs": list(addresses), "ipFamilies": None,
        }  # fmt: skip
        seen = AttemptSeen(what=what, service=self.service, asked=tuple(addresses))
        try:
            answer = stage.cluster.create(path, another(stage, self, self.service, spec), dry_run=True)
        except ApiError as error:
            if not error.invalid:
                raise
            return seen.model_copy(update={"error": str(error)})
        return seen.model_copy(update={"spec": answer["spec"]})
