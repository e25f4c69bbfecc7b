"""A machine's own kernel: User-mode Linux, which runs in the machine's namespaces as its service `kernel`.

Its files are the machine's (hostfs), its network card is a tap beside the machine's eth0 on a bridge, and
containerd and the kubelet have a disk. Commands reach it through files and a serial port (guest/call.sh).
"""

import shutil
import subprocess
import zlib
from pathlib import Path

from lab.artifacts import Artifacts, store, uml
from lab.files import write
from lab.machine import INSIDE, KERNEL, Machine
from lab.network import TAP
from lab.paths import CACHE

MEMORY = "1500M"  # at most; it is taken as the node needs it
DISK_BYTES = 8 << 30  # a sparse file
_PLACE = Path("/run/lab/own-kernel")  # what `prepare` lends, as the machine sees it


def disk(images: Path, built: Artifacts) -> Path:
    """A folder with the disk of containerd and kubelet, images imported; made if it is not cached yet."""
    assert built.uml is not None
    kernel = built.uml
    place = CACHE / "own-kernel" / built.version / f"{images.name}-{kernel.name}"

    def fill(folder: Path) -> None:
        content = folder / "content"
        (content / "kubelet").mkdir(parents=True)
        subprocess.run(["cp", "-al", str(images), str(content / "containerd")], check=True)
        uml.write_disk(kernel, folder / "data.img", DISK_BYTES, content)
        shutil.rmtree(content)

    if not place.is_dir():
        shutil.rmtree(place.parent, ignore_errors=True)  # an older disk of this release is of no use any more
    return store.made(place, fill)


def prepare(machine: Machine, built: Artifacts, data: Path, network: str) -> None:
    """Lay out what the kernel boots from; `network` is shell that gives it addresses and routes."""
    assert built.uml is not None
    for name, target in (("boot", built.uml), ("data", data)):
        machine.lend(_PLACE, name, target)
    (machine.folder / "calls").mkdir()
    write(machine.folder / "network.sh", network)
    machine.add_service(KERNEL, _command(machine.name), before=_SERIAL_PORT)


_SERIAL_PORT = "mkfifo -m 600 /run/lab/serial\nexec <>/run/lab/serial"


def _command(name: str) -> list[str]:
    return [
        f"{_PLACE}/boot/linux.uml",
        f"mem={MEMORY}",
        f"umid={name}",
        "uml_dir=/run/lab/uml",
        f"ubd0={INSIDE}/boot.cow,{_PLACE}/boot/node.img",
        f"ubd1={INSIDE}/data.cow,{_PLACE}/data/data.img",
        "root=/dev/ubda",
        "rw",
        "init=/init",
        f"node_start={INSIDE}/own-kernel.sh",
        f"node_folder={INSIDE}",
        f"eth0=tuntap,{TAP},{_hardware_address(name)}",
        "con=null",
        "con0=null,fd:1",
        "ssl=null",
        "ssl0=fd:0,null",
    ]


def _hardware_address(name: str) -> str:
    """A locally administered address of its own for every machine."""
    return "02:00:" + ":".join(f"{byte:02x}" for byte in zlib.crc32(name.encode()).to_bytes(4, "big"))
