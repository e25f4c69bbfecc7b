"""Lines of progress: what happened and when; and for long waits, what is waited for and until when.

On a terminal the wait is one line that is written over each second. Elsewhere (a job's log) it is a plain
line once in a while. Whoever prints a line first takes the live one away.
"""

import shutil
import threading
import time
from collections.abc import Callable

import pytest

from dualstack.report.text import shortened
from dualstack.scenario.waits import Wait, Waits

LONG_SECONDS = 5.0  # a wait that lasts longer is worth a word
TICK_SECONDS, PLAIN_SECONDS = 1.0, 30.0
ERASE = "\r\x1b[K"


class Progress:
    """For any thread: `say` prints a line; between `start` and `stop` long waits are shown."""

    def __init__(self, config: pytest.Config, shown: Callable[[str], str]) -> None:
        self._reporter = config.pluginmanager.getplugin("terminalreporter")
        self._shown, self._begun, self._lock = shown, time.monotonic(), threading.Lock()
        self._live = bool(self._reporter and self._reporter.isatty)
        self._is_live_line = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._said: Wait | None = None
        self._said_at = 0.0

    def say(self, line: str) -> None:
        """Print a line, as it may be shown, with the time since the start."""
        if self._reporter is None:
            return
        with self._lock:
            self._erase()
            self._reporter.write_line(f"{time.monotonic() - self._begun:6.1f} s  {self._shown(line)}")

    def start(self, waits: Callable[[], Waits | None]) -> None:
        """Begin to show long waits."""
        self._thread = threading.Thread(target=self._watch, args=(waits,), name="progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Show no more waits, and leave no live line behind."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._erase()

    def _watch(self, waits: Callable[[], Waits | None]) -> None:
        while not self._ended.wait(TICK_SECONDS):
            known = waits()
            wait = known.longest() if known else None
            if wait and time.monotonic() - wait.since > LONG_SECONDS:
                self._show(wait)

    def _show(self, wait: Wait) -> None:
        if self._reporter is None:
            return
        left = max(0.0, wait.until - time.monotonic())
        until = time.strftime("%H:%M:%S", time.localtime(time.time() + left))
        text = f"waiting for {self._shown(wait.what)}, until {until} at most ({left:.0f} s more)"
        if not self._live:
            if wait != self._said or time.monotonic() - self._said_at > PLAIN_SECONDS:
                self._said, self._said_at = wait, time.monotonic()
                self.say(text)
            return
        with self._lock:
            width = shutil.get_terminal_size((100, 24)).columns - 1
            self._reporter.write(ERASE + shortened(f"          {text}", width), flush=True)
            self._is_live_line = True

    def _erase(self) -> None:
        if self._is_live_line and self._reporter is not None:
            self._reporter.write(ERASE, flush=True)
            self._is_live_line = False
