"""Builds a recipe's commands with Go's own tools; the checksums in go.sum are always verified."""

import json
import os
import shutil
import subprocess
from pathlib import Path, PurePosixPath

from lab.artifacts import patch, store
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
    tests = [repr(sorted(recipe.tests.items()))] if recipe.tests else []
    key = store.key_of(recipe.sources, wanted, *tests, toolchain.version, os.uname().machine, *settings)
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
        workspace = _workspace(go, recipe, env, cache)
        commands = [["build", "-o", f"{target}/", *recipe.commands.values()]]
        commands += [["test", "-c", "-o", f"{target / name}", each] for name, each in recipe.tests.items()]
        for verb, *words in commands:
            run(
                what,
                [go, verb, "-ldflags", recipe.ldflags, *words],
                log=cache / "logs" / f"{recipe.name}.log",
                seconds=recipe.seconds,
                progress=progress,
                env=env,
                cwd=workspace,
            )
        for name, package in recipe.commands.items():
            (target / PurePosixPath(package).name).rename(target / name)
        (folder / "manifests").mkdir()
        for manifest in recipe.manifests:
            module = _answer([go, "list", "-m", "-json", manifest.module], env, workspace)["Dir"]
            source, target = Path(module) / manifest.path, folder / "manifests" / manifest.name
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)

    return store.made(place(recipe, toolchain, cache), make)


def drop_caches(cache: Path) -> None:
    """Removes Go's own caches (7 GB), which only a change of a recipe could use again."""
    shutil.rmtree(cache / "go", ignore_errors=True)


def _workspace(go: str, recipe: Recipe, env: dict[str, str], cache: Path) -> Path:
    """The folder to run Go in: the recipe's pins, or one with its pins and a patched copy of the module."""
    if recipe.patch is None:
        return recipe.pinned
    module = recipe.patch.module
    verified = _answer([go, "mod", "download", "-json", module], env, recipe.pinned)["Dir"]
    workspace = cache / "go" / "patched" / recipe.name
    shutil.rmtree(workspace, ignore_errors=True)
    patch.copy(recipe.patch, Path(verified), workspace / "module")
    shutil.copyfile(recipe.pinned / "go.sum", workspace / "go.sum")
    pins = (recipe.pinned / "go.mod").read_text()
    (workspace / "go.mod").write_text(f"{pins}\nreplace {module} => ./module\n")
    return workspace


def _answer(command: list[str], env: dict[str, str], folder: Path) -> dict[str, str]:
    """What a `go` command says in JSON."""
    answer = subprocess.run(command, capture_output=True, text=True, env=env, cwd=folder, check=False)
    if answer.returncode != 0:
        said = " ".join((answer.stderr.strip() or answer.stdout).split())
        raise LabError(f"{folder / 'go.mod'}: `go {' '.join(command[1:])}` failed: {said}")
    found: dict[str, str] = json.loads(answer.stdout)
    return found
