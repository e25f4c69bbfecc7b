"""A recipe to be changed at will, and stand-ins for what builds it."""

import shutil
from pathlib import Path

from lab.artifacts import recipe
from lab.artifacts.toolchain import Toolchain

GO = Toolchain("1.26.8", Path("/nowhere/go"), True)


def small_recipe(folder: Path) -> Path:
    """A copy of a recipe of ours, in a folder of its own."""
    shutil.copytree(recipe.MODULES / "pause", folder / "pause")
    return folder / "pause"


def program(path: Path, script: str) -> Path:
    """A program that is a shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def ignore(_line: str) -> None:
    """No progress wanted."""
