"""The footprint contract: everything of ours is in namespaces of ours, carries our labels, and goes.

Whatever ends a run, the namespace goes with it; what a killed run leaves is removed by a later one, by the
labels and the expiry on it, and nothing else is ever touched. In a namespace that the site made
(`--namespace`), our objects go and the namespace stays.
"""

import re
import time
from collections.abc import Callable, Iterator
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
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
}
NAMESPACES = "/api/v1/namespaces"
POLL_SECONDS = 0.1
APPEARANCE_SECONDS = 16.0  # a creation that was under way when the run was ended has come to its end by then
NOT_YET_SECONDS, NOT_YET_PAUSE_SECONDS, SERVER_ERROR = 10.0, 0.3, 500
NOT_YET = re.compile(
    r"serviceaccount \"?[\w./-]+\"? not found|looking up service account|status unknown for quota"
    r"|unable to find annotation openshift.io/sa.scc|is not yet ready to handle request",
    re.IGNORECASE,
)
"""https://github.com/kubernetes/kubernetes/issues/66689, and OpenShift's own namespace controller."""
POD_GRACE_SECONDS = 0

Name = tuple[str, str | None, str]
"""(kind, namespace, name)"""


class Ownership:
    """What one run creates. Thread-safe."""

    def __init__(
        self, cluster: Cluster, run_id: str, lifetime_seconds: float, given: str | None = None
    ) -> None:
        """Begin; `given` is a namespace that is there already."""
        self.cluster = cluster
        self.run_id = run_id
        self.given = given
        self.namespace = given or namespace_of(run_id)
        self.created: list[Name] = []
        self._further: list[Ownership] = []
        self._asked_for = False
        self._in_doubt = False
        """The namespace's creation is under way, or its answer was lost."""
        self._known_to_be_gone = False
        self._uid: str | None = None
        self._expires = str(int(time.time() + lifetime_seconds))

    @property
    def selector(self) -> str:
        """A label selector for this run's objects."""
        return f"{RUN_LABEL}={self.run_id}"

    @property
    def everything(self) -> list[Name]:
        """What was created, in further namespaces, too."""
        return [name for owner in (self, *self._further) for name in owner.created]

    def further(self, word: str) -> "Ownership":
        """Return the owner of a further namespace of this run, still to be created; it goes with this one."""
        owner = Ownership(self.cluster, self.run_id, lifetime_seconds=0)
        owner.namespace, owner._expires = f"{self.namespace}-{word}", self._expires
        self._further.append(owner)
        return owner

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
        """Create the namespace that holds everything else; without the labels if they are refused.

        Raises ApiError.
        """
        if self.given:
            return
        self._asked_for = self._in_doubt = True  # before asking: an answer that is lost may have been a yes
        self._known_to_be_gone = False
        metadata: dict[str, Any] = {"name": self.namespace, "labels": labels}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        try:
            try:
                made = patiently(self.cluster, NAMESPACES, self.stamp(body))
            except ApiError as error:  # a policy may keep Pod Security's levels for itself
                if not (error.forbidden or error.invalid) or not labels:
                    raise
                body["metadata"] = {"name": self.namespace}
                made = patiently(self.cluster, NAMESPACES, self.stamp(body))
        except ApiError as error:
            self._in_doubt = error.unreachable or error.status >= SERVER_ERROR
            raise
        self._uid, self._in_doubt = made["metadata"]["uid"], False
        self.created.append(("Namespace", None, self.namespace))

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object of one of KINDS in the namespace, and remember it. Raises ApiError."""
        kind = body["kind"]
        self._asked_for = True
        path = collection(body["apiVersion"], KINDS[kind][1], self.namespace)
        answer = patiently(self.cluster, path, self.stamp(body))
        self.created.append((kind, self.namespace, answer["metadata"]["name"]))
        return answer

    def remove(self, deadline: float) -> list[Name]:
        """Remove everything; what is still there after `deadline` seconds, if anything. May be repeated.

        The namespace controller looks 5 s after a namespace is deleted, and again only much later if pods
        are still ending then. So the namespace goes first, and its pods and Services at once, by our hand.
        """
        owners = [each for each in (self, *self._further) if each._asked_for and not each._known_to_be_gone]
        end = time.monotonic() + deadline
        try:
            for each in owners:
                each._ask_to_go()
            while any(each.is_there() for each in owners):
                if time.monotonic() > end:
                    return self.left()
                time.sleep(POLL_SECONDS)
        except ApiError:
            return [("Namespace", None, self.namespace)]  # nobody can say that it is gone
        return []

    def left(self) -> list[Name]:
        """What is there of the run: its namespaces and our objects in them, as far as they are seen."""
        return self._left() + [name for each in self._further if each._asked_for for name in each._left()]

    def _left(self) -> list[Name]:
        try:
            if self.given is None and self._live_uid() is None:
                return []
        except ApiError:
            return [("Namespace", None, self.namespace)]  # no answer: nobody can say that it is gone
        names: list[Name] = [] if self.given else [("Namespace", None, self.namespace)]
        for kind in KINDS:
            try:
                items = self.cluster.list(self._inside(kind), labelSelector=self.selector)
            except ApiError:
                continue
            names += [(kind, self.namespace, item["metadata"]["name"]) for item in items]
        return names

    def is_ending(self) -> bool:
        """Whether a namespace has been asked to go, and is still busy with it."""
        return self._is_ending() or any(each._is_ending() for each in self._further)

    def _is_ending(self) -> bool:
        try:
            metadata = self.cluster.get(f"{NAMESPACES}/{self.namespace}")["metadata"]
        except ApiError:
            return False
        return self.given is None and "deletionTimestamp" in metadata

    def is_there(self) -> bool:
        """Whether the namespace is there, or anything of ours in a given one. Raises ApiError."""
        there = bool(self._left()) if self.given else self._live_uid() is not None
        self._known_to_be_gone = not there and not self._in_doubt
        return there

    def delete_namespace(self) -> None:
        """Ask the namespace to go, with what is in it. Raises ApiError."""
        self.cluster.delete(f"{NAMESPACES}/{self.namespace}", uid=self._uid)

    def _ask_to_go(self) -> None:
        if self.given is None:
            uid = self._uid or self._appeared()
            if uid is None:
                return
            _try(lambda: self.cluster.delete(f"{NAMESPACES}/{self.namespace}", uid=uid))
        for kind, _, name in list(self.created):
            if kind in ("Deployment", "NetworkPolicy") and self.given:
                self._delete(kind, name)
        pods = self._inside("Pod")
        _try(
            lambda: self.cluster.delete_collection(
                pods, label_selector=self.selector, grace=POD_GRACE_SECONDS
            )
        )
        for kind, _, name in list(self.created):
            if kind == "Service":
                self._delete(kind, name)

    def _delete(self, kind: str, name: str) -> None:
        _try(lambda: self.cluster.delete(f"{self._inside(kind)}/{name}"))

    def _appeared(self) -> str | None:
        """Return the UID of a namespace whose creation was not answered; it may appear only now."""
        end = time.monotonic() + APPEARANCE_SECONDS
        uid = self._live_uid()
        while uid is None and self._in_doubt and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
            uid = self._uid or self._live_uid()
        return uid

    def _live_uid(self) -> str | None:
        """The UID of the run's namespace, if it exists; one without the run's label is not ours."""
        try:
            metadata = self.cluster.get(f"{NAMESPACES}/{self.namespace}")["metadata"]
        except ApiError as error:
            if error.not_found:
                return None
            raise
        return str(metadata["uid"]) if metadata.get("labels", {}).get(RUN_LABEL) == self.run_id else None

    def _inside(self, kind: str) -> str:
        return collection(*KINDS[kind], self.namespace)


def sweep(cluster: Cluster, now: float, given: str | None = None) -> list[str]:
    """Delete namespaces that killed runs left, or their objects in a given one: only ours, only expired.

    Returns their names. Raises ApiError.
    """
    paths = [NAMESPACES] if given is None else [collection(*each, given) for each in KINDS.values()]
    return [name for path in paths for name in _swept(cluster, path, now)]


def _swept(cluster: Cluster, path: str, now: float) -> Iterator[str]:
    for item in cluster.list(path, labelSelector="=".join(MANAGED_BY)):
        metadata = item["metadata"]
        expires = metadata["labels"].get(EXPIRES, "")
        expired = expires.isdecimal() and int(expires) < now
        if RUN_LABEL in metadata["labels"] and expired and "deletionTimestamp" not in metadata:
            try:
                cluster.delete(f"{path}/{metadata['name']}", uid=metadata["uid"])
            except ApiError as error:
                if not (error.not_found or error.conflict):  # else somebody was faster
                    raise
            else:
                yield metadata["name"]


def namespace_of(run_id: str) -> str:
    """The name of a run's namespace."""
    return f"dualstack-{run_id}"


