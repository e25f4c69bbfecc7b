"""Writing files: folders made on the way, the mode right from the start, never half a file under its name."""

import io
import json
import os
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a text file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    unfinished.replace(path)


def write_json(path: Path, data: dict[str, Any], mode: int = 0o644) -> None:
    """Write a JSON file in one step (the components read JSON where they read YAML)."""
    write(path, json.dumps(data, indent=2) + "\n", mode)


def write_yaml(path: Path, data: dict[str, Any], mode: int = 0o644) -> None:
    """Write a YAML file in one step."""
    text = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(data, text)
    write(path, text.getvalue(), mode)
