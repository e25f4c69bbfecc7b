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
EXPIRES = "dualstack-conformance/expires"  # an annotation: seconds since 1970
PLURALS = {"Namespace": "namespaces", "Pod": "pods", "Service": "services"}
POLL_SECONDS = 0.1
POD_GRACE_SECONDS = 0

Name = tuple[str, str | None, str]
"""(kind, namespace, name)"""


class Ownership:
    """What one run creates. Thread-safe."""

    def __init__(self, cluster: Cluster, run_id: str, lifetime_seconds: float) -> None:
        self.cluster = cluster
        self.namespace = f"dualstack-{run_id}"
        self.created: list[Name] = []
        self._labels = {MANAGED_BY[0]: MANAGED_BY[1], RUN_LABEL: run_id}
        self._expires = str(int(time.time() + lifetime_seconds))

    @property
    def selector(self) -> str:
        """A label selector for this run's objects."""
        return f"{RUN_LABEL}={self._labels[RUN_LABEL]}"

    def stamp(self, body: dict[str, Any]) -> dict[str, Any]:
        """The object with this run's labels, expiry and namespace on it."""
        metadata = body["metadata"]
        stamped = metadata | {
            "labels": metadata.get("labels", {}) | self._labels,
            "annotations": metadata.get("annotations", {}) | {EXPIRES: self._expires},
        }
        if body["kind"] != "Namespace":
            stamped["namespace"] = self.namespace
        return body | {"metadata": stamped}

    def create_namespace(self, labels: dict[str, str]) -> None:
        """Create the namespace that holds everything else. Raises ApiError."""
        metadata = {"name": self.namespace, "labels": labels}
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object of the core group and remember it. Raises ApiError."""
        kind = body["kind"]
        inside = "" if kind == "Namespace" else f"namespaces/{self.namespace}/"
        answer = self.cluster.create(f"/api/v1/{inside}{PLURALS[kind]}", self.stamp(body))
        metadata = answer["metadata"]
        self.created.append((kind, metadata.get("namespace"), metadata["name"]))
        return answer

    def remove(self, deadline: float) -> list[Name]:
        """Remove everything; the objects that are still there after `deadline` seconds, if any.

        Pods go first and at once: a namespace that still holds some is looked at again by its controller
        only after seconds.
        """
        if not self.created:
            return []
        end = time.monotonic() + deadline
        pods = f"/api/v1/namespaces/{self.namespace}/pods"
        _quietly(lambda: self.cluster.delete_collection(pods, grace=POD_GRACE_SECONDS))
        while time.monotonic() < end and self._exists(pods):
            time.sleep(POLL_SECONDS)
        _quietly(lambda: self.cluster.delete(f"/api/v1/namespaces/{self.namespace}"))
        while self._exists(f"/api/v1/namespaces/{self.namespace}"):
            if time.monotonic() > end:
                return left_behind(self.cluster, self.namespace)
            time.sleep(POLL_SECONDS)
        return []

    def _exists(self, path: str) -> bool:
        """Whether there is anything at the path; no answer counts as yes."""
        try:
            answer = self.cluster.get(path)
        except ApiError as error:
            return not error.not_found
        return bool(answer.get("items")) if "items" in answer else True


def sweep(cluster: Cluster, now: float) -> list[str]:
    """Delete namespaces that killed runs left: only ours, only expired. Their names. Raises ApiError."""
    swept = []
    for item in cluster.list("/api/v1/namespaces", labelSelector="=".join(MANAGED_BY)):
        metadata = item["metadata"]
        expires = metadata.get("annotations", {}).get(EXPIRES, "")
        if RUN_LABEL in metadata["labels"] and expires.isdecimal() and int(expires) < now:
            _quietly(lambda name=metadata["name"]: cluster.delete(f"/api/v1/namespaces/{name}"))  # type: ignore[misc]
            swept.append(metadata["name"])
    return swept


def left_behind(cluster: Cluster, namespace: str) -> list[Name]:
    """What is still there of a run: its namespace and the objects in it, as far as they can be listed."""
    names: list[Name] = [("Namespace", None, namespace)]
    for kind in ("Pod", "Service"):
        try:
            items = cluster.list(f"/api/v1/namespaces/{namespace}/{PLURALS[kind]}")
        except ApiError:
            continue
        names += [(kind, namespace, item["metadata"]["name"]) for item in items]
    return names


def _quietly(call: Callable[[], object]) -> None:
    """Try to remove; whether it worked is seen by what is left."""
    try:
        call()
    except ApiError:
        return
