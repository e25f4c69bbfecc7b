"""Patches: small changes of ours to a Go module that cannot be built as it was released.

The module is downloaded and verified like any other, and a copy of it in the cache is changed. A patch is a
folder in lab/modules/ that holds patch.toml and files to add; recipes name it.
"""

import shutil
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError

DESCRIPTION = "patch.toml"


@dataclass(frozen=True)
class Edit:
    """One piece of text that occurs once in a file of the module, and what takes its place."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Patch:
    """What is changed in a module."""

    folder: Path
    module: str
    files: dict[str, str] = field(default_factory=dict)  # path in the module -> file in the folder
    edits: list[Edit] = field(default_factory=list)


def load(folder: Path) -> Patch:
    """Reads a patch."""
    path = folder / DESCRIPTION
    try:
        fields = tomllib.loads(path.read_text())
        edits = [Edit(**edit) for edit in fields.pop("edits", [])]
        return Patch(folder=folder, edits=edits, **fields)
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise LabError(f"{path}: {error}") from error


def copy(patch: Patch, source: Path, target: Path) -> None:
    """Makes `target` a patched copy of the module in `source`."""
    shutil.copytree(source, target)
    for path, name in patch.files.items():
        if (target / path).exists():
            raise LabError(f"{patch.folder / DESCRIPTION}: {patch.module} has a file {path} already")
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(patch.folder / name, target / path)
    for edit in patch.edits:
        file = target / edit.path
        text = file.read_text() if file.is_file() else ""
        if (found := text.count(edit.old)) != 1:
            raise LabError(
                f"{patch.folder / DESCRIPTION}: the text to be edited occurs {found} times, "
                f"not once, in {edit.path} of {patch.module}"
            )
        file.write_text(text.replace(edit.old, edit.new))
