"""The suite as a container image, made without a container engine: `python -m lab.suite_image [FILE]`.

The project's own wheel and its locked dependencies on Debian's python3, in one layer and with nothing else:
no shell, no package manager, no pip. Whoever has a container engine takes docs/recipes/Dockerfile instead;
both have the same name, user and entry point. The wheel is built from the checkout by its path: the lab
imports nothing of the suite.
"""

import inspect
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import paths
from lab.artifacts import debian, docker_archive, store
from lab.artifacts.commands import Progress, run
from lab.artifacts.docker_archive import Layer
from lab.errors import LabError

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements-run.lock"
USER = 65532  # nobody's: no file of the image belongs to it
PYTHON = {"bookworm": "3.11", "trixie": "3.13"}  # of each Debian release that the lab may run on
PACKAGES = ("python{0}", "python{0}-minimal", "libpython{0}-minimal", "libpython{0}-stdlib")
MODULES = "/opt/dualstack"
LEFT_OUT = (
    "aio",
    "gconv",
    "engines-3",
    "krb5",
    "binfmt.d",
    "python3",
    "test",
    "pydoc_data",
    "idlelib",
    "lib2to3",
)
ENVIRONMENT = {
    "HOME": "/tmp",  # noqa: S108 - a path inside the image
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin",
    "PYTHONPATH": MODULES,
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
}
PROCESS = {
    "User": f"{USER}:{USER}",
    "WorkingDir": "/",
    "Env": [f"{name}={value}" for name, value in ENVIRONMENT.items()],
    "Entrypoint": ["/usr/bin/python3", "-P", "-m", "dualstack.cli"],
    "Cmd": ["run", "--reports=/reports"],
}


def name() -> str:
    """The image's reference, as the manifests in docs/recipes/kubernetes have it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return f"registry.example/{project['name']}:{project['version']}"


def ensure(progress: Progress = print) -> Path:
    """The docker-archive, made if the cache has none of this source. Raises LabError."""
    python = PYTHON.get(debian.codename())
    if python is None:
        raise LabError(f"the image takes its python3 from Debian {' or '.join(PYTHON)}; use one of them")
    with tempfile.TemporaryDirectory() as scratch:
        wheel = _wheel(Path(scratch), progress)
        code = [inspect.getsource(module) for module in (sys.modules[__name__], docker_archive)]
        key = store.key_of([(wheel.name, wheel.read_bytes()), (LOCK.name, LOCK.read_bytes())], python, *code)
        cache = paths.CACHE / "suite-image"  # with a lock of its own: no need to wait for a Kubernetes
        place = cache / "images" / f"image-{key}"
        with store.locked(cache, lambda: progress("another process makes the image: waiting for it")):
            if not place.is_dir():
                shutil.rmtree(place.parent, ignore_errors=True)  # older ones are of no use any more
                store.made(place, lambda folder: _make(folder, wheel, python, progress))
    return place / "image.tar"


def _wheel(folder: Path, progress: Progress) -> Path:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    log = paths.CACHE / "logs" / "suite-wheel.log"
    run("building the suite's wheel", build, log=log, seconds=1, progress=progress, cwd=ROOT)
    return next(folder.glob("*.whl"))


def _make(folder: Path, wheel: Path, python: str, progress: Progress) -> None:
    scratch, logs = folder / "scratch", paths.CACHE / "logs"
    tree, modules = scratch / "debian", scratch / "modules"
    tree.mkdir(parents=True)
    packages = scratch / "packages.toml"
    packages.write_text(f"packages = {[each.format(python) for each in PACKAGES]}\n")
    debian.unpack_packages(packages, tree, logs, progress)
    usr = tree / "usr"
    progress("installing the suite and its locked dependencies into the image: about 30 s")
    _install(modules, wheel, python, logs, progress)
    log = logs / "suite-compile.log"
    folders = [str(usr / "lib" / f"python{python}"), str(modules)]
    # By hash, for the image has no times; unchecked, for nobody edits it.
    compiling = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(scratch)]
    command, environment = _python_of(usr, python)
    command += [*compiling, *folders]
    run("compiling the image's modules", command, log=log, seconds=15, progress=progress, env=environment)
    layer = Layer()
    layer.folder("/tmp", 0o1777)  # noqa: S108 - a path inside the image
    layer.text("/etc/passwd", f"nonroot:x:{USER}:{USER}:nonroot:/tmp:/sbin/nologin\n")
    layer.link("/lib64", "usr/lib64")
    layer.link("/lib", "usr/lib")
    layer.file("/usr/bin/python3", usr / "bin" / f"python{python}")
    _add(layer, usr / "lib", "/usr/lib")
    _add(layer, usr / "lib64", "/usr/lib64")
    _add(layer, modules, MODULES)
    docker_archive.write(folder / "image.tar", name(), layer, PROCESS)
    shutil.rmtree(scratch)


def _install(target: Path, wheel: Path, python: str, logs: Path, progress: Progress) -> None:
    """Wheels for the image's Python, whichever runs here."""
    platforms = [
        f"{kind}_{os.uname().machine}" for kind in ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
    ]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    pip += [
        "--target",
        str(target),
        "--only-binary=:all:",
        "--implementation=cp",
        f"--python-version={python}",
    ]
    pip += [f"--platform={each}" for each in platforms]
    locked = [*pip, "--require-hashes", "--requirement", str(LOCK)]
    run("installing dependencies", locked, log=logs / "suite-pip.log", seconds=30, progress=progress)
    own = [*pip, "--no-deps", str(wheel)]
    run("installing the suite", own, log=logs / "suite-pip-own.log", seconds=2, progress=progress)
    shutil.rmtree(target / "bin")  # scripts that name the Python of this machine


def _python_of(usr: Path, python: str) -> tuple[list[str], Mapping[str, str]]:
    """The unpacked Python as a command of this machine, with its own libraries."""
    libraries = next((usr / "lib").glob("*-linux-gnu"))
    loader = next(libraries.glob("ld-linux-*.so.*"))
    command = [str(loader), "--library-path", str(libraries), str(usr / "bin" / f"python{python}"), "-S"]
    return command, {"PYTHONHOME": str(usr), "PYTHONHASHSEED": "0"}


def _add(layer: Layer, source: Path, target: str) -> None:
    """A folder's content, with its symbolic links."""
    for path in sorted(source.iterdir()):
        place = f"{target}/{path.name}"
        if path.name in LEFT_OUT:
            continue
        if path.is_symlink():
            layer.link(place, os.fspath(path.readlink()))
        elif path.is_dir():
            _add(layer, path, place)
        else:
            layer.file(place, path)


def main(words: Sequence[str]) -> int:
    """Make the image and say where it is; with FILE, put it there."""
    try:
        image = ensure(lambda line: print(line, file=sys.stderr, flush=True))
        if words:
            image = Path(shutil.copyfile(image, words[0]))
    except (LabError, OSError) as error:
        print(f"suite_image: {error}", file=sys.stderr)
        return 1
    print(f"{image}: {name()}, {image.stat().st_size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
