"""Source ports of UDP requests: a flow that worked keeps its port, one that did not gets another.

A flow is named by who asks (a scenario), from where, whom, and the how-manieth request of a round it is: two
scenarios that ask the same address at the same time must not use one port.
"""

import itertools
import threading

FIRST_PORT, PORTS = 33000, 27000  # inside the usual ephemeral range, which servers stay out of


Flow = tuple[str, str, str | None, str]
"""(scenario, source, address, request)."""


class Flows:
    """Which source port each request of a path uses. Thread-safe; one for a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ports: dict[Flow, int] = {}
        self._next: dict[str, itertools.count[int]] = {}

    def port(self, flow: Flow) -> int:
        """Return the port of a flow, a new one if it has none."""
        with self._lock:
            if flow not in self._ports:
                _, source, _, _ = flow
                count = self._next.setdefault(source, itertools.count())
                self._ports[flow] = FIRST_PORT + next(count) % PORTS
            return self._ports[flow]

    def renew(self, flow: Flow) -> None:
        """Forget the port of a flow: a datagram that came too early may have spoilt its conntrack entry."""
        with self._lock:
            self._ports.pop(flow, None)
