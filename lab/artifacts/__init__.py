"""What the lab's cluster is made of: built from Go modules, fetched from Debian, packed into images.

All of it is cached by content: a change of a recipe, of the package list or of the toolchain makes what
depends on it anew, and nothing else. A release's folder gathers the results and is the last to be made.
"""

import inspect
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from lab import paths
from lab.artifacts import debian, docker_archive, gobuild, images, layer, recipe, store, toolchain, uml
from lab.artifacts.commands import Progress
from lab.artifacts.recipe import Recipe
from lab.artifacts.toolchain import Toolchain

DISK_GB = {"building": 11.0, "packing": 1.0}  # most of what a build takes is freed at its end
PACKING = (docker_archive, images)  # their code decides what images contain


@dataclass(frozen=True)
class Artifacts:
    """Where everything is that a cluster needs."""

    bin: Path
    """Folder with the programs of Kubernetes, CoreDNS and MetalLB."""
    usr: Path
    """An unpacked Debian tree's /usr, to be laid over /usr inside nodes."""
    images: tuple[Path, ...]
    """docker-archive files for containerd's k8s.io namespace."""
    manifests: Path
    """Folder with the official manifests: coredns.yaml.base, metallb-native.yaml."""
    version: str
    """Kubernetes' version, as `v1.36.3`."""
    image_names: tuple[str, ...]
    """References of the images, such as `registry.k8s.io/pause:3.10.1`."""
    uml: Path | None = None
    """Folder with linux.uml and its boot disk (see lab.artifacts.uml), where they were asked for."""
    extras: Mapping[str, Path] = field(default_factory=dict)
    """Folders with bin/ and manifests/ of further recipes, by recipe, where they were asked for."""
    layers: tuple[Path, ...] = ()
    """What these recipes' programs run besides: trees to be laid over `usr`."""


@dataclass(frozen=True)
class _Plan:
    """What a release is made of and where its results belong."""

    recipes: list[Recipe]
    toolchain: Toolchain
    cache: Path
    place: Path
    with_uml: bool
    extras: list[tuple[Recipe, Toolchain]]  # a toolchain each: none decides how Kubernetes is built

    @classmethod
    def of(cls, release: str, with_uml: bool = False, extras: Sequence[str] = ()) -> "_Plan":
        recipes = recipe.of_release(release)
        cache = paths.CACHE
        chosen = toolchain.choose(max(one.go for one in recipes), cache)
        further = recipe.with_siblings(extras)
        further_chosen = [(one, toolchain.choose(one.go, cache)) for one in further]
        parts = [gobuild.place(one, chosen, cache).name for one in recipes] + [debian.place(cache).name]
        code = [inspect.getsource(module) for module in PACKING]
        key = store.key_of([], *parts, *code, *(repr(image) for one in recipes for image in one.images))
        place = cache / "releases" / f"kubernetes-{release}-{key}"
        return cls(recipes, chosen, cache, place, with_uml, further_chosen)

    @property
    def complete(self) -> bool:
        places = [self.place, debian.place(self.cache), *([uml.place(self.cache)] if self.with_uml else [])]
        return all(place.is_dir() for place in (*places, *self.layer_places, *self.extra_places.values()))

    @property
    def built(self) -> bool:
        places = [gobuild.place(one, self.toolchain, self.cache) for one in self.recipes]
        return all(place.is_dir() for place in (*places, *self.extra_places.values()))

    @property
    def extra_places(self) -> dict[str, Path]:
        return {one.name: gobuild.place(one, chosen, self.cache) for one, chosen in self.extras}

    @property
    def layers(self) -> list[str]:
        return sorted({one.layer for one, _ in self.extras if one.layer})

    @property
    def layer_places(self) -> list[Path]:
        return [layer.place(name, self.cache) for name in self.layers]

    def artifacts(self) -> Artifacts:
        return Artifacts(
            bin=self.place / "bin",
            usr=debian.place(self.cache) / "usr",
            images=tuple(sorted((self.place / "images").iterdir())),
            manifests=self.place / "manifests",
            version=self.recipes[0].version,
            image_names=tuple(image.name for one in self.recipes for image in one.images),
            uml=uml.place(self.cache) if self.with_uml else None,
            extras=self.extra_places,
            layers=tuple(place / "usr" for place in self.layer_places),
        )


