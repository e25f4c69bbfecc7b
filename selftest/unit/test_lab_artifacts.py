"""The lab's cache by content, its images and what it says when something is missing."""

import hashlib
import json
import os
import tarfile
import threading
from pathlib import Path

import pytest
from small_recipe import GO, ignore, program, small_recipe

from lab import artifacts, paths
from lab.artifacts import docker_archive, gobuild, layer, recipe, store, toolchain, uml
from lab.artifacts.commands import run
from lab.artifacts.docker_archive import Layer
from lab.artifacts.toolchain import Toolchain
from lab.errors import LabError


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return small_recipe(tmp_path)


# -- keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.go", "SIGINT", "SIGHUP"),
        ("go.mod", "go 1.24.0", "go 1.25.0"),
        ("recipe.toml", "-s -w", "-s"),
        ("recipe.toml", 'pause = "dualstack-lab/pause"', 'sleep = "dualstack-lab/pause"'),
    ],
)
def test_key_changes_with_what_is_built(small: Path, tmp_path: Path, file: str, old: str, new: str) -> None:
    before = gobuild.place(recipe.load(small), GO, tmp_path)
    text = (small / file).read_text()
    assert old in text
    (small / file).write_text(text.replace(old, new))
    assert gobuild.place(recipe.load(small), GO, tmp_path) != before


def test_key_changes_with_the_toolchain(small: Path, tmp_path: Path) -> None:
    newer = Toolchain("1.27.0", GO.go, True)
    one = recipe.load(small)
    assert gobuild.place(one, newer, tmp_path) != gobuild.place(one, GO, tmp_path)


def test_image_names_do_not_rebuild_programs(small: Path, tmp_path: Path) -> None:
    before = gobuild.place(recipe.load(small), GO, tmp_path)
    text = (small / "recipe.toml").read_text()
    (small / "recipe.toml").write_text(text.replace('name = "registry', 'name = "other'))
    assert gobuild.place(recipe.load(small), GO, tmp_path) == before


def test_key_tells_names_from_contents() -> None:
    assert store.key_of([("a", b"bc")]) != store.key_of([("ab", b"c")])
    assert store.key_of([("a", b"1"), ("b", b"2")]) == store.key_of([("b", b"2"), ("a", b"1")])


# -- results --------------------------------------------------------------------------------------------


def test_failed_build_is_no_result(small: Path, tmp_path: Path) -> None:
    one = recipe.load(small)
    cache = tmp_path / "cache"
    output = 'while [ "$1" != -o ]; do shift; done; echo program > "$2pause"'
    go = program(tmp_path / "go", f"{output}; echo main.go:1: oops >&2; exit 1")
    broken = Toolchain("1.26.8", go, True)
    with pytest.raises(LabError, match=r"building pause v3\.10\.1 failed: main\.go:1: oops .*pause\.log"):
        gobuild.build(one, broken, cache, ignore)
    assert list((cache / "builds").iterdir()) == []

    program(go, output)
    built = gobuild.build(one, broken, cache, ignore)
    assert (built / "bin" / "pause").read_text() == "program\n"


def test_programs_may_be_a_packages_tests(small: Path, tmp_path: Path) -> None:
    before = gobuild.place(recipe.load(small), GO, tmp_path)
    with (small / "recipe.toml").open("a") as file:
        file.write('[tests]\n"pause.test" = "dualstack-lab/pause"\n')
    one = recipe.load(small)
    assert gobuild.place(one, GO, tmp_path) != before
    asked = tmp_path / "asked"
    output = f'echo "$1" >> {asked}; while [ "$1" != -o ]; do shift; done'
    go = program(tmp_path / "go", f'{output}; [ -d "$2" ] && touch "$2/pause" || touch "$2"')
    built = gobuild.build(one, Toolchain("1.26.8", go, True), tmp_path / "cache", ignore)
    assert sorted(path.name for path in (built / "bin").iterdir()) == ["pause", "pause.test"]
    assert asked.read_text() == "build\ntest\n"


