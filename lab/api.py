"""The lab's own small client of its API server: JSON over a connection made from within `fabric`.

The host has no route to the cluster on purpose, and a process for each request would take ten times as long.
"""

import http.client
import json
import ssl
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from lab import namespaces
from lab.addresses import API_PORT, FABRIC, Plan
from lab.controlplane import ADMIN_KEYS
from lab.errors import LabError

Json = dict[str, Any]
_CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "Node",
}


class ApiError(LabError):
    """An answer other than success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Connection(http.client.HTTPSConnection):
    def __init__(self, host: str, context: ssl.SSLContext, timeout: float) -> None:
        super().__init__(host, API_PORT, context=context, timeout=timeout)
        self._tls = context

    def connect(self) -> None:
        plain = namespaces.connect(FABRIC, (self.host, API_PORT), self.timeout or 5)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


class Api:
    """The API server of one cluster, as its admin."""

    def __init__(self, plan: Plan, timeout: float = 5) -> None:
        self._plan = plan
        self._timeout = timeout

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(ADMIN_KEYS / "ca.crt"))
        context.load_cert_chain(ADMIN_KEYS / "admin.crt", ADMIN_KEYS / "admin.key")
        return context

    def request(
        self, method: str, path: str, body: Json | None = None, content_type: str = "application/json"
    ) -> str:
        """One request. Raises ApiError (status 0: no answer)."""
        connection = _Connection(self._plan.api_address, self._tls, self._timeout)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": content_type})
            response = connection.getresponse()
            answer = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(0, f"API server: {method} {path}: {error}") from None
        finally:
            connection.close()
        if response.status >= 300:
            raise ApiError(response.status, f"API server: {method} {path}: {response.status} {answer[:300]}")
        return answer

    def get(self, path: str) -> Json:
        """The JSON object at a path."""
        found: Json = json.loads(self.request("GET", path))
        return found

    def create(self, manifest: Json) -> None:
        """Create an object; one that exists already is left alone."""
        try:
            self.request("POST", collection(manifest), manifest)
        except ApiError as error:
            if error.status != 409:
                raise

    def create_soon(self, manifest: Json, seconds: float) -> None:
        """Create an object as soon as its kind or its namespace is known."""

        def created() -> bool:
            try:
                self.create(manifest)
            except ApiError as error:
                if error.status in (0, 403, 404):
                    return False
                raise
            return True

        kind, name = manifest["kind"], manifest["metadata"]["name"]
        wait(created, seconds, lambda: f"{kind} {name} cannot be created: namespace or kind is not there")

    def patch(self, path: str, body: Json) -> None:
        """A strategic merge patch."""
        self.request("PATCH", path, body, "application/strategic-merge-patch+json")

    def token(self, namespace: str, account: str) -> str:
        """Return a new token of a ServiceAccount, valid for a day."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 86400},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return str(json.loads(self.request("POST", path, request))["status"]["token"])

    def ready(self) -> bool:
        """Whether the API server says that it is ready, its own objects (namespaces, roles) included."""
        try:
            return self.request("GET", "/readyz") == "ok"
        except ApiError:
            return False


def collection(manifest: Json) -> str:
    """The path at which objects of this kind are created, in the manifest's namespace."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    plural = kind.lower() + ("es" if kind.endswith("s") else "s")
    if plural.endswith("ys"):
        plural = plural[:-2] + "ies"
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    if kind in _CLUSTER_WIDE:
        return f"{root}/{plural}"
    return f"{root}/namespaces/{manifest['metadata'].get('namespace', 'default')}/{plural}"


def wait(done: Callable[[], bool], seconds: float, complaint: Callable[[], str]) -> None:
    """Poll until `done`; after `seconds`, raise LabError with what `complaint` says by then."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise LabError(f"not done within {seconds:.0f} s: {complaint()}")
        time.sleep(0.05)
