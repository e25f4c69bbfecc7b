"""Rounds of probing: ask for everything at once, then again only for what has not answered yet.

New pods and Services take the cluster a moment (rules are programmed after the API says yes), so a first
refusal is no failure. Every round is counted, and the time of the last missing answer is a result.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from dualstack.family import Family, bracketed
from dualstack.probes import script
from dualstack.probes.observation import Observation, Path

PAUSE_SECONDS = 0.25
LEAST_ROUNDS = 3  # where a round takes longer than the bound, a slow start must not look like a broken path
AT_ONCE = 32  # execs side by side

Exec = Callable[[str, list[str]], script.Answers]
"""(source, request lines) → answers. Raises Blocked if it could not be tried."""


class Blocked(Exception):
    """A probe could not be tried; says why."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


@dataclass
class Aim:
    """One path in one family, and what has come of it so far."""

    path: Path
    source: str
    target: str
    family: Family
    address: str | None
    port: int | None = None
    source_address: str | None = None
    wanted: frozenset[str] = frozenset()
    """Server pods that must answer."""
    names_a_round: int = 1
    """`/hostname` requests a round; more than one where a Service spreads them."""
    error: str | None = None
    blocked: str | None = None
    rounds: int = 0
    requests: int = 0
    answered_by: Counter[str] = field(default_factory=Counter)
    clients: Counter[str] = field(default_factory=Counter)
    connect_seconds: float | None = None
    reached_at: float | None = None
    given_up: bool = False

    @property
    def open(self) -> bool:
        """Whether another round may still change anything."""
        return self.reached_at is None and not self.given_up

    def lines(self, request: str) -> list[str]:
        """The requests of one round, their ids prefixed with `request`."""
        assert self.address is not None
        if self.path == "ping":
            return [script.ping(request, self.address)]
        assert self.port is not None
        host = bracketed(self.address)
        names = [
            script.http(f"{request}-{n}", host, self.port, "hostname") for n in range(self.names_a_round)
        ]
        return [*names, script.http(f"{request}-client", host, self.port, "clientip")]

    def take(self, request: str, answers: script.Answers, now: float) -> None:
        """Add a round's answers."""
        self.rounds += 1
        self.blocked = None
        self.error = None
        done = self._take_ping if self.path == "ping" else self._take_http
        if done(request, answers):
            self.reached_at = now

    def observation(self, since: float) -> Observation:
        """What came of it; `since` is the clock's reading that `seconds` counts from."""
        return Observation(
            path=self.path, source=self.source, target=self.target, family=self.family,
            source_address=self.source_address, address=self.address, port=self.port,
            reached=self.reached_at is not None, rounds=self.rounds,
            seconds=None if self.reached_at is None else round(self.reached_at - since, 3),
            connect_seconds=self.connect_seconds, requests=self.requests,
            answered=sum(self.answered_by.values()) + sum(self.clients.values()),
            answered_by=dict(sorted(self.answered_by.items())),
            missing=tuple(sorted(self.wanted - set(self.answered_by))),
            clients_seen=dict(sorted(self.clients.items())), error=self.error, blocked=self.blocked,
        )  # fmt: skip

    def _take_ping(self, request: str, answers: script.Answers) -> bool:
        self.requests += 1
        answer = answers.ping.get(request)
        if answer is None:
            self.error = "the probe printed no answer"
            return False
        self.error = answer.error
        if not answer.allowed:
            self.blocked, self.given_up = f"the probe pod may not ping: {answer.error}", True
        return answer.answered

    def _take_http(self, request: str, answers: script.Answers) -> bool:
        for n in [*map(str, range(self.names_a_round)), "client"]:
            self.requests += 1
            answer = answers.http.get(f"{request}-{n}")
            if answer is None:
                self.error = "the probe printed no answer"
            elif answer.error is not None or answer.status != 200:
                self.error = answer.error or f"HTTP status {answer.status}"
            else:
                self._count(n, answer)
        return bool(self.clients) and self.wanted <= set(self.answered_by)

    def _count(self, n: str, answer: script.HttpAnswer) -> None:
        if n == "client":
            self.clients[script.client_seen(answer.body) or "unreadable"] += 1
        else:
            self.answered_by[answer.body.strip()] += 1
        self.connect_seconds = min(answer.seconds, self.connect_seconds or answer.seconds)


def never(_aim: Aim) -> bool:
    """No aim is known to be in vain."""
    return False


def run(
    aims: Iterable[Aim],
    execute: Exec,
    *,
    bound: float,
    clock: Callable[[], float],
    in_vain: Callable[[Aim], bool] = never,
) -> None:
    """Probe until every aim is reached or `in_vain`, or `bound` seconds have passed since the call.

    What is not reached has been tried LEAST_ROUNDS times at least, however long a round takes here.
    """
    aims = list(aims)
    end = clock() + bound
    rounds = 0
    while open_aims := [aim for aim in aims if aim.open]:
        once(open_aims, execute, clock=clock)
        rounds += 1
        if rounds >= LEAST_ROUNDS:
            if clock() > end:
                return
            for aim in open_aims:
                aim.given_up |= in_vain(aim)
        time.sleep(PAUSE_SECONDS)


def once(aims: Iterable[Aim], execute: Exec, *, clock: Callable[[], float]) -> None:
    """Probe every aim once, all sources side by side."""
    by_source: dict[str, list[Aim]] = {}
    for aim in aims:
        by_source.setdefault(aim.source, []).append(aim)
    with ThreadPoolExecutor(min(AT_ONCE, len(by_source))) as pool:
        for future in [pool.submit(_one, *each, execute, clock) for each in by_source.items()]:
            future.result()


def _one(source: str, aims: list[Aim], execute: Exec, clock: Callable[[], float]) -> None:
    """One exec for all that starts at this source."""
    lines = [line for index, aim in enumerate(aims) for line in aim.lines(str(index))]
    try:
        answers = execute(source, lines)
    except Blocked as reason:
        for aim in aims:
            aim.rounds += 1
            aim.blocked, aim.given_up = str(reason), reason.final
        return
    for index, aim in enumerate(aims):
        aim.take(str(index), answers, clock())
