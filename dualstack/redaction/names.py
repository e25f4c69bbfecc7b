"""Pseudonyms: other names in place of the real ones, decided by a key. The same key gives the same names.

A name is replaced wherever it stands as a word, or between dashes and dots within one (`kube-proxy-NODE`).
Only what was learned can be replaced; addresses, and what cloud providers call a machine, are recognised.
"""

import base64
import hmac
import os
import re
import secrets
import threading
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_interface

from dualstack.redaction.addresses import Scrambler
from dualstack.report.model import PSEUDONYM_KEY

NODE, NAMESPACE, SERVER, CONTEXT, USER = "node", "namespace", "server", "context", "user"
NAMELESS = {"default", "kube-system", "kube-public", "kube-node-lease", "kubernetes", "admin"}
"""In every cluster: they name no one. But a node of such a name is one."""

REMEMBERED = 1 << 16  # texts: most of a large report says the same of many
NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]*\w)?")
WITHIN = re.compile(r"[-._]")
WORD = re.compile(r"\w")
LETTER = re.compile(r"[^\W\d_]")
WHO = re.compile(r'\bUser "([^"]+)"')  # how an API server's refusal begins
MACHINE = re.compile(r"\b(?!https?:|wss?:)[a-z][a-z0-9-]*://[^\s,;\"']*\w")  # a node's providerID
OBJECT = re.compile(r"-n [\w.-]+|namespace [\w.-]+|[\w.-]+/[\w.-]+")
"""How an object is spoken of: -n NAMESPACE, namespace NAMESPACE, NAMESPACE/NAME, kind/NAME."""
ADDRESS = re.compile(
    r"""(?<![0-9A-Fa-f:.])
    (?: [0-9A-Fa-f]{0,4} : [0-9A-Fa-f:.]* [0-9A-Fa-f:] | \d{1,3} (?:\.\d{1,3}){3} (?!\.?\d) )
    (?: /\d{1,3} )?""",
    re.VERBOSE,
)


class Pseudonyms:
    """What stands for what, by one key. Who has the key can find out what they stand for."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._addresses = Scrambler(key).replace
        self._names: dict[str, str] = {}
        self._odd: dict[str, str] = {}  # no words: sought in every text, the longest first
        self._beginnings: set[str] = set()
        self._objects: dict[str, str] = {}
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._replaced)
        self._lock = threading.RLock()  # or a text replaced before a name was learned is remembered after it

    def text(self, text: str) -> str:
        """The text with every learned name and every address replaced."""
        with self._lock:
            return self._remembered(text)

    @property
    def key_id(self) -> str:
        """The key's name, to tell whether two reports have theirs from the same one."""
        return hmac.digest(self._key, b"the name of this key", "sha256").hex()[:16]

    def learn(self, kind: str, name: str) -> None:
        """Replace this name from now on. An address has a pseudonym already, and a mere sign gets none."""
        if name in self._names or name in self._odd or not _is_name(name):
            return
        if name in NAMELESS and kind != NODE:
            return
        pseudonym = self._pseudonym(kind, name)
        with self._lock:
            if NAME.fullmatch(name):
                self._names[name] = pseudonym
                if LETTER.search(name):  # a number within an address or a time is none
                    self._beginnings.add(WITHIN.split(name)[0])
            else:
                odd = self._odd | {name: pseudonym}
                self._odd = {each: odd[each] for each in sorted(odd, key=len, reverse=True)}
            self._remembered.cache_clear()

    def learn_object(self, kind: str, namespace: str, name: str) -> tuple[str, str]:
        """Replace an object's names from now on; return what stands for namespace and name.

        Only where they are said as OBJECT has it: objects have ordinary words for names (`web`, `service`).
        """
        place = namespace if namespace in NAMELESS else self._pseudonym(NAMESPACE, namespace)
        other = self._pseudonym(kind, name)
        new = {
            f"-n {namespace}": f"-n {place}", f"namespace {namespace}": f"namespace {place}",
            f"{namespace}/{name}": f"{place}/{other}", f"{kind}/{name}": f"{kind}/{other}",
        }  # fmt: skip
        if not new.keys() <= self._objects.keys():
            with self._lock:
                self._objects |= new
                self._remembered.cache_clear()
        return place, other

    def _replaced(self, text: str) -> str:
        if self._objects:
            text = OBJECT.sub(lambda match: self._objects.get(match[0], match[0]), text)
        if 'User "' in text:
            for who in WHO.findall(text):
                self.learn(USER, who)
        if "://" in text:
            text = MACHINE.sub(lambda match: self._pseudonym("machine", match[0]), text)
        for name, pseudonym in self._odd.items():
            text = text.replace(name, pseudonym)
        parts, at = [], 0
        for match in NAME.finditer(text):
            for start, end, name in self._found(match[0]):
                parts += [self._without_addresses(text[at : match.start() + start]), self._names[name]]
                at = match.start() + end
        return "".join([*parts, self._without_addresses(text[at:])])

    def _pseudonym(self, kind: str, name: str) -> str:
        digest = base64.b32encode(hmac.digest(self._key, f"{kind} {name}".encode(), "sha256"))
        return f"{kind}-{digest[:8].decode().lower()}"

    def _found(self, word: str) -> Iterator[tuple[int, int, str]]:
        """The learned names in a word, from the left, the longest of those that begin at the same place."""
        if word in self._names:
            yield 0, len(word), word
            return
        edges = [0, *(match.end() for match in WITHIN.finditer(word)), len(word) + 1]
        first = 0
        while first < len(edges) - 1:
            start = edges[first]
            step = 1
            if word[start : edges[first + 1] - 1] in self._beginnings:
                for last in range(len(edges) - 1, first, -1):
                    if (name := word[start : edges[last] - 1]) in self._names:
                        yield start, edges[last] - 1, name
                        step = last - first
                        break
            first += step

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


def from_environment() -> Pseudonyms:
    """By the key in $DUALSTACK_PSEUDONYM_KEY; without it by a new one that nobody knows."""
    return Pseudonyms(os.environb.get(PSEUDONYM_KEY.encode()) or secrets.token_bytes())


def _is_name(text: str) -> bool:
    try:
        ip_interface(text)
    except ValueError:
        return WORD.search(text) is not None
    return False
