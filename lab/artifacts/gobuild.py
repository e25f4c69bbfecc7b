"""Builds a recipe's commands with Go's own tools; the checksums in go.sum are always verified."""

import json
import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath

from lab.artifacts import store
from lab.artifacts.commands import Progress, run
from lab.artifacts.recipe import Recipe
from lab.artifacts.toolchain import Toolchain
from lab.errors import LabError

# modcacherw: so that the cache can be removed; readonly: a module that go.sum does not pin is refused.
SETTINGS = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-modcacherw -mod=readonly -trimpath -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


def place(recipe: Recipe, toolchain: Toolchain, cache: Path) -> Path:
    """Where the result is, or will be."""
    settings = [f"{name}={value}" for name, value in sorted(SETTINGS.items())]
    wanted = repr((recipe.ldflags, sorted(recipe.commands.items()), recipe.manifests))
    key = store.key_of(recipe.sources, wanted, toolchain.version, os.uname().machine, *settings)
    return cache / "builds" / f"{recipe.name}-{key}"


def build(recipe: Recipe, toolchain: Toolchain, cache: Path, progress: Progress) -> Path:
    """A folder with bin/ and manifests/, made if it is not in the cache yet."""
    env = {**os.environ, **SETTINGS, "GOMODCACHE": f"{cache}/go/mod", "GOCACHE": f"{cache}/go/build"}
    go = os.fspath(toolchain.go)

    def make(folder: Path) -> None:
        what = f"building {recipe.name} {recipe.version}"
        progress(f"{what}: about {recipe.seconds:.0f} s with cold caches on two cores")
        target = folder / "bin"
        target.mkdir()
        run(
            what,
            [go, "build", "-ldflags", recipe.ldflags, "-o", f"{target}/", *recipe.commands.values()],
            log=cache / "logs" / f"{recipe.name}.log",
            seconds=recipe.seconds,
            progress=progress,
            env=env,
            cwd=recipe.folder,
        )
        for name, package in recipe.commands.items():
            (target / PurePosixPath(package).name).rename(target / name)
        (folder / "manifests").mkdir()
        for manifest in recipe.manifests:
            source = _module(go, manifest.module, recipe, env) / manifest.path
            shutil.copyfile(source, folder / "manifests" / manifest.name)

    return store.made(place(recipe, toolchain, cache), make)


def drop_caches(cache: Path) -> None:
    """Removes Go's own caches (7 GB), which only a change of a recipe could use again."""
    shutil.rmtree(cache / "go", ignore_errors=True)


def _module(go: str, module: str, recipe: Recipe, env: dict[str, str]) -> Path:
    """The folder of a module's source, already downloaded and verified by the build."""
    answer = subprocess.run(
        [go, "list", "-m", "-json", module],
        capture_output=True,
        text=True,
        env=env,
        cwd=recipe.folder,
        check=False,
    )
    if answer.returncode != 0:
        raise LabError(f"{recipe.folder / 'go.mod'}: no module {module}: {answer.stderr.strip()}")
    return Path(json.loads(answer.stdout)["Dir"])
