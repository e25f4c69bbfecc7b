"""CSV: one row per finding, for spreadsheets. A behaviour without findings has one row, so none vanishes."""

import csv
import io
from collections.abc import Iterable, Iterator
from functools import lru_cache

from pydantic import JsonValue
from pydantic_core import to_json

from dualstack.report.model import BehaviourResult, Report
from dualstack.report.text import visible

HEADERS = (
    "run", "start", "cluster", "topic", "behaviour", "level", "subject", "family", "source", "target",
    "verdict", "cause", "remedy", "evidence",
)  # fmt: skip
# What makes a spreadsheet run a cell: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def pieces(report: Report) -> Iterator[str]:
    """The findings as CSV (RFC 4180, so lines end in CRLF): the headers, then the rows of each behaviour."""
    yield _lines([HEADERS])
    cluster = (report.cluster.uid or report.cluster.server) if report.cluster else ""
    run = [_cell(report.run.id), report.run.start.isoformat(), _cell(cluster)]
    for result in report.behaviours:
        about = [result.topic, result.id, result.level]
        yield _lines([*run, *about, *row] for row in _rows(result))


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _rows(result: BehaviourResult) -> Iterator[list[str]]:
    if not result.findings:
        yield ["", "", "", "", result.verdict, _cell(result.reason), _cell(result.remedy), ""]
    for each in result.findings:
        yield [
            _cell(each.subject), each.family or "", _cell(each.source), _cell(each.target), each.verdict,
            _cell(each.cause), _cell(each.remedy), _json(each.evidence) if each.evidence else "",
        ]  # fmt: skip


def _json(evidence: dict[str, JsonValue]) -> str:
    """In ASCII, without the one control character that JSON leaves as it is."""
    return to_json(evidence, ensure_ascii=True).replace(b"\x7f", b"\\u007f").decode()


@lru_cache(1 << 16)  # names of nodes come again and again
def _cell(text: str | None) -> str:
    """One line; what a spreadsheet would run as a formula is marked as text with an apostrophe."""
    shown = visible(text or "")
    return f"'{shown}" if shown.startswith(FORMULA) else shown
