"""Network namespaces by name, below /run/netns where `ip netns` looks for them, all with our prefix.

They are made with `unshare` and not with `ip netns add`, which would leave /run/netns a mount point for ever.
"""

import ctypes
import os
import socket
import subprocess
import threading
from pathlib import Path

from lab import cgroups
from lab.commands import output

FOLDER = Path("/run/netns")
PREFIX = "dslab-"
_CLONE_NEWNET = 0x40000000


def path(machine: str) -> Path:
    """The file that stands for the network namespace of a machine."""
    return FOLDER / f"{PREFIX}{machine}"


def create(machine: str) -> None:
    """Make the namespace of a machine; its control group exists already."""
    FOLDER.mkdir(exist_ok=True)
    place = path(machine)
    place.touch()
    run(machine, ["unshare", f"--net={place}", "true"])


def existing() -> list[Path]:
    """All namespaces of ours."""
    return sorted(FOLDER.glob(f"{PREFIX}*"))


def remove_all() -> int:
    """Unmount and remove every namespace of ours; returns how many there were."""
    found = existing()
    for place in found:
        while str(place) in _mount_points():
            subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.unlink()
    if found and not any(FOLDER.iterdir()) and str(FOLDER) not in _mount_points():
        FOLDER.rmdir()
    return len(found)


def _mount_points() -> set[str]:
    return {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def run(machine: str, command: list[str], *, text: str = "") -> str:
    """Run a short command in the control group of a machine and return its output. Raises LabError."""
    return output(machine, command, cgroups.joining(machine, command), text=text)


def run_inside(machine: str, script: str) -> str:
    """Run a shell script in the network namespace of a machine (the host's files otherwise)."""
    return run(machine, ["nsenter", f"--net={path(machine)}", "sh", "-e"], text=script)


def connect(machine: str, address: tuple[str, int], timeout: float) -> socket.socket:
    """A TCP connection made from within the network namespace of a machine, usable from anywhere.

    A socket belongs for ever to the namespace it was made in, so a thread of its own enters it for a moment.
    """
    result: list[socket.socket | OSError] = []

    def enter_and_connect() -> None:
        try:
            with path(machine).open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            result.append(socket.create_connection(address, timeout))
        except OSError as error:
            result.append(error)

    thread = threading.Thread(target=enter_and_connect)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]
