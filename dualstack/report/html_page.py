"""One HTML file: no network, no script, for a phone, for paper, in light and in dark.

However large the cluster, it stays under 5 MB: behaviours share the room for evidence, the worst first, and
pictures the number of cells. What is left out is counted on the page, and report.json has it.
"""

from collections.abc import Iterator
from importlib.resources import files
from math import isqrt
from typing import NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined

from dualstack.family import FAMILIES, Family
from dualstack.report.matrix import SIGNS, Matrix, is_path, matrices
from dualstack.report.model import PARITY_EDGES_MS, BehaviourResult, Convergence, Report, WaiverState
from dualstack.report.text import shortened, visible
from dualstack.verdict.finding import Finding, remedy_of
from dualstack.verdict.words import FAILING, Verdict

CAUSES_AT_MOST = 20
FINDINGS_AT_MOST = 200  # in a behaviour's evidence
FIRST_AT_MOST = 12  # in its summary
CHARACTERS_AT_MOST = 1_200_000  # of evidence on the page
ROW = 180  # characters of markup around a finding
CELLS_AT_MOST = 10_000  # on the page
SIDE_AT_MOST = 40  # cells of a picture
ORDER = (*FAILING, Verdict.NOT_JUDGED, Verdict.WAIVED, Verdict.CONFORMS, Verdict.NOT_APPLICABLE)
LABELS = {
    Verdict.CONFORMS: "conforms",
    Verdict.BREAKS: "breaks",
    Verdict.NOT_JUDGED: "not judged",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.WAIVED: "waived",
    Verdict.UNSUPPORTED: "outside support",
}
WAIVER_MARKS: dict[WaiverState, Verdict] = {
    "used": Verdict.WAIVED,
    "unused": Verdict.NOT_APPLICABLE,
    "expired": Verdict.BREAKS,
    "too-broad": Verdict.UNSUPPORTED,
}
"""The verdict whose colour a waiver's state is shown in."""


class Excerpt(NamedTuple):
    """What the page shows of a behaviour's findings."""

    shown: list[Finding]
    """What is wrong first; FINDINGS_AT_MOST, fewer where they are long."""
    first: list[Finding]
    """The first that are wrong, FIRST_AT_MOST of them."""
    total: int
    wrong: int
    has_paths: bool


def environment() -> Environment:
    """Templates of this package, with escaping on and our words as filters."""
    made = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["remedy"] = remedy_of
    made.filters["visible"] = lambda text: visible(str(text))
    made.filters["short"] = lambda text, length: shortened(visible(str(text)), length)
    made.globals.update(
        families=FAMILIES,
        signs=SIGNS,
        labels=LABELS,
        template=_template,
        causes_at_most=CAUSES_AT_MOST,
        edges=PARITY_EDGES_MS,
        waiver_marks=WAIVER_MARKS,
    )
    return made


def render(report: Report) -> str:
    """The report as one HTML document."""
    template = environment().get_template("report.html.j2")
    room = CHARACTERS_AT_MOST // max(1, len(report.behaviours))
    excerpts = [(result, excerpt(result, room)) for result in report.behaviours]
    pictured = [result for result, found in excerpts if found.has_paths]
    side = min(SIDE_AT_MOST, isqrt(CELLS_AT_MOST // max(1, len(FAMILIES) * len(pictured))))
    pictures = [(result, matrices(result, side)) for result in pictured]
    return template.render(
        report=report,
        topics=_topics(report),
        broken=[(result, found) for result, found in excerpts if result.verdict in FAILING],
        unjudged=[each for each in report.behaviours if each.verdict is Verdict.NOT_JUDGED],
        pictures=pictures,
        partly_probed=any(not _is_full(matrix) for _, grids in pictures for matrix in grids),
        evidence=[(result, found) for result, found in excerpts if found.total],
        slowest=_slowest(report.convergence),
    )


def _is_full(matrix: Matrix) -> bool:
    return len(matrix.cells) == len(matrix.sources) * len(matrix.targets)


def excerpt(result: BehaviourResult, room: int) -> Excerpt:
    """The findings to print, in `room` characters or hardly more."""
    by_verdict: dict[Verdict, list[Finding]] = {verdict: [] for verdict in ORDER}
    for each in result.findings:
        by_verdict[each.verdict].append(each)
    ordered = [each for verdict in ORDER for each in by_verdict[verdict][:FINDINGS_AT_MOST]]
    wrong = sum(len(by_verdict[verdict]) for verdict in FAILING)
    return Excerpt(
        shown=list(_fitting(ordered[:FINDINGS_AT_MOST], room)),
        first=ordered[: min(wrong, FIRST_AT_MOST)],
        total=len(result.findings),
        wrong=wrong,
        has_paths=any(map(is_path, result.findings)),
    )


def _fitting(findings: list[Finding], room: int) -> Iterator[Finding]:
    """As many as there is room for, and one in any case."""
    for number, each in enumerate(findings):
        room -= ROW + len(each.subject) + len(each.cause or "") + len(str(each.evidence))
        if room < 0 and number:
            return
        yield each


def _template(name: str) -> str:
    return files("dualstack.report").joinpath(name).read_text(encoding="utf-8")


def _topics(report: Report) -> dict[str, list[BehaviourResult]]:
    found: dict[str, list[BehaviourResult]] = {}
    for result in report.behaviours:
        found.setdefault(result.topic, []).append(result)
    return found


def _slowest(convergence: list[Convergence]) -> list[dict[str, object]]:
    """The last node at which each Service answered, by family."""
    keys: dict[tuple[str, Family], list[Convergence]] = {}
    for each in convergence:
        keys.setdefault((each.service, each.family), []).append(each)
    return [
        {
            "service": service,
            "family": family,
            "first": min(times, key=_seconds),
            "last": max(times, key=_seconds),
        }
        for (service, family), times in sorted(keys.items())
    ]


def _seconds(each: Convergence) -> float:
    return each.seconds