def ensure(
    release: str = "1.36", progress: Progress = print, *, with_uml: bool = False, extras: Sequence[str] = ()
) -> Artifacts:
    """Builds and fetches what is not in the cache yet; returns at once when all is there.

    `with_uml` adds what nodes with their own kernel run on, `extras` further recipes. Raises LabError with
    one line that says what failed.
    """
    plan = _Plan.of(release, with_uml, extras)
    if not plan.complete:
        with _filling(progress):
            _make(plan, progress)
    return plan.artifacts()


def programs(name: str, progress: Progress = print) -> Path:
    """Build a recipe that no cluster needs; returns the folder with its programs. Raises LabError."""
    one = recipe.load(recipe.MODULES / name)
    chosen = toolchain.choose(one.go, paths.CACHE)
    if not (place := gobuild.place(one, chosen, paths.CACHE)).is_dir():
        with _filling(progress):
            _build(one, chosen, progress)
            gobuild.drop_caches(paths.CACHE)
    return place / "bin"


def missing(release: str = "1.36", *, with_uml: bool = False, extras: Sequence[str] = ()) -> list[str]:
    """What the machine lacks before `ensure` can start, one line each with what mends it."""
    plan = _Plan.of(release, with_uml, extras)
    if plan.complete:
        return []
    lines = []
    for tool, package in (("apt-get", "apt"), ("dpkg-deb", "dpkg")):
        if shutil.which(tool) is None:
            lines.append(f"{tool} not found, the lab's packages are Debian's: apt-get install {package}")
    machines = uml.MACHINES if with_uml else tuple(docker_archive.ARCHITECTURES)
    if os.uname().machine not in machines:
        known = " or ".join(machines)
        lines.append(f"a machine of type {os.uname().machine}; use one of type {known} (uname -m)")
    toolchains = [plan.toolchain, *(chosen for _, chosen in plan.extras)]
    if not all(chosen.installed for chosen in toolchains) and find_spec("pip") is None:
        lines.append(f"no Go and no pip to install it with: {sys.executable} -m ensurepip")
    free = store.free_bytes(plan.cache) / 1e9
    needed = DISK_GB["packing" if plan.built else "building"]
    if free < needed:
        lines.append(
            f"{free:.1f} GB free at {plan.cache}, {needed:.0f} GB needed: "
            "export DUALSTACK_LAB_HOME=/a/folder/on/a/larger/disk"
        )
    return lines


def _filling(progress: Progress) -> AbstractContextManager[None]:
    """The cache, for this process alone."""
    return store.locked(paths.CACHE, lambda: progress("another process is filling the cache: waiting for it"))


def _build(one: Recipe, chosen: Toolchain, progress: Progress) -> None:
    toolchain.install(chosen, paths.CACHE, progress)
    gobuild.build(one, chosen, paths.CACHE, progress)


def _make(plan: _Plan, progress: Progress) -> None:
    usr = debian.unpack(plan.cache, progress) / "usr"
    if plan.with_uml:
        uml.make(usr, plan.cache, progress)
    if not plan.place.is_dir():
        _make_release(plan, usr, progress)
    for name in plan.layers:
        layer.unpack(name, plan.cache, progress)
    for one, chosen in plan.extras:
        _build(one, chosen, progress)
    gobuild.drop_caches(plan.cache)


def _make_release(plan: _Plan, usr: Path, progress: Progress) -> None:
    toolchain.install(plan.toolchain, plan.cache, progress)
    builds = [gobuild.build(one, plan.toolchain, plan.cache, progress) for one in plan.recipes]

    def gather(folder: Path) -> None:
        progress("packing images: about 5 s")
        for kind in ("bin", "manifests", "images"):
            (folder / kind).mkdir()
        for one, build in zip(plan.recipes, builds, strict=True):
            for kind in ("bin", "manifests"):
                for path in (build / kind).iterdir():
                    os.link(path, folder / kind / path.name)
            for image in one.images:
                images.write(image, build / "bin", usr, folder / "images" / f"{one.name}-{image.command}.tar")

    store.made(plan.place, gather)
