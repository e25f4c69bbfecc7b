"""What this machine lacks before a cluster can be brought up: each a line with the command that mends it."""

import os
import platform
import shutil
from pathlib import Path

from lab import artifacts, cgroups
from lab.errors import LabError
from lab.variants import Variant

_PROGRAMS = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "umount": "mount",
}
_CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids")


def missing(variant: Variant) -> list[str]:
    """One line for each thing that is missing; none if the lab can start."""
    if platform.system() != "Linux":
        return ["Linux: the lab is made of network namespaces; run it on a Linux machine"]
    lines = []
    if os.geteuid() != 0:
        lines.append("root: namespaces and control groups need it; run the same command with sudo")
    packages = sorted({package for program, package in _PROGRAMS.items() if not shutil.which(program)})
    if packages:
        lines.append(f"programs: run `apt-get install --yes {' '.join(packages)}`")
    lines += _cgroups()
    if not Path("/proc/self/ns/cgroup").exists() or "overlay" not in Path("/proc/filesystems").read_text():
        lines.append(
            "kernel: cgroup namespaces and overlayfs are needed; run `modprobe overlay` or another kernel"
        )
    return lines + artifacts.missing(variant.kubernetes, with_uml=variant.own_kernels, extras=variant.extras)


def _cgroups() -> list[str]:
    mounted = {controller for path in cgroups.hierarchies() for controller in path.name.split(",")}
    absent = [each for each in _CONTROLLERS if each not in mounted]
    if not absent:
        return []
    return [
        f"cgroup v1: no hierarchy for {', '.join(absent)}, and cgroup v2 alone is not supported: "
        "boot with `systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1`"
    ]


def check(variant: Variant) -> None:
    """Raise LabError with everything that is missing."""
    if lines := missing(variant):
        raise LabError("this machine lacks:\n" + "\n".join(f"  - {line}" for line in lines))
