"""report.json: the model as canonical JSON (RFC 8785), so that equal reports are equal bytes.

A large cluster has a million findings, so a file is written and read one behaviour at a time.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import rfc8785
from pydantic import JsonValue, ValidationError

from dualstack.errors import UserError
from dualstack.report.model import SCHEMA, BehaviourResult, Report
from dualstack.report.packed import FINDINGS, PackedFindings, first_trouble
from dualstack.verdict.finding import Finding

# How our own files begin, and where the next behaviour does: keys are sorted, quotes within strings escaped.
BEGINNING, NEXT = b'{"behaviours":[', b',{"claim":'
FINDINGS_FROM, FINDINGS_TO = b'"findings":[', b'],"id":"'
CHUNK = 1 << 22
EXACT = 2**53 - 1  # larger ones are no numbers to RFC 8785


def to_json(report: Report) -> bytes:
    """The report's bytes. Two reports with the same content have the same bytes."""
    return b"".join(pieces(report))


def pieces(report: Report) -> Iterator[bytes]:
    """The report's bytes, a behaviour at a time."""
    yield BEGINNING
    for number, result in enumerate(report.behaviours):
        yield b"," * (number > 0) + _behaviour(result)
    rest = rfc8785.dumps(report.model_dump(mode="json", by_alias=True, exclude={"behaviours"}))
    yield b"]," + rest.removeprefix(b"{")


def load(path: Path) -> Report:
    """Read a report.json. Raises UserError with one line for whatever is not one.

    The findings of a file as we write it are checked when they are read: `check` reads them all.
    """
    try:
        with path.open("rb") as file:
            if report := _by_behaviours(file, path):
                return report
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: the report cannot be read: {error.strerror}") from None
    try:
        return Report.model_validate_json(content)
    except ValidationError as error:
        raise UserError(f"{path}: {_trouble(content, error)}") from None


def check(report: Report) -> Report:
    """The report, if its findings are findings. Raises UserError if not."""
    for result in report.behaviours:
        len(result.findings)
    return report


def _by_behaviours(file: BinaryIO, path: Path) -> Report | None:
    """The report, if the file falls into behaviours as ours do; None: read it as a whole."""
    parts = _parts(file)
    behaviours = []
    try:
        piece = next(parts)
        if not piece.startswith(BEGINNING):
            return None
        piece = piece.removeprefix(BEGINNING)
        for following in parts:
            behaviours.append(_packed(piece, path))
            piece = NEXT[1:] + following
        rest = Report.model_validate_json(
            BEGINNING + piece
        )  # the last behaviour, and all that is no behaviour
    except ValidationError:
        return None
    return rest.model_copy(update={"behaviours": behaviours + rest.behaviours})


def _parts(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while chunk := file.read(CHUNK):
        *whole, rest = (rest + chunk).split(NEXT)
        yield from whole
    yield rest


def _packed(piece: bytes, path: Path) -> BehaviourResult:
    """A behaviour, its findings cut out: nothing after them looks like their end. Raises ValidationError."""
    start = piece.find(FINDINGS_FROM) + len(FINDINGS_FROM)
    end = piece.rfind(FINDINGS_TO)
    result = BehaviourResult.model_validate_json(piece[:start] + piece[end:])
    findings = PackedFindings(b"[" + piece[start:end] + b"]", f"{path}: findings of {result.id}")
    return result.model_copy(update={"findings": findings})


def _behaviour(result: BehaviourResult) -> bytes:
    parts = result.model_dump(mode="json", exclude={"findings"})
    encoded = {key: rfc8785.dumps(value) for key, value in parts.items()}
    encoded["findings"] = _findings(result.findings)
    return b"{" + b",".join(b'"%s":%s' % (key.encode(), encoded[key]) for key in sorted(encoded)) + b"}"


def _findings(findings: Iterable[Finding]) -> bytes:
    """Canonical JSON; by pydantic, which is many times as fast, where both say the same."""
    runs = groupby(findings, key=lambda each: _is_spelled_alike(each.evidence))
    spelled = (FINDINGS.dump_json(list(run)) if alike else _particular(list(run)) for alike, run in runs)
    return b"[" + b",".join(each[1:-1] for each in spelled) + b"]"


def _particular(findings: list[Finding]) -> bytes:
    return rfc8785.dumps(FINDINGS.dump_python(findings, mode="json"))


def _is_spelled_alike(value: JsonValue) -> bool:
    """Numbers are where RFC 8785 is particular, and the order of keys; a finding's own are in order."""
    if isinstance(value, dict):
        keys = list(value)
        return "".join(keys).isascii() and keys == sorted(keys) and _are_spelled_alike(value.values())
    if isinstance(value, list):
        return _are_spelled_alike(value)
    if isinstance(value, float):  # both write the shortest digits, pydantic with `.0` and other exponents
        return 1e-4 <= abs(value) < 1e16 and not value.is_integer()
    return not isinstance(value, int) or abs(value) <= EXACT


def _are_spelled_alike(values: Iterable[JsonValue]) -> bool:
    return all(map(_is_spelled_alike, [each for each in values if type(each) is not str]))


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
    return first_trouble(error)
