"""Port-forward over a websocket: some bytes to a pod's port, and what comes back.

Channel 0 is data and channel 1 is errors; the first message of each names the port, in two bytes.
"""

import contextlib
import http.client
import ssl
import threading
import time
from collections.abc import Callable, Sequence

import websocket
from kubernetes import client

from dualstack.cluster.channels import Where, cut_off, open_line, upgrade
from dualstack.cluster.errors import ExecError, one_line

DATA, ERROR = 0, 1
ANSWER_AT_MOST_BYTES = 64 * 1024


def fetch(
    api: client.ApiClient,
    tls: ssl.SSLContext | None,
    headers: Sequence[tuple[str, str]],
    namespace: str,
    pod: str,
    port: int,
    request: bytes,
    timeout: float,
    cuts: set[Callable[[], None]],
) -> bytes:
    """Return what the port answers until it closes; `timeout` in seconds for all of it. Raises ExecError."""
    where = Where("portforward", namespace, pod)
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}"
    over, start, answer = threading.Event(), time.monotonic(), b""
    try:
        with (
            contextlib.closing(open_line(api, tls, timeout)) as sock,
            cut_off(sock, timeout - (time.monotonic() - start), over, cuts),
        ):
            connection = upgrade(sock, api.configuration.host, headers, path, where)
            connection.send_binary(bytes([DATA]) + request)
            named: set[int] = set()
            while len(answer) < ANSWER_AT_MOST_BYTES:
                opcode, message = connection.recv_data()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    break
                channel, data = message[0] if message else DATA, message[1:]
                if channel not in named:  # the first message of a channel is the port's number
                    named.add(channel)
                    data = data[2:]
                if channel == ERROR and data:
                    raise ExecError("runtime", 0, f"{where}: {one_line(data.decode(errors='replace'))}")
                answer += data if channel == DATA else b""
    except (websocket.WebSocketException, http.client.HTTPException, OSError) as error:
        if answer:
            return answer  # the server closed: it had answered
        if over.is_set() or isinstance(error, TimeoutError | websocket.WebSocketTimeoutException):
            raise ExecError("timeout", 0, f"{where}: no answer within {timeout:g} s") from None
        raise ExecError("dropped", 0, f"{where}: the connection broke: {error}") from None
    return answer
