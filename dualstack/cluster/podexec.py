"""Exec over a websocket, with a deadline that covers connecting, the handshake and reading.

The protocol is v4.channel.k8s.io: each message starts with a byte that names its channel; channel 3 carries
the end as a Status. https://kubernetes.io/docs/reference/generated/kubernetes-api (pods/exec)
"""

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
import websocket
from kubernetes import client
from urllib3.util import create_urllib3_context

from dualstack.cluster.errors import ExecError, one_line

STDIN, STDOUT, STDERR, STATUS = 0, 1, 2, 3
STDIN_CHUNK_BYTES = 32 * 1024
OUTPUT_AT_MOST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class ExecResult:
    """What a command printed and how it ended."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    truncated: bool = False
    """There was more output than OUTPUT_AT_MOST_BYTES; the rest was not kept."""


@dataclass(frozen=True)
class Target:
    """Where a command runs, and which."""

    namespace: str
    pod: str
    container: str
    command: tuple[str, ...]

    def path(self, stdin: bool) -> str:
        """The request's path and query."""
        query = [("container", self.container), ("stdout", "true"), ("stderr", "true")]
        query += [("stdin", "true")] if stdin else []
        query += [("command", word) for word in self.command]
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.pod}/exec?{urlencode(query)}"


@dataclass
class _Output:
    """What has come so far, up to the limit."""

    parts: dict[int, list[bytes]] = field(default_factory=lambda: {STDOUT: [], STDERR: []})
    size: int = 0
    truncated: bool = False

    def add(self, channel: int, data: bytes) -> None:
        kept = data[: OUTPUT_AT_MOST_BYTES - self.size]
        self.parts[channel].append(kept)
        self.size += len(kept)
        self.truncated |= len(kept) < len(data)

    def text(self, channel: int) -> str:
        return b"".join(self.parts[channel]).decode(errors="replace")


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


def run(
    api: client.ApiClient,
    tls: ssl.SSLContext | None,
    headers: Sequence[tuple[str, str]],
    target: Target,
    stdin: bytes | None,
    timeout: float,
    cuts: set[Callable[[], None]],
) -> ExecResult:
    """Run it; `timeout` in seconds. While it runs, a way to end it is in `cuts`. Raises ExecError."""
    start = time.monotonic()
    output = _Output()
    where = f"exec in pod {target.pod}"
    over = threading.Event()
    try:
        with (
            contextlib.closing(_open(api, tls, timeout)) as sock,
            _cut_off(sock, timeout - (time.monotonic() - start), over, cuts),
        ):
            connection = _upgrade(sock, api.configuration.host, headers, target, stdin is not None)
            for at in range(0, len(stdin or b""), STDIN_CHUNK_BYTES):
                connection.send_binary(bytes([STDIN]) + (stdin or b"")[at : at + STDIN_CHUNK_BYTES])
            status = _read(connection, output)
    except (websocket.WebSocketException, http.client.HTTPException, OSError) as error:
        if over.is_set() or isinstance(error, TimeoutError | websocket.WebSocketTimeoutException):
            raise ExecError("timeout", 0, f"{where}: no end within {timeout:g} s") from None
        raise ExecError("dropped", 0, f"{where}: the connection broke: {error}") from None
    return ExecResult(
        exit_code=_exit_code(status, where),
        stdout=output.text(STDOUT),
        stderr=output.text(STDERR),
        seconds=time.monotonic() - start,
        truncated=output.truncated,
    )


def _open(api: client.ApiClient, tls: ssl.SSLContext | None, timeout: float) -> socket.socket:
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
def _cut_off(
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


def _upgrade(
    sock: socket.socket, server: str, headers: Sequence[tuple[str, str]], target: Target, stdin: bool
) -> Any:  # noqa: ANN401 (the library is untyped)
    """The websocket on the connection. Raises ExecError if the server refuses it."""
    connection = websocket.WebSocket(skip_utf8_validation=True)
    url = "ws" + server.removeprefix("http") + target.path(stdin)
    try:
        connection.connect(
            url,
            socket=sock,
            header=[f"{name}: {value}" for name, value in headers if name != "Accept"],
            subprotocols=["v4.channel.k8s.io"],
            suppress_origin=True,
            redirect_limit=0,  # our credentials are for this server only
        )
    except websocket.WebSocketBadStatusException as error:
        raise ExecError("handshake", error.status_code, _refusal(error, target)) from None
    except websocket.WebSocketException:
        status = connection.getstatus()
        if status is None:
            raise
        message = f"exec in pod {target.pod}: {status}: answered with a redirect, which is not followed"
        raise ExecError("handshake", status, message) from None
    return connection


def _refusal(error: Any, target: Target) -> str:  # noqa: ANN401 (the library is untyped)
    body = (error.resp_body or b"").decode(errors="replace")
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        message = one_line(body) or http.client.responses.get(error.status_code, "no reason given")
    if error.status_code == http.client.FORBIDDEN:
        return f"forbidden: create pods/exec in namespace {target.namespace} ({message})"
    return f"exec in pod {target.pod}: {error.status_code}: {message}"


def _read(connection: Any, output: _Output) -> dict[str, Any]:  # noqa: ANN401 (the library is untyped)
    """Collect output until the end."""
    while True:
        opcode, data = connection.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise websocket.WebSocketConnectionClosedException("closed before the command's end")
        if len(data) < 2:
            continue  # some servers open a channel with an empty message
        channel, data = data[0], data[1:]
        if channel == STATUS:
            return _status(data)
        if channel in output.parts:
            output.add(channel, data)


def _status(data: bytes) -> dict[str, Any]:
    try:
        status: dict[str, Any] = json.loads(data)
        return status
    except ValueError:
        return {"message": one_line(data.decode(errors="replace"))}


def _exit_code(status: dict[str, Any], where: str) -> int:
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise ExecError("runtime", 0, f"{where}: {status.get('message', 'unknown error')}")
