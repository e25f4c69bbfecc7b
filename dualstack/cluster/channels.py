"""A websocket to a subresource of a pod, by which exec and port-forward speak in channels.

The protocol is v4.channel.k8s.io: each message starts with a byte that names its channel.
https://kubernetes.io/docs/reference/generated/kubernetes-api (pods/exec, pods/portforward)
"""

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import urllib3
import websocket
from kubernetes import client
from urllib3.util import create_urllib3_context

from dualstack.cluster.errors import ExecError, one_line

SUBPROTOCOL = "v4.channel.k8s.io"
WORDS = {"exec": "exec in pod", "portforward": "port-forward to pod"}


class Where(NamedTuple):
    """What is spoken with."""

    subresource: str
    namespace: str
    pod: str

    def __str__(self) -> str:
        return f"{WORDS[self.subresource]} {self.pod}"


def tls_context(configuration: client.Configuration) -> ssl.SSLContext | None:
    """TLS as every other call has it; None for plain HTTP. Raises OSError for files that are no good."""
    if not configuration.host.startswith("https"):
        return None
    context = create_urllib3_context()
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif configuration.ssl_ca_cert or configuration.ca_cert_data:
        context.load_verify_locations(configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    else:
        context.load_default_certs()
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def open_line(api: client.ApiClient, tls: ssl.SSLContext | None, timeout: float) -> socket.socket:
    """A connection to the API server, through the proxy that other calls go through, if any."""
    server = urlsplit(api.configuration.host)
    host = server.hostname or ""
    port = server.port or (443 if tls else 80)
    pool = api.rest_client.pool_manager
    if isinstance(pool, urllib3.ProxyManager) and pool.proxy:
        line = http.client.HTTPConnection(pool.proxy.host or "", pool.proxy.port, timeout=timeout)
        line.set_tunnel(f"[{host}]" if ":" in host else host, port, pool.proxy_headers)
    else:
        line = http.client.HTTPConnection(host, port, timeout=timeout)
    line.connect()
    sock: socket.socket = line.sock
    if tls is None:
        return sock
    try:
        return tls.wrap_socket(sock, server_hostname=api.configuration.tls_server_name or host)
    except BaseException:
        sock.close()
        raise


@contextlib.contextmanager
def cut_off(
    sock: socket.socket, seconds: float, over: threading.Event, cuts: set[Callable[[], None]]
) -> Iterator[None]:
    """End the connection after so many seconds, whatever trickles in; a socket's timeout is for one read."""

    def cut() -> None:
        over.set()
        with contextlib.suppress(OSError):  # closed already
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, seconds), cut)
    timer.daemon = True
    timer.start()
    cuts.add(cut)
    try:
        yield
    finally:
        cuts.discard(cut)
        timer.cancel()


def upgrade(
    sock: socket.socket, server: str, headers: Sequence[tuple[str, str]], path: str, where: Where
) -> Any:  # noqa: ANN401 (the library is untyped)
    """The websocket on the connection. Raises ExecError if the server refuses it."""
    connection = websocket.WebSocket(skip_utf8_validation=True)
    url = "ws" + server.removeprefix("http") + path
    try:
        connection.connect(
            url,
            socket=sock,
            header=[f"{name}: {value}" for name, value in headers if name != "Accept"],
            subprotocols=[SUBPROTOCOL],
            suppress_origin=True,
            redirect_limit=0,  # our credentials are for this server only
        )
    except websocket.WebSocketBadStatusException as error:
        raise ExecError("handshake", error.status_code, _refusal(error, where)) from None
    except websocket.WebSocketException:
        status = connection.getstatus()
        if status is None:
            raise
        message = f"{where}: {status}: answered with a redirect, which is not followed"
        raise ExecError("handshake", status, message) from None
    return connection


def _refusal(error: Any, where: Where) -> str:  # noqa: ANN401 (the library is untyped)
    body = (error.resp_body or b"").decode(errors="replace")
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        message = one_line(body) or http.client.responses.get(error.status_code, "no reason given")
    if error.status_code == http.client.FORBIDDEN:
        return f"forbidden: create pods/{where.subresource} in namespace {where.namespace} ({message})"
    return f"{where}: {error.status_code}: {message}"
