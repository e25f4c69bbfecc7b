"""The lab's control groups: one tree named `dslab` in every hierarchy, one group per machine.

Membership is also how the lab knows its own processes: whatever runs in the tree was started by it, and
nothing else is ever ended. Controllers are those of the cgroup v1 hierarchies, which hybrid hosts have too
(preflight); the hierarchy of version 2 is joined for what network agents hang on a group, which would be the
whole host's otherwise.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from lab.errors import LabError

ROOT = "dslab"
MOUNTS = Path("/proc/self/mountinfo")


def hierarchies() -> list[Path]:
    """Mount points of this host's hierarchies, of both versions; that of version 2 if it can be written."""
    found: dict[str, Path] = {}
    for line in MOUNTS.read_text().splitlines():
        left, _, right = line.partition(" - ")
        fields, (kind, _source, options) = left.split(), right.split()
        writable = "ro" not in fields[5].split(",")
        if kind == "cgroup" or (kind == "cgroup2" and writable):  # one mounted twice counts once
            found.setdefault(options, Path(fields[4]))
    return list(found.values())


def create(machine: str) -> None:
    """Make the group of one machine in every hierarchy; a cpuset must name its CPUs before anybody joins."""
    for hierarchy in hierarchies():
        for group in (hierarchy / ROOT, hierarchy / ROOT / machine):
            group.mkdir(exist_ok=True)
            if (group / "cgroup.clone_children").exists() and (group / "cpuset.cpus").exists():  # version 1
                for key in ("cpuset.cpus", "cpuset.mems"):
                    (group / key).write_text((group.parent / key).read_text())
                (group / "cgroup.clone_children").write_text("1")


def joining(machine: str, command: list[str]) -> list[str]:
    """`command`, to be run in the group of `machine`: it joins first, and starts only if it could."""
    files = [str(hierarchy / ROOT / machine / "cgroup.procs") for hierarchy in hierarchies()]
    join = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 >"$1" || exit 125; shift; n=$((n-1)); done'
    return ["sh", "-c", f'{join}; exec "$@"', "sh", str(len(files)), *files, *command]


def groups() -> list[Path]:
    """Every group of the lab in every hierarchy, the deepest first."""
    return [
        Path(folder)
        for hierarchy in hierarchies()
        for folder, _, _ in os.walk(hierarchy / ROOT, topdown=False)
    ]


def _pids(found: list[Path]) -> set[int]:
    pids: set[int] = set()
    for group in found:
        try:
            pids.update(int(line) for line in (group / "cgroup.procs").read_text().split())
        except OSError:  # gone in the meantime
            continue
    return pids - {0}


def processes(machine: str | None = None) -> set[int]:
    """Ids of all processes of one machine, or of the lab."""
    inside = f"/{ROOT}/{machine}" if machine else f"/{ROOT}"
    return _pids([group for group in groups() if _within(group, inside)])


def _within(group: Path, inside: str) -> bool:
    return str(group).endswith(inside) or f"{inside}/" in str(group)


def init_of(machine: str) -> int | None:
    """The id, as the host sees it, of pid 1 of a machine; None if the machine is off."""
    for hierarchy in hierarchies():
        for pid in sorted(_pids([hierarchy / ROOT / machine])):
            if _nested_pids(pid) == 1:
                return pid
        return None
    return None


def _nested_pids(pid: int) -> int | None:
    """The process's own pid in a namespace directly below ours; None for others, and for those gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("NSpid:"):
            numbers = line.split()[1:]
            ours = len(_own_pids())
            return int(numbers[-1]) if len(numbers) == ours + 1 else None
    return None


def _own_pids() -> list[str]:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return line.split()[1:]
    return ["?"]


def member() -> bool:
    """Whether this very process runs in a group of the lab."""
    return f":/{ROOT}/" in Path("/proc/self/cgroup").read_text()


def kill_all(machine: str | None = None, deadline: float = 5.0) -> int:
    """End every process of the lab or of one machine with SIGKILL and wait for it; returns how many.

    Nothing is asked to end itself: the state is thrown away anyway, and an API server whose etcd has gone
    first would not listen.
    """
    seen: set[int] = set()
    for _ in _until(deadline, "the lab's processes do not end"):
        alive = processes(machine)
        if not alive:
            return len(seen)
        seen |= alive
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    return len(seen)


def remove(deadline: float = 5.0) -> int:
    """Remove all groups of the lab; returns how many there were. Their processes must have gone."""
    count = 0
    for _ in _until(deadline, "the lab's control groups stay busy"):
        left = groups()
        if not left:
            return count
        for group in left:
            try:
                group.rmdir()
                count += 1
            except FileNotFoundError:
                continue
            except OSError:  # busy: the last process is not quite gone, or somebody was about to join
                kill_all()
    return count


def _until(deadline: float, complaint: str) -> Iterator[None]:
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        yield
        time.sleep(0.02)
    raise LabError(f"{complaint}: see /sys/fs/cgroup/*/{ROOT}; run `python -m lab down` again")
