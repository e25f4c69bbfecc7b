"""YAML that people write for the lab: read as YAML 1.2, laid over other YAML, its templates filled in.

IPv6 addresses stay strings, and a mistake is one line with file and key.
"""

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from lab.errors import LabError


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML 1.2 file holds. Raises LabError with file and line."""
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text())
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LabError(f"{path}:{line}: not YAML: {error.problem}") from None
    if not isinstance(data, dict):
        raise LabError(f"{path}: must hold one mapping (key: value)")
    return data


def merge(base: dict[str, Any], over: dict[Any, Any]) -> dict[str, Any]:
    """Return `base` with `over` laid on it: mappings key by key, null removes a key, all else replaces."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if value is None:
            merged.pop(key, None)
            continue
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def fill(value: Any, words: dict[str, str]) -> Any:  # noqa: ANN401  # any YAML
    """Return `value` with each {word} replaced in every string; other braces stay as they are."""
    if isinstance(value, str):
        for word, text in words.items():
            value = value.replace("{" + word + "}", text)
        return value
    if isinstance(value, dict):
        return {key: fill(each, words) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [fill(each, words) for each in value]
    return value


def first_problem(error: ValidationError) -> str:
    """Return what is wrong first, with its key, on one line."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    given = "" if first["type"] in ("missing", "extra_forbidden") else f" (given: {first['input']!r:.80})"
    said = {"extra_forbidden": "no such key", "missing": "is missing"}.get(first["type"], first["msg"])
    if first["type"] == "value_error":
        said, given = str(first["ctx"]["error"]), ""
    return f"{key}: {said}{given}" if key else said
