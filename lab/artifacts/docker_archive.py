"""Writes a container image as a docker-archive: one tar of a config, a layer and a manifest.

Equal input gives an equal file: entries are sorted, have no times and belong to root.
"""

import hashlib
import io
import json
import os
import platform
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Go's and so the image format's names of the machines that the lab knows.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass
class Layer:
    """The files of an image, by absolute path; parent folders come of themselves."""

    entries: dict[str, tuple[tarfile.TarInfo, Path | bytes | None]] = field(default_factory=dict)

    def folder(self, path: str, mode: int = 0o755) -> None:
        """A folder."""
        self._add(path, tarfile.DIRTYPE, mode, None)

    def text(self, path: str, content: str) -> None:
        """A small text file."""
        self._add(path, tarfile.REGTYPE, 0o644, content.encode())

    def file(self, path: str, source: Path) -> None:
        """A file of this machine, with its permissions but never set-user-id."""
        self._add(path, tarfile.REGTYPE, source.stat().st_mode & 0o755, source)

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self._add(path, tarfile.SYMTYPE, 0o777, None).linkname = target

    def __contains__(self, path: str) -> bool:
        return path.lstrip("/") in self.entries

    def _add(self, path: str, kind: bytes, mode: int, content: Path | bytes | None) -> tarfile.TarInfo:
        name = path.lstrip("/")
        parent = os.path.dirname(name)  # noqa: PTH120 - a path inside the image, not on this machine
        if parent and parent not in self.entries:
            self.folder(parent)
        info = tarfile.TarInfo(name)
        info.type, info.mode = kind, mode
        if isinstance(content, Path):
            info.size = content.stat().st_size
        elif content is not None:
            info.size = len(content)
        self.entries[name] = (info, content)
        return info

    def write(self, target: Path) -> str:
        """Writes the layer's tar and returns its digest in hex."""
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
            for _, (info, content) in sorted(self.entries.items()):
                if isinstance(content, Path):
                    with content.open("rb") as source:
                        tar.addfile(info, source)
                else:
                    tar.addfile(info, io.BytesIO(content) if content is not None else None)
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def write(target: Path, name: str, layer: Layer, process: dict[str, Any]) -> None:
    """Writes the image `name` (reference with tag); `process` is the config's Entrypoint, Cmd, Env, User."""
    layer_file = target.with_suffix(".layer")
    digest = layer.write(layer_file)
    config = json.dumps(
        {
            "architecture": ARCHITECTURES[platform.machine()],
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": process,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "dual-stack lab"}],
        },
        sort_keys=True,
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    layer_name = f"{digest}/layer.tar"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [layer_name]}]
    archive = Layer()
    archive.entries[config_name] = _plain(config_name, config)
    archive.entries["manifest.json"] = _plain("manifest.json", json.dumps(manifest).encode())
    archive.file(layer_name, layer_file)
    archive.write(target)
    layer_file.unlink()


def _plain(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content
