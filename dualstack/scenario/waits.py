"""What the run waits for just now, and until when: for a person who wonders why nothing happens."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Wait(NamedTuple):
    """Something that is waited for; times on the monotonic clock."""

    what: str
    since: float
    until: float


class Waits:
    """Thread-safe; one for a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waits: dict[int, Wait] = {}
        self._count = 0

    @contextmanager
    def waiting(self, what: str, seconds: float) -> Iterator[None]:
        """Note a wait for as long as the block runs."""
        now = time.monotonic()
        with self._lock:
            self._count += 1
            number = self._count
            self._waits[number] = Wait(what, now, now + seconds)
        try:
            yield
        finally:
            with self._lock:
                del self._waits[number]

    def longest(self) -> Wait | None:
        """Return the wait that may last longest from now on."""
        with self._lock:
            return max(self._waits.values(), key=lambda each: each.until, default=None)
