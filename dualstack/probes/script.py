"""Speak with probe.sh: requests in, answers out."""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from ipaddress import ip_address
from typing import Any

ROUND_SECONDS = 60.0  # bound of one exec: curl takes 4 s at most and ping 2 s, but a slow node may take many
COMMAND_NOT_FOUND, NOT_PERMITTED = 127, ("permission denied", "not permitted", "are you root")


@dataclass
class HttpAnswer:
    """What curl says of one request."""

    status: int
    seconds: float
    """From the start until the connection stood."""
    error: str | None
    body: str = ""


@dataclass
class PingAnswer:
    """What ping says of one address."""

    answered: bool
    error: str | None
    allowed: bool = True
    """False where ping may not send at all: that judges the pod, not the path."""


@dataclass
class Answers:
    """Everything that one exec brought back, by request id."""

    http: dict[str, HttpAnswer] = field(default_factory=dict)
    ping: dict[str, PingAnswer] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Other files by name: `addresses`, `routes.IPv4`, `routes.IPv6`, each one JSON document."""


@cache
def command() -> list[str]:
    """The command to exec in a probe pod; requests go to its standard input."""
    return ["/bin/sh", "-c", files("dualstack.probes").joinpath("probe.sh").read_text(encoding="utf-8")]


def http(request: str, host: str, port: int, path: str) -> str:
    """A line that asks for a URL on a literal address; `host` already bracketed if it is IPv6."""
    return f"http {request} http://{host}:{port}/{path}?request={request}"


def ping(request: str, address: str) -> str:
    """A line that asks for one echo."""
    return f"ping {request} {address}"


def stdin(lines: list[str]) -> bytes:
    """The whole conversation's first half."""
    return "\n".join([*lines, ".", ""]).encode()


def parse(stdout: str) -> Answers:
    """Read what the script printed; lines of no known shape are left aside."""
    written: dict[str, list[str]] = {}
    answers = Answers()
    for line in stdout.splitlines():
        if line.startswith("curl {"):
            _add_http(answers, json.loads(line.removeprefix("curl ")))
        elif found := re.match(r"\./([\w.-]+):(.*)", line):
            written.setdefault(found[1], []).append(found[2])
    for name, lines in written.items():
        kind, _, request = name.partition(".")
        if kind == "body" and request in answers.http:
            answers.http[request].body = "\n".join(lines)
        elif kind == "ping":
            answers.ping[request] = _ping(lines)
        else:
            answers.files[name] = "\n".join(lines)
    return answers


def client_seen(body: str) -> str | None:
    """The address in a `/clientip` answer (`10.0.0.1:4242` or `[fd00::1]:4242`); None if there is none."""
    host = body.strip().rpartition(":")[0].strip("[]")
    try:
        return str(ip_address(host))
    except ValueError:
        return None


def _add_http(answers: Answers, told: dict[str, Any]) -> None:
    found = re.search(r"[?&]request=([\w-]+)", told.get("url") or told.get("url_effective") or "")
    if found is None:
        return
    failed = told.get("exitcode", 0) != 0
    answers.http[found[1]] = HttpAnswer(
        status=int(told.get("http_code") or told.get("response_code") or 0),
        seconds=float(told.get("time_connect") or 0),
        error=(told.get("errormsg") or f"curl exit {told.get('exitcode')}") if failed else None,
    )


def _ping(lines: list[str]) -> PingAnswer:
    text = "\n".join(lines[:-1])
    code = int(lines[-1].removeprefix("exit ")) if lines[-1].startswith("exit ") else 1
    if code == 0 and "bytes from" in text:
        return PingAnswer(answered=True, error=None)
    last = next((line for line in reversed(lines[:-1]) if line.strip()), "no output")
    refused = code == COMMAND_NOT_FOUND or any(word in text.lower() for word in NOT_PERMITTED)
    if refused:
        return PingAnswer(answered=False, error=last, allowed=False)
    error = next((line for line in lines[:-1] if "unreachable" in line.lower()), "no reply within 2 s")
    return PingAnswer(answered=False, error=error)
