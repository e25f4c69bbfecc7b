"""End a run early as Ctrl-C does, with clean-up and a report, and remember what ended it."""

import signal
from types import FrameType

CTRL_C = "Ctrl-C"
_reason = CTRL_C


def reason() -> str:
    """What interrupted the run."""
    return _reason


def install(time_limit: float | None) -> None:
    """Treat SIGTERM, SIGHUP, and the end of `time_limit` seconds, as Ctrl-C. Main thread only.

    SIGINT is listened to even where it was ignored, as shells have it for what they start in the background:
    whoever sends it to this process means it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _handler("SIGTERM"))
    signal.signal(signal.SIGHUP, _handler("SIGHUP, as when a terminal is gone"))
    if time_limit is not None:
        signal.signal(signal.SIGALRM, _handler(f"the time limit of {time_limit:g} s"))
        signal.setitimer(signal.ITIMER_REAL, time_limit)


def _handler(why: str) -> "signal._HANDLER":
    def handle(number: int, frame: FrameType | None) -> None:
        global _reason
        _reason = why
        raise KeyboardInterrupt(why)

    return handle