def test_files_and_folders_of_the_module_are_taken_along(small: Path, tmp_path: Path) -> None:
    module = tmp_path / "module"
    (module / "crds/v1").mkdir(parents=True)
    (module / "crds/v1/kind.yaml").write_text("kind: A\n")
    (module / "all.yaml").write_text("all: true\n")
    with (small / "recipe.toml").open("a") as file:
        for path in ("crds", "all.yaml"):
            file.write(f'[[manifests]]\nname = "{path}"\nmodule = "example.org/module"\npath = "{path}"\n')
    listed = f"""[ "$1" != list ] || {{ echo '{{"Dir": "{module}"}}'; exit; }}"""
    output = 'while [ "$1" != -o ]; do shift; done; echo program > "$2pause"'
    go = program(tmp_path / "go", f"{listed}; {output}")
    built = gobuild.build(recipe.load(small), Toolchain("1.26.8", go, True), tmp_path / "cache", ignore)
    assert (built / "manifests/crds/v1/kind.yaml").read_text() == "kind: A\n"
    assert (built / "manifests/all.yaml").read_text() == "all: true\n"


def test_killed_build_is_no_result_and_is_swept(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    leftover = cache / "builds" / f"{store.PARTIAL}x"
    leftover.mkdir(parents=True)
    (leftover / "half").touch()
    with store.locked(cache, lambda: pytest.fail("nobody else is there")):
        assert not leftover.exists()
        place = store.made(cache / "builds" / "x", lambda folder: (folder / "whole").touch())
    assert [path.name for path in place.iterdir()] == ["whole"]
    assert store.made(place, lambda _: pytest.fail("made twice")) == place


def test_second_process_waits(tmp_path: Path) -> None:
    said = threading.Event()
    order = []

    def second() -> None:
        with store.locked(tmp_path, said.set):
            order.append("second")

    with store.locked(tmp_path, lambda: pytest.fail("nobody else is there")):
        thread = threading.Thread(target=second)
        thread.start()
        assert said.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_long_command_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.artifacts.commands.PROGRESS_EVERY", 0.05)
    lines: list[str] = []
    run("sleeping", ["sleep", "0.2"], log=tmp_path / "log", seconds=9, progress=lines.append)
    assert lines
    assert lines[0] == "sleeping: 0 s of about 9 s"


# -- toolchain ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "own"), [("go1.26.8", True), ("go1.27.0 X:x", True), ("go1.9.7", False)])
def test_own_go_only_when_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, own: bool
) -> None:
    go = program(tmp_path / "bin" / "go", f"echo {version}")
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    chosen = toolchain.choose((1, 26, 0), tmp_path / "cache")
    assert (chosen.go == go) is own
    assert chosen.installed is own
    assert recipe.version_tuple(chosen.version) >= (1, 26, 0)


# -- images ---------------------------------------------------------------------------------------------


def image(folder: Path, time: int = 0) -> Path:
    folder.mkdir()
    source = program(folder / "source", "exit 0")
    os.utime(source, (time, time))
    layer = Layer()
    layer.text("/etc/passwd", "root:x:0:0::/:/bin/sh\n")
    layer.folder("/tmp", 0o1777)
    layer.link("/bin", "usr/bin")
    layer.file("/pause", source)
    docker_archive.write(folder / "image.tar", "example.org/pause:1", layer, {"Entrypoint": ["/pause"]})
    return folder / "image.tar"


