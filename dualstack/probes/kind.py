"""A kind of request: the words that ask, and what their answers come to. One file each in kinds/."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from dualstack.probes.script import Answers, Request

if TYPE_CHECKING:
    from dualstack.probes.rounds import Tally


NAME, CLIENT = "hostname", "clientip"
"""What a server may be asked: its name, and the client address that it saw."""


class Port(NamedTuple):
    """Where servers answer a word: the name of a Service's port, and the pod's own port."""

    name: str
    number: int


class Kind(ABC):
    """How to ask a target, and how to count what comes back."""

    name: str
    """One word, as observations and evidence show it."""
    ports: ClassVar[Mapping[str, "Port"]] = {}
    """Where server pods listen for each word (manifests/server.yaml); empty where they need not."""
    processes = False
    """Whether each request is a process in the source pod."""

    @abstractmethod
    def requests(self, tally: "Tally", id_: str) -> list[Request]:
        """Return the requests of one round, their ids prefixed with `id_`."""

    @abstractmethod
    def take(self, tally: "Tally", id_: str, answers: Answers) -> bool:
        """Count a round's answers; return whether all that was asked for has answered by now.

        Each request adds one to `tally.requests`, each good answer one to what `tally` counts of answers.
        """

    @abstractmethod
    def in_a_round(self, names: int) -> int:
        """Return how many requests a round makes where `names` of them ask for the server's name."""


class TryKind(Kind):
    """A request whose answer names nobody: each try stands for itself, and one that succeeds is enough."""

    def requests(self, tally: "Tally", id_: str) -> list[Request]:
        """Return as many requests as the round has tries."""
        return [self.request(tally, f"{id_}-{n}") for n in range(tally.round_size)]

    def take(self, tally: "Tally", id_: str, answers: Answers) -> bool:
        """Count the round's tries."""
        tally.requests += tally.round_size
        came = [self.succeeds(tally, f"{id_}-{n}", answers) for n in range(tally.round_size)]
        tally.replies += sum(came)
        return any(came)

    def in_a_round(self, names: int) -> int:
        """Count the one try."""
        return 1

    @abstractmethod
    def request(self, tally: "Tally", id_: str) -> Request:
        """Return the request of one try."""

    @abstractmethod
    def succeeds(self, tally: "Tally", id_: str, answers: Answers) -> bool:
        """Return whether a try brought what it should; if not, note why in `tally.error`."""


class ServerKind(Kind):
    """A request to our server pods: some ask for its name, one for the client address that it saw."""

    def requests(self, tally: "Tally", id_: str) -> list[Request]:
        """Ask for the name as often as the round wants, and a few times for the client."""
        return [self.request(tally, f"{id_}-{n}", word) for n, word in enumerate(self.words(tally))]

    def take(self, tally: "Tally", id_: str, answers: Answers) -> bool:
        """Count names and clients; done when each wanted server and one client have been heard of."""
        words = self.words(tally)
        for n, word in enumerate(words):
            tally.requests += 1
            request = f"{id_}-{n}"
            if reason := answers.blocked.get(request):
                tally.blocked, tally.given_up = reason, True
                continue
            body, error = self.answer(tally, request, answers)
            if body is None:
                tally.error = error
            elif word == CLIENT:
                tally.clients[client_seen(body) or "unreadable"] += 1
            else:
                tally.answered_by[body.strip()] += 1
        heard = tally.clients if CLIENT in words else tally.answered_by
        return bool(heard) and tally.target.wanted <= set(tally.answered_by)

    def words(self, tally: "Tally") -> list[str]:
        """Return what a round asks for: in a burst, three tries in ten are for the client's address."""
        clients = tally.round_size * 3 // 10 if tally.counting else 1
        names = tally.round_size - clients if tally.counting else tally.round_size
        return [NAME] * names + [CLIENT] * clients

    def in_a_round(self, names: int) -> int:
        """Count the names and the client."""
        return names + 1

    @abstractmethod
    def request(self, tally: "Tally", id_: str, word: str) -> Request:
        """Return the request that asks the server for a word: NAME or CLIENT."""

    @abstractmethod
    def answer(self, tally: "Tally", id_: str, answers: Answers) -> tuple[str | None, str | None]:
        """Return (what the server said, None), or (None, why it said nothing)."""


def client_seen(body: str) -> str | None:
    """Return the address in a `clientip` answer (`10.0.0.1:4242`, `[fd00::1]:4242`); None without one."""
    host = body.strip().rpartition(":")[0].strip("[]")
    try:
        return str(ip_address(host))
    except ValueError:
        return None
