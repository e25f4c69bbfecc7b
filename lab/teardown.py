"""Taking everything down, whatever there is: it is looked for in the kernel, not in what `up` wrote down."""

import shutil

from lab import cgroups, host, namespaces
from lab.errors import LabError
from lab.paths import STATE


def remove() -> list[str]:
    """End all processes, remove namespaces, groups and state, mend the host; returns what was found."""
    if cgroups.member():
        raise LabError(
            "this shell is inside the lab (`exec` or `outside`): leave it, then run `python -m lab down`"
        )
    counts = {"processes": cgroups.kill_all(), "network namespaces": namespaces.remove_all()}
    counts["control groups"] = cgroups.remove()
    lines = [f"{count} {what} removed" for what, count in counts.items() if count]
    lines += host.restore_sysctls()
    if STATE.exists():
        shutil.rmtree(STATE)
        lines.append("state removed")
    return lines


def down() -> list[str]:
    """Take the lab down, an `up` that is still at work included."""
    with host.exclusive(evict=True):
        return remove()
