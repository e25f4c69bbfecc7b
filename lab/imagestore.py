"""containerd's image store, filled once and cached: a node gets it as hard links in a moment.

Importing the images costs some ten seconds of processor time for three nodes; layers are only ever read
(overlayfs copies what a container writes), so nodes can share their files. Databases are copied.
"""

import shutil
import subprocess
from pathlib import Path

from lab import cgroups, namespaces, node
from lab.api import wait
from lab.artifacts import Artifacts, store
from lab.machine import Machine
from lab.paths import CACHE

_BUILDER = "images"  # the machine whose containerd imports
_PARTS = (
    "io.containerd.content.v1.content",
    "io.containerd.metadata.v1.bolt",
    "io.containerd.snapshotter.v1.overlayfs",
)


def ensure(artifacts: Artifacts) -> Path:
    """The filled store; imports the images if this set of them is new. Raises LabError.

    Only one `up` is at work at a time, so this needs no lock of its own.
    """
    key = store.key_of([], *(str(path) for path in artifacts.images))
    place = CACHE / "containerd" / artifacts.version / f"images-{key}"
    if not place.is_dir():
        shutil.rmtree(place.parent, ignore_errors=True)  # older sets of this release are of no use any more
        store.made(place, lambda folder: _fill(artifacts, folder))
    return place


def _fill(artifacts: Artifacts, folder: Path) -> None:
    machine = Machine(_BUILDER)
    machine.prepare(artifacts, _BUILDER, "127.0.0.1")
    cgroups.create(_BUILDER)
    namespaces.create(_BUILDER)
    node.prepare_containerd(machine, artifacts)
    machine.power_on()
    machine.service("start", "containerd")
    node.wait_for_containerd(machine)
    images = " ".join(f"/run/lab/images/{path.name}" for path in artifacts.images)
    machine.run(["sh", "-ec", f"for image in {images}; do ctr --namespace k8s.io images import $image; done"])
    wait(
        lambda: _known_to_kubelets(machine) >= len(artifacts.images), 10, lambda: "images stay unknown to CRI"
    )
    machine.service("stop", "containerd")
    for part in _PARTS:
        (machine.folder / "var/lib/containerd" / part).rename(folder / part)
    cgroups.kill_all(machine=_BUILDER)


def _known_to_kubelets(machine: Machine) -> int:
    """How many images carry the mark of containerd's CRI part, which sets it a moment after the import."""
    return machine.run(["ctr", "--namespace", "k8s.io", "images", "list"]).count(
        "io.cri-containerd.image=managed"
    )


def give(place: Path, machine: Machine) -> None:
    """Put the store where the machine's containerd finds it; the machine is off."""
    target = machine.folder / "var/lib/containerd"
    subprocess.run(["cp", "-al", str(place), str(target)], check=True)
    for database in place.glob("**/*.db"):
        copy = target / database.relative_to(place)
        copy.unlink()
        shutil.copy2(database, copy)
