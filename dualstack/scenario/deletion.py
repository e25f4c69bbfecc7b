"""Make a further namespace with a Service in it, ask it to go, and wait: what keeps it says why."""

import time
from collections import Counter
from typing import Any

from pydantic import Field

from dualstack.cluster.errors import ApiError
from dualstack.cluster.ownership import NAMESPACES
from dualstack.cluster.permissions import Permission
from dualstack.scenario import manifests
from dualstack.scenario.attempts import CREATE_SERVICES
from dualstack.scenario.pods import wait_until
from dualstack.scenario.seen import Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step

WORD = "going"
"""What its name has more than that of the run's namespace."""
CONTENT = "service-default"  # a manifest; Kubernetes itself adds a ServiceAccount and a ConfigMap
OWN = tuple(Permission(verb, "", "namespaces") for verb in ("create", "delete", "get"))


class DeletionSeen(Seen):
    """How a namespace went."""

    namespace: str | None = None
    """None where the run was given one, and makes none."""
    gone: bool = False
    seconds: float = 0.0
    """Until it was gone, or waiting ended."""
    conditions: dict[str, str] = Field(default_factory=dict)
    """What the API server says keeps it, by the condition's type."""
    finalizers: tuple[str, ...] = ()
    """Of others, who want to be asked before it goes."""


class DeleteNamespace(Step[DeletionSeen]):
    """Where the run makes its own namespace: make one more, and delete it."""

    result = DeletionSeen

    def needs(self, site: Site) -> Needs:
        """Need a namespace and a Service; nothing where the run was given a namespace."""
        if site.namespace_given:
            return Needs()
        return Needs(
            permissions=(*OWN, CREATE_SERVICES),
            creates=Counter({"Namespace": 1, "Service": 1}),
            seconds=site.profile.timeouts.namespace,
        )

    def run(self, stage: Stage) -> DeletionSeen:
        """Return how it went. Raises ApiError, Stopped."""
        if stage.site.namespace_given:
            return DeletionSeen()
        (namespace,), (content,) = manifests.load("namespace"), stage.site.objects([CONTENT])
        stage.pause(0)  # an early end comes before anything is made
        further = stage.owner.further(WORD)
        further.create_namespace(namespace["metadata"]["labels"])
        further.create(content)
        start, bound = time.monotonic(), stage.site.profile.timeouts.namespace
        further.delete_namespace()
        with stage.waiting("a namespace to go", bound):
            gone = wait_until(stage, lambda: not further.is_there(), bound)
        waited = round(time.monotonic() - start, 3)
        seen = DeletionSeen(namespace=further.namespace, gone=gone, seconds=waited)
        return seen if gone else seen.model_copy(update=_what_keeps(stage, further.namespace))


def _what_keeps(stage: Stage, namespace: str) -> dict[str, Any]:
    try:
        item = stage.cluster.get(f"{NAMESPACES}/{namespace}")
    except ApiError as error:
        if error.not_found:
            return {}
        raise
    conditions = item.get("status", {}).get("conditions") or []
    return {
        "conditions": {
            each["type"]: str(each.get("message") or each.get("reason") or "")
            for each in conditions
            if each.get("status") == "True"
        },
        "finalizers": tuple(item["metadata"].get("finalizers") or ()),
    }
