"""Probes from the machine that runs the suite: the only honest place to call an external address from."""

import errno
import http.client
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from dualstack.family import Family
from dualstack.probes.script import Answers, Request

CONNECT_SECONDS = 2.0
AT_ONCE = 16
NO_WAY_OUT = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def ask(source: str, requests: list[Request], first: bool = False) -> "Future[Answers]":
    """Make the `http` requests of probe.sh from here and return their answers: all addresses side by side.

    A request to an address that this machine has no route to is blocked: it says nothing about the cluster.
    """
    answers = Answers()

    def ask_one(of_address: list[Request]) -> None:
        for request in of_address:
            report, body, blocked = get(request.argument)
            if blocked:
                answers.blocked[request.id] = blocked
            else:
                answers.curl[request.id] = report
                answers.files["body", request.id] = body

    by_address: dict[str, list[Request]] = {}
    for request in requests:
        by_address.setdefault(urlsplit(request.argument).netloc, []).append(request)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask_one, by_address.values()))
    future: Future[Answers] = Future()
    future.set_result(answers)
    return future


def get(url: str, seconds: float = CONNECT_SECONDS) -> tuple[dict[str, Any], str, str | None]:
    """Return (a report in curl's words, the body, why it could not be tried).

    `seconds`: how long a connection, and then an answer, is waited for.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = http.client.HTTPConnection(host, parts.port, timeout=seconds)
    try:
        begun = time.monotonic()
        connection.connect()
        report = {"time_connect": time.monotonic() - begun}
        connection.request("GET", parts.path)
        response = connection.getresponse()
        report["http_code"] = response.status
        return report, response.read(1000).decode(errors="replace"), None
    except OSError as error:
        if error.errno in NO_WAY_OUT and (blocked := _no_route(host)):
            return {}, "", blocked
        message = f"timed out after {seconds:g} s" if isinstance(error, TimeoutError) else str(error)
        return {"exitcode": 1, "errormsg": message}, "", None
    except http.client.HTTPException as error:
        return {"exitcode": 1, "errormsg": f"not HTTP: {error!r}"}, "", None
    finally:
        connection.close()


def _no_route(host: str) -> str | None:
    """Return why this machine itself cannot send to a host. A router on the way may say the same by ICMP."""
    family = Family.V6 if ":" in host else Family.V4
    domain = socket.AF_INET6 if family is Family.V6 else socket.AF_INET
    try:
        with socket.socket(domain, socket.SOCK_DGRAM) as sends_nothing:
            sends_nothing.connect((host, 9))
    except OSError as error:
        return f"the runner has no {family} route to {host} ({error.strerror})"
    return None
