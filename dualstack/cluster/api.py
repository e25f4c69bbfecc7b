"""Raw JSON calls on the client's own pool, credentials and TLS.

The client's typed models are left aside: they rename and refuse fields from release to release, and this
suite speaks with releases ten years apart.
"""

import functools
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client

from dualstack.cluster import channels, podexec, portforward
from dualstack.cluster.answers import BROKEN_OFF, NOT_SENT, connected, refused, resource_of
from dualstack.cluster.errors import ApiError
from dualstack.cluster.podexec import ExecResult

JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
TEXT = "text/plain, */*"
DRY_RUN = {"dryRun": "All"}
"""https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run"""
Items = list[dict[str, Any]]
VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
GONE, TOO_MANY, UNAUTHORIZED = 410, 429, 401
TRANSIENT = (500, 502, 503, 504)  # etcd changes its leader, a load balancer has lost its API server
REPEATABLE = ("GET", "DELETE", "PATCH")  # twice is once: DELETE has the UID, PATCH is a merge of ours
PATIENCE_SECONDS = 30.0  # how long a call waits for an API server that is away, e.g. restarting
RETRY_PAUSE_SECONDS = 0.5
CONNECT_SECONDS = 5.0
CREDENTIAL_SECONDS = 10.0  # the client runs a plugin for each call when a token lives less than 5 minutes


@dataclass(frozen=True)
class _Call:
    """One call, ready to be made again; `verb` and `resource` are RBAC's words for it."""

    method: str
    url: str
    resource: str
    verb: str
    body: object | None
    timeout: float
    content_type: str
    accept: str


