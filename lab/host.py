"""What the lab changes on the host while it is up: sysctls, named when raised and put back by `down`."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import LabError
from lab.files import write_json
from lab.paths import HOME

_WANTED = {"fs/inotify/max_user_instances": 1024, "fs/inotify/max_user_watches": 131072}
_RAISED = HOME / "host-sysctls.json"  # what they were; beside STATE, so that it outlives a half-removed state
_LOCK = HOME / "lock"


def raise_sysctls() -> list[str]:
    """Raise what is too low, having noted it first; returns a line for each."""
    low = {
        key: before
        for key, wanted in _WANTED.items()
        if (before := int(Path("/proc/sys", key).read_text())) < wanted
    }
    if not low:
        return []
    write_json(_RAISED, _noted() | {key: value for key, value in low.items() if key not in _noted()})
    lines = []
    for key, before in low.items():
        Path("/proc/sys", key).write_text(str(_WANTED[key]))
        lines.append(f"host: {key.replace('/', '.')} raised from {before} to {_WANTED[key]} until `down`")
    return lines


def restore_sysctls() -> list[str]:
    """Put back what was raised; returns a line for each."""
    lines = []
    for key, before in _noted().items():
        Path("/proc/sys", key).write_text(str(before))
        lines.append(f"host: {key.replace('/', '.')} back to {before}")
    _RAISED.unlink(missing_ok=True)
    return lines


def _noted() -> dict[str, int]:
    try:
        return {key: int(value) for key, value in json.loads(_RAISED.read_text()).items() if key in _WANTED}
    except FileNotFoundError:
        return {}


@contextmanager
def exclusive(*, evict: bool = False) -> Iterator[None]:
    """Hold the lab's lock: one `up` or `down` at a time. With `evict`, whoever holds it is ended first."""
    HOME.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("a") as file:
        end = time.monotonic() + 5
        while not _locked(file.fileno()):
            holder = _holder(file.fileno())
            if not evict:
                raise LabError(f"another `python -m lab` (process {holder}) is at work: wait for it")
            if holder:
                os.kill(holder, signal.SIGKILL)
            if time.monotonic() > end:
                raise LabError(f"process {holder} holds {_LOCK} and does not end")
            time.sleep(0.05)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> int | None:
    """The process that the kernel itself says holds the lock."""
    inode = f":{os.fstat(descriptor).st_ino}"
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].endswith(inode):
            return int(fields[4])
    return None