def collection(api_version: str, plural: str, namespace: str) -> str:
    """The path of a namespaced collection."""
    root = "/apis" if "/" in api_version else "/api"
    return f"{root}/{api_version}/namespaces/{namespace}/{plural}"


def patiently(cluster: Cluster, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create an object; again where it may have been made, or could not be made yet. Raises ApiError.

    A new namespace has neither its ServiceAccount nor its quotas' status nor, on OpenShift, its range of
    users for a moment. After an answer that was lost, "it exists already" is a yes.
    """
    end = time.monotonic() + NOT_YET_SECONDS
    lost = False
    while True:
        try:
            return cluster.create(path, body)
        except ApiError as error:
            if error.conflict and lost:
                made = cluster.get(f"{path}/{body['metadata']['name']}")
                labels = made["metadata"].get("labels", {})
                if labels.get(RUN_LABEL) == body["metadata"]["labels"][RUN_LABEL]:
                    return made
                raise
            unknown = error.unreachable or error.status >= SERVER_ERROR
            not_yet = error.forbidden and NOT_YET.search(error.message)
            if not (unknown or not_yet) or time.monotonic() > end:
                raise
            lost |= unknown
            cluster.retries.append(str(error))
            time.sleep(NOT_YET_PAUSE_SECONDS)


def _try(call: Callable[[], object]) -> None:
    """Try to remove; a refusal shows in what is left. Raises ApiError if there is no answer."""
    try:
        call()
    except ApiError as error:
        if error.unreachable:
            raise