class Cluster:
    """An API server that we may call. Thread-safe."""

    def __init__(
        self, api: client.ApiClient, context: str | None, impersonation: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.api = api
        self.impersonation = tuple(impersonation)
        """Headers by which the user acts as another; one name may come several times."""
        self.context = context
        self.server: str = api.configuration.host
        self.retries: list[str] = []
        """Calls that had to be made again, and why: shown, never hidden."""
        self._cuts: set[Callable[[], None]] = set()
        self._auth_lock = threading.RLock()  # clean-up may run in a signal handler
        self._credentials: dict[str, str] = {}
        self._credentials_until = 0.0

    @property
    def verifies(self) -> bool:
        """Whether the server's certificate is checked."""
        return bool(self.api.configuration.verify_ssl) or not self.server.startswith("https")

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object | None = None,
        query: dict[str, Any] | None = None,
        timeout: float = 15.0,
        content_type: str = JSON,
        patient: bool = True,
        verb: str | None = None,
        accept: str = JSON,
    ) -> Any:  # noqa: ANN401 (whatever JSON the server answers)
        """Make one call: JSON in, JSON out, or text for TEXT. `timeout` in seconds. Raises ApiError.

        `verb` is RBAC's word for it where the method does not tell (list, deletecollection).

        With `patient`, a call that was certainly not carried out (no connection, 429), or one that may be
        carried out twice and broke off or met one of TRANSIENT, is made again for up to PATIENCE_SECONDS; so
        is one whose credentials had become invalid, once, with fresh ones. `retries` has a line for each.
        """
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        one = _Call(
            method, url, resource_of(path), verb or VERBS[method], body, timeout, content_type, accept
        )
        end = time.monotonic() + (PATIENCE_SECONDS if patient else 0)
        renewed = not patient
        while True:
            try:
                return self._once(one)
            except ApiError as error:
                pause = max(RETRY_PAUSE_SECONDS, error.retry_after or 0)
                if error.status == UNAUTHORIZED and not renewed:  # a token that was rotated, say
                    self._credentials_until, renewed, pause = 0.0, True, 0.0
                elif not _may_be_repeated(method, error) or time.monotonic() + pause > end:
                    raise
                self.retries.append(str(error))
                time.sleep(pause)

    def get(self, path: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401
        """Read an object. Raises ApiError."""
        answer: dict[str, Any] = self.request("GET", path, query=query)
        return answer

    def read(self, path: str, *, timeout: float) -> str:
        """Read a text, by one try: a pod's log, or what it answers by proxy. Raises ApiError."""
        text: str = self.request("GET", path, timeout=timeout, patient=False, accept=TEXT)
        return text

    def list(
        self,
        path: str,
        *,
        limit: int = 500,
        metadata_only: bool = False,
        **query: Any,  # noqa: ANN401
    ) -> Items:
        """Read a whole collection in pages; from the start again if it changed meanwhile. Raises ApiError."""
        accept = METADATA_ONLY if metadata_only else JSON
        try:
            return list(self._pages(path, limit, query, accept))
        except ApiError as error:
            if error.status != GONE:
                raise
            self.retries.append(str(error))
            return list(self._pages(path, limit, query, accept))

    def each(self, path: str, *, limit: int = 500) -> Iterator[dict[str, Any]]:
        """Yield a collection's objects page by page, each once. Raises ApiError.

        A collection that changed too much meanwhile is read from the start again, without what came before.
        """
        seen: set[tuple[str | None, str]] = set()
        try:
            for item in self._pages(path, limit, {}, JSON):
                seen.add(_full_name(item))
                yield item
        except ApiError as error:
            if error.status != GONE:
                raise
            self.retries.append(str(error))
            for item in self._pages(path, limit, {}, JSON):
                if _full_name(item) not in seen:
                    yield item

    def create(self, path: str, body: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Create an object in a collection; by a dry run, all but that. Raises ApiError."""
        answer: dict[str, Any] = self.request("POST", path, query=DRY_RUN if dry_run else None, body=body)
        return answer

    def patch(self, path: str, body: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Change an object by a merge patch; by a dry run, all but that. Raises ApiError."""
        query = DRY_RUN if dry_run else None
        answer: dict[str, Any] = self.request("PATCH", path, query=query, body=body, content_type=MERGE_PATCH)
        return answer

    def delete(self, path: str, *, grace: int | None = None, uid: str | None = None) -> dict[str, Any]:
        """Delete an object; with `uid` only that very one. `grace` in seconds. Raises ApiError."""
        options = _delete_options(grace) | ({"preconditions": {"uid": uid}} if uid else {})
        answer: dict[str, Any] = self.request("DELETE", path, body=options)
        return answer

    def delete_collection(
        self, path: str, *, label_selector: str | None = None, grace: int | None = None
    ) -> None:
        """Delete the objects of a collection that the selector matches. Raises ApiError."""
        query = {"labelSelector": label_selector} if label_selector else None
        options = _delete_options(grace)
        self.request("DELETE", path, query=query, body=options, verb="deletecollection")

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        *,
        stdin: bytes | None = None,
        timeout: float,
    ) -> ExecResult:
        """Run a command in a container; `timeout` in seconds covers all of it. Raises ExecError."""
        return podexec.run(
            self.api,
            self._tls,
            [*self.headers().items(), *self.impersonation],
            podexec.Target(namespace, pod, container, tuple(command)),
            stdin,
            timeout,
            self._cuts,
        )

    def forward(self, namespace: str, pod: str, port: int, request: bytes, *, timeout: float) -> bytes:
        """Return what a pod's port answers to some bytes; `timeout` in seconds. Raises ExecError."""
        headers = [*self.headers().items(), *self.impersonation]
        return portforward.fetch(
            self.api, self._tls, headers, namespace, pod, port, request, timeout, self._cuts
        )

    def cut_execs(self) -> None:
        """End every exec that is under way: nobody waits for it any more."""
        for cut in list(self._cuts):
            cut()

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext | None:
        return channels.tls_context(self.api.configuration)

    def headers(self) -> dict[str, str]:
        """Headers with fresh credentials; one thread at a time, since a plugin may be run for them."""
        with self._auth_lock:
            if time.monotonic() > self._credentials_until:
                settings = self.api.configuration.auth_settings().values()
                in_headers = [each for each in settings if each["in"] == "header" and each["value"]]
                self._credentials = {each["key"]: str(each["value"]) for each in in_headers}
                self._credentials_until = time.monotonic() + CREDENTIAL_SECONDS
            return {"Accept": JSON, "User-Agent": "dualstack-conformance"} | self._credentials

    def _pages(self, path: str, limit: int, query: dict[str, Any], accept: str) -> Iterator[dict[str, Any]]:
        position = ""
        while True:
            at = {"limit": limit} | ({"continue": position} if position else {})
            page = self.request("GET", path, query=query | at, verb="list", accept=accept)
            yield from page.get("items") or []
            position = page.get("metadata", {}).get("continue", "")
            if not position:
                return

    def _once(self, one: "_Call") -> Any:  # noqa: ANN401
        headers = urllib3.HTTPHeaderDict(self.headers() | {"Accept": one.accept})
        for name, value in self.impersonation:
            headers.add(name, value)
        if one.body is not None:
            headers["Content-Type"] = one.content_type

        def call() -> urllib3.BaseHTTPResponse:
            return self.api.rest_client.pool_manager.request(
                one.method,
                one.url,
                body=json.dumps(one.body).encode() if one.body is not None else None,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, one.timeout), read=one.timeout),
                retries=False,
            )

        response = connected(call, one.verb, one.resource)
        text = response.data.decode(errors="replace")
        if response.status >= http.client.MULTIPLE_CHOICES:  # redirects are not followed
            after = response.headers.get("Retry-After", "")
            raise refused(
                response.status, one.verb, one.resource, text, float(after) if after.isdecimal() else None
            )
        if one.accept == TEXT:
            return text
        try:
            return json.loads(text or "{}")
        except ValueError:
            raise ApiError(response.status, one.verb, one.resource, "", "the answer is not JSON") from None


def _full_name(item: dict[str, Any]) -> tuple[str | None, str]:
    return item["metadata"].get("namespace"), item["metadata"]["name"]


def _may_be_repeated(method: str, error: ApiError) -> bool:
    """Whether the call can be made again without doing anything twice, and may fare better."""
    if error.reason == NOT_SENT or error.status == TOO_MANY:
        return True
    return method in REPEATABLE and (error.reason == BROKEN_OFF or error.status in TRANSIENT)


def _delete_options(grace: int | None) -> dict[str, Any]:
    options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1"}
    if grace is not None:
        options["gracePeriodSeconds"] = grace
    return options
