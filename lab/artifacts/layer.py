"""Layers: further Debian packages, laid over /usr of the nodes whose network agents want them.

Each is a folder in lab/modules with packages.toml, which recipes name: the packages, and links that
installing them, or another one, would have made.
"""

import os
import tomllib
from pathlib import Path

from lab.artifacts import debian, recipe, store
from lab.artifacts.commands import Progress

LISTED = "packages.toml"


def place(name: str, cache: Path) -> Path:
    """Where the layer is, or will be; its usr/ is what counts."""
    facts = (os.uname().machine, debian.codename(), Path(__file__).read_text())
    return cache / "layers" / f"{name}-{store.key_of(store.contents(recipe.MODULES / name), *facts)}"


def unpack(name: str, cache: Path, progress: Progress) -> Path:
    """The layer, fetched if it is not in the cache yet."""
    listed = recipe.MODULES / name / LISTED

    def make(folder: Path) -> None:
        debian.unpack_packages(listed, folder, cache / "logs", progress)
        for link, target in tomllib.loads(listed.read_text()).get("links", {}).items():
            (folder / "usr" / link).symlink_to(target)

    return store.made(place(name, cache), make)
