"""A kernel of its own for a node: Debian's user-mode Linux, one ordinary process with IPVS, and its disks.

node.img boots: busybox, the kernel's modules and our init, which moves on into the host's root folder (see
lab/modules/uml/init). `write_disk` makes a second disk of a folder's content. Both are read-only backing
files; a node writes to a layer that the kernel makes itself: `linux.uml ubd0=NODE.cow,node.img
ubd1=DATA.cow,data.img root=/dev/ubda rw init=/init node_start=PROGRAM node_folder=FOLDER`.
"""

import os
import shutil
import subprocess
from pathlib import Path

from lab.artifacts import debian, recipe, store
from lab.artifacts.commands import Progress
from lab.errors import LabError

FOLDER = recipe.MODULES / "uml"
MACHINES = ("x86_64",)  # what Debian has user-mode-linux for
FOLDERS = ("bin", "sbin", "dev", "proc", "sys", "host", "layer", "node", "lib/modules")
BLOCK = 4096
SPARE_BYTES = 16 << 20  # of node.img, beyond its content
MKE2FS = "mke2fs"  # the folder with the program that makes disks and the libraries that it needs


def place(cache: Path) -> Path:
    """Where linux.uml, node.img and mke2fs/ are, or will be."""
    facts = (debian.place(cache).name, Path(__file__).read_text())
    return cache / "uml" / f"uml-{store.key_of(store.contents(FOLDER), *facts)}"


def make(usr: Path, cache: Path, progress: Progress) -> Path:
    """The folder with the kernel and its boot disk, made if it is not in the cache yet."""

    def fill(folder: Path) -> None:
        tree = folder / "tree"
        tree.mkdir()
        debian.unpack_packages(FOLDER / "packages.toml", tree, cache / "logs", progress)
        progress("making the boot disk of nodes with their own kernel: about 5 s")
        (tree / "usr/bin/linux.uml").rename(folder / "linux.uml")
        libraries = next(path for path in (tree / "usr/lib").glob("*-linux-gnu") if path.is_dir())
        libraries.rename(folder / MKE2FS)
        (tree / "usr/sbin/mke2fs").rename(folder / MKE2FS / "mke2fs")
        root = _root(usr, tree, folder / "root")
        content = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
        # Each file takes whole blocks, and the file system itself a part of the disk.
        write_disk(folder, folder / "node.img", content + content // 4 + SPARE_BYTES, root)
        for part in (tree, root):
            shutil.rmtree(part)

    return store.made(place(cache), fill)


def _root(usr: Path, tree: Path, root: Path) -> Path:
    """The content of the boot disk."""
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    shutil.copyfile(usr / "bin/busybox", root / "bin/busybox")
    for name in ("init", "modules"):
        shutil.copyfile(FOLDER / name, root / name)
    for name in ("init", "bin/busybox"):
        (root / name).chmod(0o755)
    (root / "sbin/modprobe").symlink_to("../bin/busybox")
    shutil.copytree(tree / "usr/lib/uml/modules", root / "lib/modules", symlinks=True, dirs_exist_ok=True)
    return root


def write_disk(made: Path, disk: Path, size: int, content: Path) -> None:
    """An ext4 disk (a sparse file of `size` bytes) of a folder, by the mke2fs that `make` has kept."""
    tools = made / MKE2FS
    with disk.open("wb") as file:
        file.truncate(size // BLOCK * BLOCK)
    loader = next(tools.glob("ld-linux-*.so.*"))
    command = [os.fspath(loader), "--library-path", os.fspath(tools), os.fspath(tools / "mke2fs")]
    command += ["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0"]
    command += ["-E", "lazy_itable_init=1,root_owner=0:0", "-d", os.fspath(content)]
    answer = subprocess.run([*command, os.fspath(disk)], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise LabError(f"{disk.name}: mke2fs failed: {' '.join(answer.stderr.split())}")
