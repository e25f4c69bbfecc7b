"""Exec over a websocket, with a deadline that covers connecting, the handshake and reading.

The protocol is v4.channel.k8s.io: each message starts with a byte that names its channel; channel 3 carries
the end as a Status. https://kubernetes.io/docs/reference/generated/kubernetes-api (pods/exec)
"""

import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import websocket
from kubernetes import client

from dualstack.cluster.channels import Where, cut_off, open_line, upgrade
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
    where = Where("exec", target.namespace, target.pod)
    over = threading.Event()
    try:
        with (
            contextlib.closing(open_line(api, tls, timeout)) as sock,
            cut_off(sock, timeout - (time.monotonic() - start), over, cuts),
        ):
            path = target.path(stdin is not None)
            connection = upgrade(sock, api.configuration.host, headers, path, where)
            for at in range(0, len(stdin or b""), STDIN_CHUNK_BYTES):
                connection.send_binary(bytes([STDIN]) + (stdin or b"")[at : at + STDIN_CHUNK_BYTES])
            status = _read(connection, output)
    except (websocket.WebSocketException, http.client.HTTPException, OSError) as error:
        if over.is_set() or isinstance(error, TimeoutError | websocket.WebSocketTimeoutException):
            raise ExecError("timeout", 0, f"{where}: no end within {timeout:g} s") from None
        raise ExecError("dropped", 0, f"{where}: the connection broke: {error}") from None
    return ExecResult(
        exit_code=_exit_code(status, str(where)),
        stdout=output.text(STDOUT),
        stderr=output.text(STDERR),
        seconds=time.monotonic() - start,
        truncated=output.truncated,
    )


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
