"""The footprint contract: everything of ours is in one namespace, carries our labels, and goes.

Whatever ends a run, the namespace goes with it; what a killed run leaves is removed by a later one, by the
labels and the expiry on it, and nothing else is ever touched.
"""

import time
from collections.abc import Callable
from typing import Any

from dualstack.cluster.api import Cluster
from dualstack.cluster.errors import ApiError

MANAGED_BY = ("app.kubernetes.io/managed-by", "dualstack-conformance")
RUN_LABEL = "dualstack-conformance/run"
EXPIRES = "dualstack-conformance/expires"  # a label: seconds since 1970
KINDS = {  # apiVersion and plural of what a run may create, besides its namespace
    "Deployment": ("apps/v1", "deployments"),
    "Pod": ("v1", "pods"),
    "Service": ("v1", "services"),
}
NAMESPACES = "/api/v1/namespaces"
POLL_SECONDS = 0.1
POD_GRACE_SECONDS = 0

Name = tuple[str, str | None, str]
"""(kind, namespace, name)"""


class Ownership:
    """What one run creates. Thread-safe."""

    def __init__(self, cluster: Cluster, run_id: str, lifetime_seconds: float) -> None:
        self.cluster = cluster
        self.run_id = run_id
        self.namespace = namespace_of(run_id)
        self.created: list[Name] = []
        self._begun = False
        self._uid: str | None = None
        self._expires = str(int(time.time() + lifetime_seconds))

    @property
    def selector(self) -> str:
        """A label selector for this run's objects."""
        return f"{RUN_LABEL}={self.run_id}"

    def stamp(self, body: dict[str, Any]) -> dict[str, Any]:
        """The object with this run's labels, expiry and namespace on it."""
        metadata = body["metadata"]
        ours = {MANAGED_BY[0]: MANAGED_BY[1], RUN_LABEL: self.run_id, EXPIRES: self._expires}
        stamped = metadata | {"labels": metadata.get("labels", {}) | ours}
        if body["kind"] != "Namespace":
            stamped["namespace"] = self.namespace
        stamped_body = body | {"metadata": stamped}
        if template := body.get("spec", {}).get("template"):  # pods that a controller makes are ours too
            labels = template["metadata"].get("labels", {}) | ours
            template = template | {"metadata": template["metadata"] | {"labels": labels}}
            stamped_body["spec"] = body["spec"] | {"template": template}
        return stamped_body

    def create_namespace(self, labels: dict[str, str]) -> None:
        """Create the namespace that holds everything else. Raises ApiError."""
        self._begun = True  # before asking: an answer that is lost may have been a yes
        metadata = {"name": self.namespace, "labels": labels}
        body = self.stamp({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        self._uid = self.cluster.create(NAMESPACES, body)["metadata"]["uid"]
        self.created.append(("Namespace", None, self.namespace))

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object of one of KINDS in the namespace, and remember it. Raises ApiError."""
        kind = body["kind"]
        answer = self.cluster.create(
            collection(body["apiVersion"], KINDS[kind][1], self.namespace), self.stamp(body)
        )
        self.created.append((kind, self.namespace, answer["metadata"]["name"]))
        return answer

    def remove(self, deadline: float) -> list[Name]:
        """Remove everything; what is still there after `deadline` seconds, if anything. May be repeated.

        The namespace controller looks 5 s after a namespace is deleted, and again only much later if pods
        are still ending then. So the namespace goes first, and its pods and Services at once, by our hand.
        """
        if not self._begun:
            return []
        end = time.monotonic() + deadline
        try:
            self._ask_to_go()
            while _uid(self.cluster, self.run_id):
                if time.monotonic() > end:
                    return left_behind(self.cluster, self.run_id)
                time.sleep(POLL_SECONDS)
        except ApiError:
            return [("Namespace", None, self.namespace)]  # nobody can say that it is gone
        return []

    def _ask_to_go(self) -> None:
        cluster, pods, services = self.cluster, self._inside("Pod"), self._inside("Service")
        uid = self._uid or _uid(cluster, self.run_id)
        if uid is None:
            return
        _try(lambda: cluster.delete(f"{NAMESPACES}/{self.namespace}", uid=uid))
        _try(lambda: cluster.delete_collection(pods, grace=POD_GRACE_SECONDS))
        for kind, _, name in list(self.created):
            if kind == "Service":
                _try(lambda name=name: cluster.delete(f"{services}/{name}"))  # type: ignore[misc]

    def _inside(self, kind: str) -> str:
        return collection(*KINDS[kind], self.namespace)


def sweep(cluster: Cluster, now: float) -> list[str]:
    """Delete namespaces that killed runs left: only ours, only expired. Their names. Raises ApiError."""
    swept = []
    for item in cluster.list(NAMESPACES, labelSelector="=".join(MANAGED_BY)):
        metadata = item["metadata"]
        expires = metadata["labels"].get(EXPIRES, "")
        expired = expires.isdecimal() and int(expires) < now
        if RUN_LABEL in metadata["labels"] and expired and "deletionTimestamp" not in metadata:
            try:
                cluster.delete(f"{NAMESPACES}/{metadata['name']}", uid=metadata["uid"])
            except ApiError as error:
                if not (error.not_found or error.conflict):  # else somebody was faster
                    raise
            else:
                swept.append(metadata["name"])
    return swept


def left_behind(cluster: Cluster, run_id: str) -> list[Name]:
    """What is there of a run: its namespace and the objects of ours in it, as far as they can be listed."""
    namespace = namespace_of(run_id)
    try:
        if _uid(cluster, run_id) is None:
            return []
    except ApiError:
        return [("Namespace", None, namespace)]  # no answer: nobody can say that it is gone
    names: list[Name] = [("Namespace", None, namespace)]
    for kind, (api_version, plural) in KINDS.items():
        try:
            items = cluster.list(
                collection(api_version, plural, namespace), labelSelector=f"{RUN_LABEL}={run_id}"
            )
        except ApiError:
            continue
        names += [(kind, namespace, item["metadata"]["name"]) for item in items]
    return names


def namespace_of(run_id: str) -> str:
    """The name of a run's namespace."""
    return f"dualstack-{run_id}"


def collection(api_version: str, plural: str, namespace: str) -> str:
    """The path of a namespaced collection."""
    root = "/apis" if "/" in api_version else "/api"
    return f"{root}/{api_version}/namespaces/{namespace}/{plural}"


def _uid(cluster: Cluster, run_id: str) -> str | None:
    """The UID of the run's namespace, if it exists; one of that name without the run's label is not ours."""
    try:
        metadata = cluster.get(f"{NAMESPACES}/{namespace_of(run_id)}")["metadata"]
    except ApiError as error:
        if error.not_found:
            return None
        raise
    return str(metadata["uid"]) if metadata.get("labels", {}).get(RUN_LABEL) == run_id else None


def _try(call: Callable[[], object]) -> None:
    """Try to remove; a refusal shows in what is left. Raises ApiError if there is no answer."""
    try:
        call()
    except ApiError as error:
        if error.unreachable:
            raise
