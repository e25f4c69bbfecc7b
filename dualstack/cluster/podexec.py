"""Exec over a websocket, with a deadline that covers connecting, the handshake and reading.

The protocol is v4.channel.k8s.io: each message starts with a byte that names its channel; channel 3 carries
the end as a Status. https://kubernetes.io/docs/reference/generated/kubernetes-api (pods/exec)
"""

import json
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import websocket
from kubernetes.client import Configuration

from dualstack.cluster.errors import ExecError

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


def run(
    configuration: Configuration,
    headers: dict[str, str],
    target: Target,
    stdin: bytes | None,
    timeout: float,
) -> ExecResult:
    """Run it. Raises ExecError."""
    start = time.monotonic()
    end = start + timeout
    connection = _connect(configuration, headers, target, stdin is not None, timeout)
    try:
        for at in range(0, len(stdin or b""), STDIN_CHUNK_BYTES):
            connection.send_binary(bytes([STDIN]) + (stdin or b"")[at : at + STDIN_CHUNK_BYTES])
        output, status = _read(connection, end, timeout)
    except websocket.WebSocketTimeoutException:
        raise ExecError("timeout", 0, f"exec in pod {target.pod}: no end within {timeout:.0f} s") from None
    except (websocket.WebSocketException, OSError) as error:
        raise ExecError("dropped", 0, f"exec in pod {target.pod}: the connection broke: {error}") from None
    finally:
        connection.shutdown()
    return ExecResult(
        exit_code=_exit_code(status, target.pod),
        stdout=b"".join(output[STDOUT]).decode(errors="replace"),
        stderr=b"".join(output[STDERR]).decode(errors="replace"),
        seconds=time.monotonic() - start,
    )


def _connect(
    configuration: Configuration, headers: dict[str, str], target: Target, stdin: bool, timeout: float
) -> websocket.WebSocket:
    host = configuration.host
    url = "ws" + host.removeprefix("http") + target.path(stdin)
    connection = websocket.WebSocket(sslopt=_tls(configuration), skip_utf8_validation=True)
    connection.settimeout(timeout)
    try:
        connection.connect(
            url,
            header=[f"{name}: {value}" for name, value in headers.items() if name != "Accept"],
            subprotocols=["v4.channel.k8s.io"],
            suppress_origin=True,
            timeout=timeout,
            **_proxy(configuration),
        )
    except websocket.WebSocketBadStatusException as error:
        raise ExecError("handshake", error.status_code, _refusal(error, target)) from None
    except websocket.WebSocketTimeoutException:
        raise ExecError(
            "timeout", 0, f"exec in pod {target.pod}: no connection within {timeout:.0f} s"
        ) from None
    except (websocket.WebSocketException, OSError) as error:
        raise ExecError("dropped", 0, f"exec in pod {target.pod}: no connection: {error}") from None
    return connection


def _refusal(error: Any, target: Target) -> str:  # noqa: ANN401 (the library is untyped)
    body = (error.resp_body or b"").decode(errors="replace")
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        message = body[:300] or str(error)
    where = f"pods/exec in namespace {target.namespace}"
    if error.status_code == 403:
        return f"forbidden: create {where} ({message})"
    return f"exec in pod {target.pod}: {error.status_code}: {message}"


def _read(connection: Any, end: float, timeout: float) -> tuple[dict[int, list[bytes]], dict[str, Any]]:  # noqa: ANN401
    output: dict[int, list[bytes]] = {STDOUT: [], STDERR: []}
    size = 0
    while True:
        left = end - time.monotonic()
        if left <= 0:
            raise websocket.WebSocketTimeoutException(f"{timeout} s are over")
        connection.settimeout(left)
        opcode, data = connection.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise websocket.WebSocketConnectionClosedException("closed before the command's end was told")
        channel, data = data[0], data[1:]
        if channel == STATUS:
            return output, json.loads(data)
        if channel in output and size < OUTPUT_AT_MOST_BYTES:
            output[channel].append(data)
            size += len(data)


def _exit_code(status: dict[str, Any], pod: str) -> int:
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise ExecError("runtime", 0, f"exec in pod {pod}: {status.get('message', 'unknown error')}")


def _tls(configuration: Configuration) -> dict[str, Any]:
    options: dict[str, Any] = {"cert_reqs": ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE}
    if not configuration.verify_ssl:
        options["check_hostname"] = False
    if configuration.ssl_ca_cert:
        options["ca_certs"] = configuration.ssl_ca_cert
    if configuration.cert_file:
        options["certfile"], options["keyfile"] = configuration.cert_file, configuration.key_file
    if configuration.tls_server_name:
        options["server_hostname"] = configuration.tls_server_name
    return options


def _proxy(configuration: Configuration) -> dict[str, Any]:
    """The proxy that REST calls use, if any; otherwise none, whatever the environment says."""
    if not configuration.proxy:
        return {"http_no_proxy": ["*"]}
    scheme, _, rest = configuration.proxy.partition("://")
    host, _, port = rest.rstrip("/").rpartition(":")
    return {"http_proxy_host": host, "http_proxy_port": int(port), "proxy_type": scheme}
