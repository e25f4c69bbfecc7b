"""Rounds of probing: ask for everything at once, then again only for what has not answered yet.

New pods and Services take the cluster a moment (rules are programmed after the API says yes), so a first
refusal is not a failure. Every round is counted, and the time of the last missing answer is a result.

A Target is what to ask; a Tally is a target with what has come of it. A round goes to all sources at once and
ends when each has answered or could not be asked; `Ask` decides how requests travel (see prober.py). Nothing
here waits without a bound: an exec ends after ROUND_SECONDS, and its future is always set.

Once a tally has its answers, the next round asks it a burst of tries that all count; a second burst follows
if exactly one of them failed, since a busy machine may lose one, and a path that loses some loses more; or if
most tries of the same source failed in that round, since a machine that stands still loses all it asks.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from dualstack.family import Family
from dualstack.probes.flows import Flows
from dualstack.probes.kind import NAME, Kind
from dualstack.probes.observation import Burst, Observation
from dualstack.probes.script import Answers, Request

PAUSE_SECONDS = 0.25
LEAST_ROUNDS = 3  # where a round takes longer than the bound, a slow start must not look like a broken path

Ask = Callable[[str, list[Request], bool], "Future[Answers]"]
"""(source, requests, whether it is their first try) → answers. The future may hold Blocked."""


class Blocked(Exception):
    """A probe could not be tried; says why."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


@dataclass(frozen=True)
class Target:
    """One path in one family, to be asked by one kind of request."""

    kind: Kind
    source: str
    target: str
    family: Family
    address: str | None
    ports: Mapping[str, int] = field(default_factory=dict)
    """Where each word is asked."""
    source_address: str | None = None
    wanted: frozenset[str] = frozenset()
    """Server pods that must answer."""
    allowed: frozenset[str] = frozenset()
    """Server pods that may answer as well; whoever is in neither set is a stranger."""
    names_a_round: int = 1
    """Requests a round that ask for the server's name; more than one where a Service spreads them."""


@dataclass
class Tally:
    """A target, and what has come of it so far."""

    target: Target
    until_silent: bool = False
    """Wait for silence rather than for answers."""
    tries: int = 0
    """How many tries a burst has; 0 for none."""
    scenario: str = ""
    """Who asks."""
    keep_flows: bool = False
    flows: Flows = field(default_factory=Flows)
    error: str | None = None
    blocked: str | None = None
    rounds: int = 0
    requests: int = 0
    replies: int = 0
    """Answers without a name in them: echo replies."""
    answered_by: Counter[str] = field(default_factory=Counter)
    clients: Counter[str] = field(default_factory=Counter)
    strangers: Counter[str] = field(default_factory=Counter)
    connect_seconds: float | None = None
    lost_syns: int = 0
    bursts: list[Burst] = field(default_factory=list)
    burst_rounds: int = 0
    """Rounds that were to be bursts, whether they could be made or not."""
    done_at: float | None = None
    given_up: bool = False

    @property
    def open(self) -> bool:
        """Whether another round may still bring what was asked for."""
        return self.done_at is None and not self.given_up

    @property
    def counting(self) -> bool:
        """Whether the next round is a burst."""
        if self.done_at is None or self.until_silent or self.given_up or self.burst_rounds == LEAST_ROUNDS:
            return False
        return bool(self.tries) and (not self.bursts or (len(self.bursts) == 1 and self.bursts[0].doubtful))

    @property
    def round_size(self) -> int:
        """How many requests the next round makes, those for the client's address left aside at first."""
        return self.tries if self.counting else self.target.names_a_round

    @property
    def missing(self) -> frozenset[str]:
        """Servers that should have answered and have not."""
        return self.target.wanted - set(self.answered_by)

    def take(self, id_: str, answers: Answers, now: float) -> None:
        """Add a round's answers."""
        counting = self.counting
        self.blocked = self.error = None
        names, requests, before = Counter(self.answered_by), self.requests, self.answers
        reached = self.target.kind.take(self, id_, answers)
        self.rounds += not counting
        self.burst_rounds += counting
        if counting:
            if self.blocked is None:
                wrong = Counter(
                    {n: count for n, count in (self.answered_by - names).items() if self._is_stranger(n)}
                )
                self.strangers += wrong
                right = self.answers - before - wrong.total()
                self.bursts.append(
                    Burst(tries=self.requests - requests, answered=right, error=self._said(wrong))
                )
            return
        if self.until_silent:
            reached = self.answers == before and self.blocked is None
        if reached:
            self.done_at = now

    def could_not(self, reason: Blocked) -> None:
        """Note a round that could not be tried."""
        counting = self.counting
        self.rounds += not counting
        self.burst_rounds += counting
        self.blocked, self.given_up = str(reason), reason.final

    def observation(self, since: float) -> Observation:
        """Return what came of it; `since` is the monotonic clock's reading that `seconds` counts from."""
        target, done = self.target, self.done_at is not None
        return Observation(
            kind=target.kind.name, source=target.source, target=target.target, family=target.family,
            source_address=target.source_address, address=target.address, port=target.ports.get(NAME),
            reached=done and not self.until_silent, silent=done and self.until_silent, rounds=self.rounds,
            seconds=None if self.done_at is None else round(self.done_at - since, 3),
            connect_seconds=self.connect_seconds, lost_syns=self.lost_syns, bursts=tuple(self.bursts),
            strangers=dict(sorted(self.strangers.items())), requests=self.requests,
            answered=self.answers, answered_by=dict(sorted(self.answered_by.items())),
            missing=tuple(sorted(self.missing)), clients_seen=dict(sorted(self.clients.items())),
            error=self.error, blocked=self.blocked,
        )  # fmt: skip

    def _is_stranger(self, name: str) -> bool:
        expected = self.target.wanted | self.target.allowed
        return bool(expected) and name not in expected

    def _said(self, wrong: Counter[str]) -> str | None:
        return f"answered by {', '.join(sorted(wrong))}" if wrong else self.error

    @property
    def answers(self) -> int:
        """How many requests were answered, by whomever."""
        return sum(self.answered_by.values()) + sum(self.clients.values()) + self.replies


