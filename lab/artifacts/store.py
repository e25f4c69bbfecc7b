"""Results cached by content: a folder `<name>-<key>`, where the key is a hash of all that went into it.

A result is made in a temporary folder beside its place and renamed when it is whole, so a build that was
cut short never counts and the next one starts anew.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial-"


def key_of(files: Iterable[tuple[str, bytes]], *facts: str) -> str:
    """A hash over named contents and further facts (versions, flags); equal input gives an equal key."""
    digest = hashlib.sha256()
    for name, content in sorted(files):
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    for fact in facts:
        digest.update(b"\0" + fact.encode())
    return digest.hexdigest()[:16]


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, as `key_of` wants it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def made(place: Path, make: Callable[[Path], None]) -> Path:
    """The result at `place`; where there is none yet, `make` fills an empty folder that then becomes it."""
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=place.parent))
    try:
        make(partial)
        partial.chmod(0o755)
        partial.rename(place)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return place


@contextmanager
def locked(cache: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Only one process fills the cache at a time; calls `waiting` when another one does at present."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        _sweep(cache)
        yield


def _sweep(cache: Path) -> None:
    """Removes what killed builds left behind; safe because the caller holds the lock."""
    for leftover in cache.glob(f"*/{PARTIAL}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def free_bytes(folder: Path) -> int:
    """Free space on the disk where a folder is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(os.fspath(folder)).free
