"""Source ports of UDP requests: a flow that worked keeps its port, one that did not gets another."""

import itertools
import threading

FIRST_PORT, PORTS = 33000, 27000  # inside the usual ephemeral range, which servers stay out of


class Flows:
    """Which source port each request of a path uses. Thread-safe; one for a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ports: dict[tuple[str, str | None, str], int] = {}
        self._next: dict[str, itertools.count[int]] = {}

    def port(self, source: str, address: str | None, request: str) -> int:
        """Return the port of a flow, a new one if it has none."""
        with self._lock:
            key = (source, address, request)
            if key not in self._ports:
                count = self._next.setdefault(source, itertools.count())
                self._ports[key] = FIRST_PORT + next(count) % PORTS
            return self._ports[key]

    def renew(self, source: str, address: str | None, request: str) -> None:
        """Forget the port of a flow: a datagram that came too early may have spoilt its conntrack entry."""
        with self._lock:
            self._ports.pop((source, address, request), None)
