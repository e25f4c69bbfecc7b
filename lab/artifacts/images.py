"""What is inside the lab's container images: one command of ours, and tools from the Debian tree.

The agnhost image offers what the official one does (there it is Alpine's): a shell, bash, curl, dig, nc, ip,
ping. Real programs win; busybox stands in for every other name it knows.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.artifacts import docker_archive
from lab.artifacts.docker_archive import Layer
from lab.artifacts.recipe import Image
from lab.errors import LabError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"
GROUPS = "root:x:0:\nnogroup:x:65534:\n"
MERGED = ("bin", "sbin", "lib", "lib64")


def write(image: Image, bin_folder: Path, usr: Path, target: Path) -> None:
    """Writes the image's docker-archive."""
    layer = Layer()
    layer.text("/etc/passwd", USERS)
    layer.text("/etc/group", GROUPS)
    layer.folder("/tmp", 0o1777)  # noqa: S108 - a path inside the image
    layer.folder("/root", 0o700)
    if image.programs:
        _add_programs(layer, image, usr)
    entrypoint = image.entrypoint or f"/{image.command}"
    layer.file(entrypoint, bin_folder / image.command)
    process: dict[str, Any] = {"Entrypoint": [entrypoint], "Env": [f"PATH={PATH}"], "WorkingDir": "/"}
    if image.arguments:
        process["Cmd"] = image.arguments
    if image.user:
        process["User"] = image.user
    docker_archive.write(target, image.name, layer, process)


def _add_programs(layer: Layer, image: Image, usr: Path) -> None:
    for name in MERGED:
        layer.folder(f"/usr/{name}")
        layer.link(f"/{name}", f"usr/{name}")
    for name in image.programs:
        program = _find(usr, name)
        layer.file(f"/usr/bin/{name}", program)
        for path, library in _libraries(usr, program).items():
            layer.file(path, library)
    for name, program_name in image.links.items():
        layer.link(f"/usr/bin/{name}", program_name)
    if "busybox" in image.programs:
        for name in _run([_find(usr, "busybox"), "--list"]).split():
            if f"/usr/bin/{name}" not in layer:
                layer.link(f"/usr/bin/{name}", "busybox")


def _find(usr: Path, name: str) -> Path:
    for folder in ("bin", "sbin"):
        if (usr / folder / name).is_file():
            return (usr / folder / name).resolve()
    raise LabError(f"no program {name} in the Debian tree; add the package that brings it to packages.toml")


def _libraries(usr: Path, program: Path) -> dict[str, Path]:
    """The dynamic linker and all libraries a program needs: path in the image -> file in the tree.

    The tree's own dynamic linker answers, so that the machine's libraries never get into an image.
    """
    interpreter = _interpreter(program)
    if interpreter is None:
        return {}
    folders = sorted(path for path in (usr / "lib").glob("*-linux-gnu*") if path.is_dir())
    names = [folder / Path(interpreter).name for folder in folders]
    loader = next(path for path in names if path.exists())
    search = ":".join(map(os.fspath, folders))
    listing = _run([loader.resolve(), "--inhibit-cache", "--library-path", search, "--list", program])
    libraries = {_usr_path(interpreter): loader.resolve()}
    for line in listing.splitlines():
        _, arrow, found = line.strip().partition(" => ")
        if not arrow:
            continue
        library = Path(found.partition(" (")[0])
        if not library.is_relative_to(usr):
            raise LabError(f"{program.name} needs {line.strip()}; add its package to packages.toml")
        libraries[f"/usr/{library.relative_to(usr)}"] = library.resolve()
    return libraries


def _interpreter(program: Path) -> str | None:
    """The dynamic linker that an ELF file names; None for a static program."""
    content = program.read_bytes()
    is_64_bit_little_endian = content[4:6] == b"\x02\x01"
    assert content[:4] == b"\x7fELF"
    assert is_64_bit_little_endian, program
    table, size, count = (
        int.from_bytes(content[32:40], "little"),
        int.from_bytes(content[54:56], "little"),
        int.from_bytes(content[56:58], "little"),
    )
    for start in range(table, table + size * count, size):
        if int.from_bytes(content[start : start + 4], "little") == 3:  # PT_INTERP
            offset = int.from_bytes(content[start + 8 : start + 16], "little")
            length = int.from_bytes(content[start + 32 : start + 40], "little")
            return content[offset : offset + length].rstrip(b"\0").decode()
    return None


def _usr_path(path: str) -> str:
    """/lib64/x as /usr/lib64/x: the image has a merged /usr."""
    return path if path.startswith("/usr/") else f"/usr{path}"


def _run(command: Sequence[str | Path]) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise LabError(f"{Path(command[0]).name} failed: {answer.stderr.strip()}")
    return answer.stdout