def never(_tally: Tally) -> bool:
    """Know of no target that is in vain."""
    return False


def until_done(
    tallies: Iterable[Tally],
    ask: Ask,
    *,
    bound: float,
    in_vain: Callable[[Tally], bool] = never,
    may_count: Callable[[], bool] = lambda: True,
) -> None:
    """Probe until every tally is done or `in_vain`, or for `bound` seconds after `may_count` came true.

    What is not done has been tried LEAST_ROUNDS times at least, however long a round takes here. Bursts begin
    when `may_count` says so, too, which must come true within a bound of its own.
    """
    tallies = list(tallies)
    end: float | None = None
    rounds = 0
    while True:
        if end is None and may_count():
            end = time.monotonic() + bound
        still_open = [tally for tally in tallies if tally.open]
        if still_open and rounds >= LEAST_ROUNDS and end is not None:
            for tally in still_open:
                tally.given_up |= time.monotonic() > end or in_vain(tally)
            still_open = [tally for tally in still_open if tally.open]
        counting = [tally for tally in tallies if tally.counting]
        if not still_open and not counting:
            return
        ready = counting if end is not None else []
        one_round([*still_open, *ready], ask)
        rounds += bool(still_open)
        if not ready:
            time.sleep(PAUSE_SECONDS)


def one_round(tallies: Iterable[Tally], ask: Ask) -> None:
    """Probe every tally once, all sources side by side."""
    by_source: dict[str, list[Tally]] = {}
    for tally in tallies:
        by_source.setdefault(tally.target.source, []).append(tally)
    asked = []
    for source, group in by_source.items():
        requests = [r for n, tally in enumerate(group) for r in tally.target.kind.requests(tally, str(n))]
        first = any(tally.rounds == 0 for tally in group)
        asked.append((group, ask(source, requests, first)))
    for group, future in asked:
        try:
            answers = future.result()
        except Blocked as reason:
            for tally in group:
                tally.could_not(reason)
            continue
        now = time.monotonic()
        bursts = [tally for tally in group if tally.counting]
        for n, tally in enumerate(group):
            tally.take(str(n), answers, now)
        _note_where_most_failed([tally for tally in bursts if tally.blocked is None])


def _note_where_most_failed(tallies: list[Tally]) -> None:
    """Mark the last bursts of one source's paths if more than half of all their tries failed."""
    last = [tally.bursts[-1] for tally in tallies]
    if len(last) > 1 and 2 * sum(each.failed for each in last) > sum(each.tries for each in last):
        for tally in tallies:
            tally.bursts[-1] = tally.bursts[-1].model_copy(update={"at_source": True})
