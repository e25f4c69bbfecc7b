"""A report that can be shown to strangers: nodes, namespaces, addresses, the server's host, the context and
who waived what under which ticket have other names, the same ones everywhere in it, and prefixes keep their
structure.

What it keeps: verdicts, versions, times, the cluster's UID, the names of the suite's own Services, the
profile's and the command's paths. With the same key two runs get the same pseudonyms and can be compared.
"""

import base64
import hmac
import re
from collections.abc import Callable, Collection, Iterator
from ipaddress import ip_interface
from urllib.parse import urlsplit

from pydantic import JsonValue

from dualstack.report.model import Report
from dualstack.report.scramble import Scrambler

KEPT_NAMESPACES = {"default", "kube-system", "kube-public", "kube-node-lease"}
KEPT = {"uid", "version", "kind", "kubelet", "os", "family", "proxy_mode"}
WAIVER_KEPT = {"behaviour", "family", "expiry", "state"}
FINDING_KEPT = {"verdict", "family", "evidence"}
Replace = Callable[[str], str]

NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]*\w)?")
WILD, WORD = re.compile(r"[*?]"), re.compile(r"\w")
ADDRESS = re.compile(
    r"""(?<![0-9A-Fa-f:.])
    (?: [0-9A-Fa-f]{0,4} : [0-9A-Fa-f:.]* [0-9A-Fa-f:] | \d{1,3} (?:\.\d{1,3}){3} (?!\.?\d) )
    (?: /\d{1,3} )?""",
    re.VERBOSE,
)


def pseudonymous(report: Report, key: bytes) -> Report:
    """The report under pseudonyms. Who has the key can find out what they stand for."""
    replace = _Replacement(report, key).text
    document = report.model_dump(mode="json", by_alias=True)
    for part in ("cluster", "convergence", "created", "left_behind"):
        document[part] = _walk(document[part], replace, KEPT)
    document["waivers"] = _walk(document["waivers"], replace, WAIVER_KEPT)
    document["run"] |= {
        name: _walk(document["run"][name], replace) for name in ("command", "partial", "interrupted")
    }
    document["sentence"] = replace(document["sentence"])
    for result in document["behaviours"]:
        result["findings"] = [_finding(each, replace) for each in result["findings"]]
        result["reason"] = _walk(result["reason"], replace)
    return Report.model_validate(document)


class _Replacement:
    """What stands for what."""

    def __init__(self, report: Report, key: bytes) -> None:
        self._addresses = Scrambler(key).replace
        known = {name: _pseudonym(kind, name, key) for kind, name in _names(report) if _is_name(name)}
        self._names = {name: other for name, other in known.items() if NAME.fullmatch(name)}
        odd = sorted(known.keys() - self._names.keys(), key=len, reverse=True)
        self._odd = {name: known[name] for name in odd}

    def text(self, text: str) -> str:
        """The text with every known name and every address replaced."""
        for name, pseudonym in self._odd.items():
            text = text.replace(name, pseudonym)
        parts, at = [], 0
        for match in NAME.finditer(text):
            if (other := self._names.get(match[0])) is not None:
                parts += [self._without_addresses(text[at : match.start()]), other]
                at = match.end()
        return "".join([*parts, self._without_addresses(text[at:])])

    def _without_addresses(self, text: str) -> str:
        return ADDRESS.sub(lambda match: self._address(match[0]), text)

    def _address(self, found: str) -> str:
        """Its pseudonym; punctuation that the pattern took along stays where it was."""
        for start, end in ((0, 0), (0, 1), (1, 0), (1, 1)):
            core = found[start : len(found) - end]
            try:
                return found[:start] + self._addresses(core) + found[len(found) - end :]
            except ValueError:
                continue
        return found


def _pseudonym(kind: str, name: str, key: bytes) -> str:
    digest = hmac.digest(key, f"{kind} {name}".encode(), "sha256")
    return f"{kind}-{base64.b32encode(digest)[:8].decode().lower()}"


def _names(report: Report) -> Iterator[tuple[str, str]]:
    """Every name to be replaced, with what it is the name of."""
    for each in (*report.created, *report.left_behind):
        name = each.name if each.kind == "Namespace" else each.namespace
        if name and name not in KEPT_NAMESPACES:
            yield "namespace", name
    for at in report.convergence:
        yield "node", at.node
    for waiver in report.waivers:
        yield "owner", waiver.owner
        yield "ticket", waiver.ticket
        # A pattern holds parts of names, which no list of names knows.
        if WILD.search(waiver.subject):
            yield "pattern", waiver.subject
    if report.cluster is None:
        return
    if report.cluster.context:
        yield "context", report.cluster.context
    if host := urlsplit(report.cluster.server).hostname:
        yield "server", host
    for node in report.cluster.nodes:
        yield "node", node.name


def _is_name(text: str) -> bool:
    """Not an address, which has a pseudonym of its own kind, and not a mere sign, which is in every text."""
    try:
        ip_interface(text)
    except ValueError:
        return WORD.search(text) is not None
    return False


def _walk(value: JsonValue, replace: Replace, kept: Collection[str] = ()) -> JsonValue:
    """The value with its strings replaced, but for keys and what stands under a kept key."""
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, list):
        return [_walk(each, replace, kept) for each in value]
    if isinstance(value, dict):
        return {key: each if key in kept else _walk(each, replace, kept) for key, each in value.items()}
    return value


def _finding(finding: dict[str, JsonValue], replace: Replace) -> dict[str, JsonValue]:
    """A finding; the names of its facts may be a cluster's too."""
    words = {key: _walk(each, replace) for key, each in finding.items() if key not in FINDING_KEPT}
    return finding | words | {"evidence": _facts(finding["evidence"], replace)}


def _facts(value: JsonValue, replace: Replace) -> JsonValue:
    if isinstance(value, dict):
        return {replace(key): _facts(each, replace) for key, each in value.items()}
    if isinstance(value, list):
        return [_facts(each, replace) for each in value]
    return _walk(value, replace)
