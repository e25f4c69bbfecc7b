"""report.json: the model as canonical JSON (RFC 8785), so that equal reports are equal bytes."""

import json
from pathlib import Path

import rfc8785
from pydantic import ValidationError

from dualstack.errors import UserError
from dualstack.report.model import SCHEMA, Report


def to_json(report: Report) -> bytes:
    """The report's bytes. Two reports with the same content have the same bytes."""
    return rfc8785.dumps(report.model_dump(mode="json", by_alias=True))


def load(path: Path) -> Report:
    """Read a report.json. Raises UserError with one line for whatever is not one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: the report cannot be read: {error.strerror}") from None
    try:
        return Report.model_validate_json(content)
    except ValidationError as error:
        raise UserError(f"{path}: {_trouble(content, error)}") from None


def _trouble(content: bytes, error: ValidationError) -> str:
    """What is wrong with it, the most general first: not JSON, not a report, another schema, a wrong key."""
    try:
        document = json.loads(content)
    except ValueError:
        return "this is not JSON, so not a report.json"
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or schema.partition("/")[0] != SCHEMA.partition("/")[0]:
        return f"this is not a report of this suite: it has no schema {SCHEMA}"
    if schema != SCHEMA:
        return f"its schema is {schema}; this version reads {SCHEMA}"
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
