"""Recipes: what is built from which Go module, as data in lab/modules/<recipe>/.

A folder holds recipe.toml beside a go.mod and go.sum of our own that pin the module, or names the recipe
whose pins it shares; another release of Kubernetes is another folder `kubernetes-<release>`, which names the
recipes that go with it, and the patch where it needs one.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lab.artifacts import patch, store
from lab.artifacts.patch import Patch
from lab.errors import LabError

MODULES = Path(__file__).parents[1] / "modules"
DESCRIPTION = "recipe.toml"


@dataclass(frozen=True)
class Image:
    """A container image: one built command, and programs of the Debian tree beside it."""

    name: str  # reference with tag
    command: str  # one of the recipe's commands, the image's entrypoint
    entrypoint: str = ""  # its path in the image; /<command> if not given
    arguments: list[str] = field(default_factory=list)
    user: str = ""
    programs: list[str] = field(default_factory=list)  # by name in the Debian tree
    links: dict[str, str] = field(default_factory=dict)  # further names of these programs


@dataclass(frozen=True)
class Manifest:
    """A file or a folder to take out of a Go module."""

    name: str
    module: str
    path: str


@dataclass(frozen=True)
class Recipe:
    """One Go module and what is built from it."""

    folder: Path
    version: str
    seconds: float  # with cold caches on two cores
    ldflags: str
    commands: dict[str, str]  # name of the program -> Go package
    companions: list[str] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    tests: dict[str, str] = field(default_factory=dict)  # name of a program that is a package's tests
    patch: Patch | None = None  # named in recipe.toml by its folder
    layer: str = ""  # the folder in lab/modules that lists what its programs run (lab.artifacts.layer)
    pins: str = ""  # the recipe whose go.mod and go.sum are used, if not its own

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def pinned(self) -> Path:
        """The folder with go.mod and go.sum."""
        return self.folder.parent / self.pins if self.pins else self.folder

    @cached_property
    def sources(self) -> list[tuple[str, bytes]]:
        """What Go is given: the pins, sources of our own, and the patch."""
        own = [entry for entry in store.contents(self.pinned) if entry[0] != DESCRIPTION]
        patched = store.contents(self.patch.folder) if self.patch else ()
        return own + [(f"patch/{name}", content) for name, content in patched]

    @cached_property
    def go(self) -> tuple[int, ...]:
        """The oldest Go release that can build it, from go.mod."""
        for line in (self.pinned / "go.mod").read_text().splitlines():
            if line.startswith("go "):
                return version_tuple(line.removeprefix("go "))
        raise LabError(f"{self.pinned / 'go.mod'}: no `go` line; add one such as `go 1.26.0`")


def version_tuple(version: str) -> tuple[int, ...]:
    """`1.26.8` as (1, 26, 8); a release candidate's suffix counts for nothing."""
    return tuple(int(part) for part in version.strip().split("rc")[0].split("."))


def load(folder: Path) -> Recipe:
    """Reads a recipe."""
    path = folder / DESCRIPTION
    try:
        fields = tomllib.loads(path.read_text())
        images = [Image(**image) for image in fields.pop("images", [])]
        manifests = [Manifest(**manifest) for manifest in fields.pop("manifests", [])]
        if "patch" in fields:
            fields["patch"] = patch.load(folder.parent / fields["patch"])
        return Recipe(folder=folder, images=images, manifests=manifests, **fields)
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise LabError(f"{path}: {error}") from error


def with_siblings(names: Iterable[str], modules: Path = MODULES) -> list[Recipe]:
    """These recipes and those of the same pins: what Go compiles for one serves the others."""
    pinned = {load(modules / name).pinned for name in names}
    everything = (load(path.parent) for path in sorted(modules.glob(f"*/{DESCRIPTION}")))
    return [one for one in everything if one.pinned in pinned]


def of_release(release: str, modules: Path = MODULES) -> list[Recipe]:
    """The recipes of a whole cluster, Kubernetes itself first."""
    folder = modules / f"kubernetes-{release}"
    if not (folder / DESCRIPTION).exists():
        known = sorted(path.name.removeprefix("kubernetes-") for path in modules.glob("kubernetes-*"))
        raise LabError(
            f"Kubernetes release {release} is not known to the lab; choose one of: {', '.join(known)}"
        )
    first = load(folder)
    return [first, *(load(modules / name) for name in first.companions)]