def test_image_is_a_docker_archive(tmp_path: Path) -> None:
    with tarfile.open(image(tmp_path / "a")) as archive:
        (manifest,) = json.loads(archive.extractfile("manifest.json").read())
        config_text = archive.extractfile(manifest["Config"]).read()
        layer_bytes = archive.extractfile(manifest["Layers"][0])
        digest = hashlib.sha256(layer_bytes.read()).hexdigest()
        layer_bytes.seek(0)
        with tarfile.open(fileobj=layer_bytes) as layer:
            entries = {entry.name: entry for entry in layer}
    config = json.loads(config_text)
    assert manifest["RepoTags"] == ["example.org/pause:1"]
    assert manifest["Config"] == f"{hashlib.sha256(config_text).hexdigest()}.json"
    assert config["rootfs"] == {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    assert config["config"] == {"Entrypoint": ["/pause"]}
    assert list(entries) == ["bin", "etc", "etc/passwd", "pause", "tmp"]
    assert entries["pause"].mode == 0o755
    assert entries["tmp"].mode == 0o1777
    assert entries["bin"].linkname == "usr/bin"


def test_image_is_the_same_each_time(tmp_path: Path) -> None:
    assert image(tmp_path / "a", time=1).read_bytes() == image(tmp_path / "b", time=2).read_bytes()


# -- the whole ------------------------------------------------------------------------------------------


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "CACHE", tmp_path / "lab" / "cache")
    return tmp_path / "lab" / "cache"


def test_missing_names_a_command_for_each(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("lab.artifacts.store.free_bytes", lambda _: 2e9)
    monkeypatch.setattr("lab.artifacts.find_spec", lambda _: None)
    apt, dpkg, pip, disk = artifacts.missing()
    assert apt.endswith(": apt-get install apt")
    assert dpkg.endswith(": apt-get install dpkg")
    assert pip.endswith(" -m ensurepip")
    assert disk.startswith(f"2.0 GB free at {empty_cache}, ")
    assert "export DUALSTACK_LAB_HOME=" in disk
    assert not empty_cache.exists()


def test_whole_cache_needs_nothing(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = artifacts._Plan.of("1.36")
    for folder in (plan.place / "images", artifacts.debian.place(empty_cache)):
        folder.mkdir(parents=True)
    (plan.place / "images" / "pause.tar").touch()
    monkeypatch.setattr("lab.artifacts.store.free_bytes", lambda _: 0)
    monkeypatch.setattr("lab.artifacts._make", lambda *_: pytest.fail("made twice"))
    assert artifacts.missing() == []
    found = artifacts.ensure("1.36", ignore)
    assert found.version == "v1.36.3"
    assert found.images == (plan.place / "images" / "pause.tar",)


def test_own_kernel_only_where_asked_for(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = artifacts._Plan.of("1.36")
    for folder in (plan.place / "images", artifacts.debian.place(empty_cache)):
        folder.mkdir(parents=True)
    monkeypatch.setattr("lab.artifacts._make", lambda *_: uml.place(empty_cache).mkdir(parents=True))
    assert artifacts.ensure("1.36", ignore).uml is None
    assert not uml.place(empty_cache).exists()
    assert artifacts.ensure("1.36", ignore, with_uml=True).uml == uml.place(empty_cache)
    assert uml.place(empty_cache).is_dir()


def test_a_layer_only_for_recipes_that_name_it(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clang = layer.place("clang", empty_cache)
    plan = artifacts._Plan.of("1.36", extras=["cilium"])
    for folder in (plan.place / "images", artifacts.debian.place(empty_cache), *plan.extra_places.values()):
        folder.mkdir(parents=True)
    monkeypatch.setattr("lab.artifacts._make", lambda *_: clang.mkdir(parents=True))
    assert artifacts.ensure("1.36", ignore).layers == ()
    assert not clang.exists()
    found = artifacts.ensure("1.36", ignore, extras=["cilium"])
    assert found.layers == (clang / "usr",)
    assert found.extras == plan.extra_places


def test_a_layer_has_the_links_that_its_list_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unpack(_listed: Path, folder: Path, *_: object) -> None:
        (folder / "usr/bin").mkdir(parents=True)

    monkeypatch.setattr("lab.artifacts.debian.unpack_packages", unpack)
    made = layer.unpack("clang", tmp_path, ignore)
    assert (made / "usr/bin/clang").readlink() == Path("clang-19")


def test_own_kernel_is_for_some_machines_only(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.artifacts.uml.MACHINES", ("pdp11",))
    (line,) = [line for line in artifacts.missing(with_uml=True) if "machine of type" in line]
    assert line.endswith("use one of type pdp11 (uname -m)")
    assert not [line for line in artifacts.missing() if "pdp11" in line]
