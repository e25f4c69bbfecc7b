"""The lab's recipes: what each release of Kubernetes is made of, and patches of modules."""

import json
from pathlib import Path

import pytest
from small_recipe import GO, ignore, program, small_recipe

from lab.artifacts import gobuild, patch, recipe
from lab.artifacts.toolchain import Toolchain
from lab.errors import LabError

RECIPES = [path.parent.name for path in sorted(recipe.MODULES.glob("*/recipe.toml"))]
RELEASES = [name.removeprefix("kubernetes-") for name in RECIPES if name.startswith("kubernetes-")]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return small_recipe(tmp_path)


# -- recipes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_pins_and_names_what_it_builds(name: str) -> None:
    one = recipe.load(recipe.MODULES / name)
    go_mod = (one.pinned / "go.mod").read_text()
    for package in one.commands.values():
        own = package == go_mod.splitlines()[0].removeprefix("module ")
        assert own or f"{package}\n" in go_mod
    for package in one.tests.values():
        module = "/".join(package.split("/")[:2])
        assert f"{module} {one.version} h1:" in (one.folder / "go.sum").read_text()
    for manifest in one.manifests:
        assert f"{manifest.module} {one.version}" in go_mod
        assert f"{manifest.module} {one.version} h1:" in (one.pinned / "go.sum").read_text()
    if one.patch:
        assert f"{one.patch.module} {one.version} h1:" in (one.pinned / "go.sum").read_text()
    assert all(image.command in one.commands for image in one.images)


def test_no_pin_is_a_folder() -> None:
    for path in recipe.MODULES.glob("*/go.mod"):
        assert "=> ." not in path.read_text()
        assert "=> /" not in path.read_text()


def test_release_brings_its_companions() -> None:
    names = [one.name for one in recipe.of_release("1.19")]
    assert names == ["kubernetes-1.19", "agnhost", "coredns-1.8", "metallb-0.13", "pause"]


@pytest.mark.parametrize("release", RELEASES)
def test_release_is_a_whole_cluster(release: str) -> None:
    recipes = recipe.of_release(release)
    assert recipes[0].version.startswith(f"v{release}.")
    assert sorted(command for one in recipes for command in one.commands) == [
        *("agnhost", "coredns", "kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"),
        *("kubectl", "kubelet", "metallb-controller", "metallb-speaker", "pause"),
    ]
    manifests = sorted(manifest.name for one in recipes for manifest in one.manifests)
    assert manifests == ["coredns.yaml.base", "metallb-native.yaml"]
    images = {image.name.partition(":")[0]: image.name for one in recipes for image in one.images}
    assert len(images) == 5
    name = "registry.k8s.io/e2e-test-images/agnhost"
    assert images[name] == f"{name}:2.63.0"


def test_unknown_release_names_the_known() -> None:
    with pytest.raises(LabError, match=r"0\.1 is not known to the lab; choose one of: .*1\.36"):
        recipe.of_release("0.1")


def test_unknown_field_names_the_file(small: Path) -> None:
    with (small / "recipe.toml").open("a") as file:
        file.write('colour = "red"\n')
    with pytest.raises(LabError, match=r"pause/recipe\.toml: .*colour"):
        recipe.load(small)


# -- patches --------------------------------------------------------------------------------------------


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A Go module as it was released."""
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "main.go").write_text("package main\n\nfunc main() { old() }\n")
    return folder


def a_patch(folder: Path, text: str) -> patch.Patch:
    folder.mkdir()
    (folder / "patch.toml").write_text(f'module = "example.org/module"\n{text}')
    (folder / "added.go").write_text("package added\n")
    return patch.load(folder)


FILE = '[files]\n"pkg/added.go" = "added.go"\n'
EDIT = '[[edits]]\npath = "main.go"\nold = "old()"\nnew = "new()"\n'


def test_patch_changes_a_copy(tmp_path: Path, module: Path) -> None:
    patch.copy(a_patch(tmp_path / "patch", FILE + EDIT), module, tmp_path / "copy")
    assert (tmp_path / "copy/main.go").read_text() == "package main\n\nfunc main() { new() }\n"
    assert (tmp_path / "copy/pkg/added.go").read_text() == "package added\n"
    assert "old()" in (module / "main.go").read_text()
    assert not (module / "pkg").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (EDIT.replace("old()", "gone()"), r"patch\.toml: .* occurs 0 times, not once, in main\.go"),
        (EDIT.replace("main.go", "gone.go"), r"patch\.toml: .* occurs 0 times, not once, in gone\.go"),
        (FILE.replace("pkg/added.go", "main.go"), r"example\.org/module has a file main\.go already"),
    ],
)
def test_patch_that_does_not_fit(tmp_path: Path, module: Path, text: str, message: str) -> None:
    one = a_patch(tmp_path / "patch", text)
    with pytest.raises(LabError, match=message):
        patch.copy(one, module, tmp_path / "copy")


def test_unknown_patch_names_the_file(small: Path) -> None:
    with (small / "recipe.toml").open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write(f'patch = "none-such"\n{text}')
    with pytest.raises(LabError, match=r"none-such/patch\.toml: .*No such file"):
        recipe.load(small)


def test_patched_module_is_built_from_a_copy(tmp_path: Path, small: Path, module: Path) -> None:
    """Go is asked for the verified module first, then builds where go.mod points at the patched copy."""
    a_patch(small.parent / "mended", EDIT)
    text = (small / "recipe.toml").read_text()
    (small / "recipe.toml").write_text(f'patch = "mended"\n{text}')
    (small / "go.sum").touch()
    answer = json.dumps({"Dir": str(module)})
    build = 'tail -1 go.mod; cat module/main.go; while [ "$1" != -o ]; do shift; done; touch "$2pause"'
    go = program(tmp_path / "go", f"case $1 in mod) echo '{answer}';; *) {build};; esac")
    gobuild.build(recipe.load(small), Toolchain("1.26.8", go, True), tmp_path / "cache", ignore)
    log = (tmp_path / "cache/logs/pause.log").read_text()
    assert "replace example.org/module => ./module\n" in log
    assert "new()" in log


def test_key_changes_with_the_patch(small: Path, tmp_path: Path) -> None:
    plain = gobuild.place(recipe.load(small), GO, tmp_path)
    a_patch(small.parent / "mended", EDIT)
    text = (small / "recipe.toml").read_text()
    (small / "recipe.toml").write_text(f'patch = "mended"\n{text}')
    first = gobuild.place(recipe.load(small), GO, tmp_path)
    (small.parent / "mended/added.go").write_text("package other\n")
    assert len({plain, first, gobuild.place(recipe.load(small), GO, tmp_path)}) == 3


def test_recipes_of_the_same_pins_are_built_together():
    names = [one.name for one in recipe.with_siblings(["kube-router"])]
    assert names == ["kube-router", "kube-router-released"]
    assert [one.name for one in recipe.with_siblings(["kube-router-released"])] == names
    assert recipe.with_siblings([]) == []
