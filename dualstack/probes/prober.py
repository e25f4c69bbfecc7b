"""The prober: packs what all scenarios ask of one pod into few execs.

Who waits for whom: a scenario's thread asks and waits for its future; a worker thread of this pool runs the
exec. Requests that arrive within GATHER_SECONDS share one exec, and what arrives while it runs goes into the
next. At most AT_ONCE execs run in one pod, so that a path that is dead (2 s a round at least) holds up the
others no longer than that, and pods see a handful of execs however many scenarios there are.
What ends a wait: the exec ends (its own deadline is script.ROUND_SECONDS) or fails, and every future of its
batch is set, with Blocked or with whatever exception came. No path leaves a future unset.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from dualstack.probes.script import Answers, Request

GATHER_SECONDS = 0.02
AT_ONCE = 2  # execs in one pod
THREADS = 32  # execs in all


class Place(NamedTuple):
    """Where an exec runs: the pod of a role on a node."""

    role: str
    node: str


class Exec(NamedTuple):
    """One exec that was made."""

    place: Place
    requests: int
    first: int
    """How many of the requests were tried for the first time."""
    seconds: float


Execute = Callable[[Place, list[str]], Answers]
"""(place, lines for probe.sh) → answers. Raises Blocked if it could not be tried."""


class Prober:
    """Thread-safe; one for a run."""

    def __init__(self, execute: Execute) -> None:
        self.log: list[Exec] = []
        self._execute = execute
        self._lock = threading.Lock()
        self._waiting: dict[Place, list[tuple[list[Request], bool, Future[Answers]]]] = {}
        self._running: Counter[Place] = Counter()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="prober")

    def ask(self, place: Place, requests: list[Request], first: bool = False) -> "Future[Answers]":
        """Return the answers to come; `first` says that the requests have not been tried before."""
        future: Future[Answers] = Future()
        with self._lock:
            self._waiting.setdefault(place, []).append((requests, first, future))
            if self._running[place] < AT_ONCE:
                self._running[place] += 1
                self._pool.submit(self._work, place)
        return future

    def close(self) -> None:
        """Let the threads end once they have nothing to do."""
        self._pool.shutdown(wait=False)

    def _work(self, place: Place) -> None:
        while True:
            time.sleep(GATHER_SECONDS)
            with self._lock:
                batch = self._waiting.pop(place, [])
                if not batch:
                    self._running[place] -= 1
                    return
            self._exec(place, batch)

    def _exec(self, place: Place, batch: list[tuple[list[Request], bool, "Future[Answers]"]]) -> None:
        lines = [each.line(f"{n}-") for n, (requests, _, _) in enumerate(batch) for each in requests]
        start = time.monotonic()
        try:
            answers = self._execute(place, lines)
        except BaseException as error:  # the askers must hear of it, whatever it is
            for _, _, future in batch:
                future.set_exception(error)
            return
        finally:
            first = sum(len(requests) for requests, first, _ in batch if first)
            self.log.append(Exec(place, len(lines), first, round(time.monotonic() - start, 3)))
        for n, (_, _, future) in enumerate(batch):
            future.set_result(answers.of(f"{n}-"))
