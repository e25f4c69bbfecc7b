"""YAML that people write, read as version 1.2 and checked against a model; every mistake is one line.

YAML 1.2 on purpose: version 1.1 reads some IPv6 addresses as numbers in base 60.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from dualstack.errors import UserError

Model = TypeVar("Model", bound=BaseModel)


def load(path: Path, model: type[Model], what: str) -> Model:
    """The file as a model; `what` says in a few words what should be in it. Raises UserError."""
    return validated(path, read(path, what), model)


def validated(path: Path, document: dict[str, Any], model: type[Model]) -> Model:
    """The mapping of a file as a model. Raises UserError."""
    try:
        # By way of JSON, since strict validation takes enumerations by name from JSON only.
        return model.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise UserError(f"{path}: {first_mistake(error)}") from None


def read(path: Path, what: str) -> dict[str, Any]:
    """The file's mapping. Raises UserError."""
    try:
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: cannot be read: it is not UTF-8 text") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UserError(f"{path}: line {line}: not YAML: {error.problem}") from None
    except YAMLError as error:
        raise UserError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    except ValueError as error:  # what has the form of a date and is none, e.g. 2026-13-31
        raise UserError(f"{path}: a date is not valid: {error}") from None
    if not isinstance(document, dict):
        raise UserError(f"{path}: expected {what}: a mapping at the top level of the file")
    return document


def first_mistake(error: ValidationError) -> str:
    """The first thing that is wrong, with the key where it stands."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    found = "" if first["type"] in ("missing", "value_error") else f" (found {first['input']!r})"
    return f"{key}: {first['msg'].removeprefix('Value error, ')}{found}".removeprefix(": ")
