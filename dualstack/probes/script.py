"""Speak with probe.sh: requests in, answers out. What an answer means is for the kinds to say."""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

ROUND_SECONDS = 60.0  # bound of one exec: curl takes 10 s at most and ping 2 s, but a slow node may take many


@dataclass(frozen=True)
class Request:
    """One line for probe.sh: a word that it knows, an id without dots, and the word's argument."""

    word: str
    id: str
    argument: str = ""

    def line(self, prefix: str = "") -> str:
        """Return the request as probe.sh reads it, its id prefixed."""
        return f"{self.word} {prefix}{self.id} {self.argument}".rstrip()


@dataclass
class Answers:
    """Everything that came back for some requests, by request id."""

    curl: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What curl reports of an `http` request (its %{json})."""
    files: dict[tuple[str, str], str] = field(default_factory=dict)
    """Text that was written down, by (what, id): `body`, `ping`, `udp`, `addresses`, `routes.IPv4` …"""
    blocked: dict[str, str] = field(default_factory=dict)
    """Why a request could not be made at all."""
    curl_trouble: str = ""
    """What curl said of itself, e.g. of an option that it does not know; it is silent about requests."""

    def of(self, prefix: str) -> "Answers":
        """Return the answers whose ids begin with the prefix, without it."""
        start = len(prefix)
        return Answers(
            curl={id_[start:]: each for id_, each in self.curl.items() if id_.startswith(prefix)},
            files={
                (what, id_[start:]): text
                for (what, id_), text in self.files.items()
                if id_.startswith(prefix)
            },
            blocked={id_[start:]: why for id_, why in self.blocked.items() if id_.startswith(prefix)},
            curl_trouble=self.curl_trouble,
        )


@cache
def command() -> list[str]:
    """Return the command to exec in a probe pod; requests go to its standard input."""
    return ["/bin/sh", "-c", files("dualstack.probes").joinpath("probe.sh").read_text(encoding="utf-8")]


def stdin(lines: list[str]) -> bytes:
    """Return what probe.sh reads: the lines, and a lone dot that ends them."""
    return "\n".join([*lines, ".", ""]).encode()


def parse(stdout: str) -> Answers:
    """Read what the script printed; lines of no known shape are left aside."""
    written: dict[tuple[str, str], list[str]] = {}
    answers = Answers()
    for line in stdout.splitlines():
        if line.startswith("curl {"):
            try:
                report = json.loads(line.removeprefix("curl "))
            except ValueError:
                continue
            url = report.get("url") or report.get("url_effective") or ""
            if found := re.search(r"[?&]request=([\w-]+)", url):
                answers.curl[found[1]] = report
        elif found := re.match(r"\./([\w.-]+)\.([\w-]+):(.*)", line):
            written.setdefault((found[1], found[2]), []).append(found[3])
    if said := written.pop(("curl", "trouble"), []):
        answers.curl_trouble = said[0].strip()
    answers.files.update({key: "\n".join(lines) for key, lines in written.items()})
    return answers
