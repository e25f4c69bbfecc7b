"""Read the APIs that a Service answers for, in the API server's own words."""

from typing import Any

from dualstack.cluster.errors import ApiError
from dualstack.cluster.permissions import Permission
from dualstack.scenario.seen import Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step

GROUP = "apiregistration.k8s.io"
LIST_APIS = Permission("list", GROUP, "apiservices", optional=True)


class AggregatedApi(Seen):
    """An APIService with a Service behind it."""

    name: str
    namespace: str
    service: str
    available: bool
    message: str = ""
    """What the API server says of it."""


class AggregatedApis(Seen):
    """All of them."""

    apis: tuple[AggregatedApi, ...] = ()
    trouble: str | None = None
    """Why they could not be read."""


class ReadAggregated(Step[AggregatedApis]):
    """List the APIServices that have a Service."""

    result = AggregatedApis

    def needs(self, site: Site) -> Needs:
        """Need to list them."""
        return Needs(permissions=(LIST_APIS,))

    def run(self, stage: Stage) -> AggregatedApis:
        """Return them; that they may not be read is a result. Raises Stopped."""
        found = []
        try:
            for item in stage.cluster.each(f"/apis/{GROUP}/v1/apiservices"):
                behind = item.get("spec", {}).get("service")
                if not behind:
                    continue  # the API server answers itself
                conditions = item.get("status", {}).get("conditions") or []
                own: dict[str, Any] = next(
                    (each for each in conditions if each.get("type") == "Available"), {}
                )
                found.append(
                    AggregatedApi(
                        name=item["metadata"]["name"],
                        namespace=str(behind.get("namespace", "")),
                        service=str(behind.get("name", "")),
                        available=own.get("status") == "True",
                        message=str(own.get("message") or own.get("reason") or "no word on it yet"),
                    )
                )
        except ApiError as error:
            return AggregatedApis(trouble=str(error))
        return AggregatedApis(apis=tuple(found))
