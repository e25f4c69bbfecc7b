"""The board: steps' results are put up on it, and tests in any process wait for theirs.

A result is a file, moved into place whole, so that one process and many workers read it the same way; the
files stay in the run's folder as evidence. Who waits for whom: tests and steps wait for a step's file.
What ends a wait: the file (a value, or the reason why there is none), or the end of the owner, who removes
OPEN when nothing more will come, whatever happened. A full disk: what cannot be written is kept in memory
as a failure, so that nobody in the owner's process waits for it, and the removal of OPEN, which needs no
space, ends the waits of all others.
"""

import json
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dualstack.scenario.seen import Seen
from dualstack.scenario.step import Result, Step

POLL_SECONDS = 0.03
OPEN = ".open"
DEPARTED = "departed.json"
TOO_LATE = "the run ended before this could be determined"


class NotSeen(Exception):
    """A step has no result; the message is the reason."""


class Board:
    """A folder with a file for each step: `{"value": …}`, or `{"failed": reason}`. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trouble: str | None = None
        """Why a result could not be written, if so: the run is incomplete then."""
        self._lock = threading.Lock()
        self._known: dict[str, Seen | str] = {}

    def open(self) -> None:
        """Begin: from now on `wait` waits. For the owner of the run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / OPEN).touch()

    def close(self) -> None:
        """Say that nothing more will come."""
        (self.folder / OPEN).unlink(missing_ok=True)

    def publish(self, step: Step[Result], value: Result) -> None:
        """Put a step's result up."""
        self._put(step.key, value, {"value": value.model_dump(mode="json")})

    def fail(self, step: Step[Result], reason: str) -> None:
        """Say why a step will never have a result."""
        self._put(step.key, reason, {"failed": reason})

    def peek(self, step: Step[Result]) -> Result | None:
        """Return the step's result if it is there."""
        try:
            return self._look(step)
        except NotSeen:
            return None

    def known(self, step: Step[Result]) -> bool:
        """Return whether the step has ended, with a result or without."""
        try:
            return self._look(step) is not None
        except NotSeen:
            return True

    def wait(self, step: Step[Result]) -> Result:
        """Wait for a step's result. Every step is bounded, and what it cannot give is failed.

        Raises NotSeen with the reason if there is none.
        """
        while True:
            is_open = (self.folder / OPEN).exists()  # before looking: what came last is not overlooked
            value = self._look(step)
            if value is not None:
                return value
            if not is_open:
                raise NotSeen(TOO_LATE)
            time.sleep(POLL_SECONDS)

    def depart(self, nodes: Iterable[str]) -> None:
        """Note which nodes are no longer in the cluster: what does not hold of these is no finding."""
        with suppress(OSError):
            unfinished = self.folder / f".{DEPARTED}"
            unfinished.write_text(json.dumps(sorted(nodes)), encoding="utf-8")
            unfinished.replace(self.folder / DEPARTED)

    def departed(self) -> frozenset[str]:
        """Return the nodes that left the cluster during the run, as far as it was noticed."""
        try:
            return frozenset(json.loads((self.folder / DEPARTED).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return frozenset()

    def note(self, name: str, value: Seen) -> None:
        """Keep something as evidence that nobody waits for."""
        self._put(name, value, {"value": value.model_dump(mode="json")})

    def _look(self, step: Step[Result]) -> Result | None:
        """Return the result, or None if there is nothing yet. Raises NotSeen."""
        with self._lock:
            known = self._known.get(step.key)
        if known is None:
            file = self.folder / f"{step.key}.json"
            if not file.exists():
                return None
            content = json.loads(file.read_text(encoding="utf-8"))
            known = content["failed"] if "failed" in content else step.result.model_validate(content["value"])
            with self._lock:
                self._known[step.key] = known
        if isinstance(known, str):
            raise NotSeen(known)
        assert isinstance(known, step.result)
        return known

    def _put(self, name: str, value: Seen | str, content: dict[str, object]) -> None:
        """Write the file, then remember the value; the first value of a name stays."""
        with self._lock:
            if name in self._known:
                return
            try:
                unfinished = self.folder / f".{name}.json"
                unfinished.write_text(json.dumps(content), encoding="utf-8")
                unfinished.replace(self.folder / f"{name}.json")
            except OSError as error:
                self.trouble = f"cannot write {self.folder / name}.json: {error.strerror}"
                value = self.trouble
            self._known[name] = value
