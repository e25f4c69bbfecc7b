"""One HTML file: no network, no script, for a phone, for paper, in light and in dark."""

from importlib.resources import files
from itertools import islice

from jinja2 import Environment, FunctionLoader, StrictUndefined

from dualstack.family import FAMILIES, Family
from dualstack.report.matrix import SIGNS, matrices
from dualstack.report.model import BehaviourResult, Convergence, Report, WaiverState
from dualstack.report.text import shortened, visible
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import Verdict

FINDINGS_AT_MOST = 200  # a behaviour's evidence in full; report.json has the rest
WRONG = (Verdict.BREAKS, Verdict.UNSUPPORTED)
ORDER = (*WRONG, Verdict.NOT_JUDGED, Verdict.WAIVED, Verdict.CONFORMS, Verdict.NOT_APPLICABLE)
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


def environment() -> Environment:
    """Templates of this package, with escaping on and our words as filters."""
    made = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["visible"] = lambda text: visible(str(text))
    made.filters["short"] = lambda text, length: shortened(visible(str(text)), length)
    made.globals.update(
        families=FAMILIES,
        signs=SIGNS,
        labels=LABELS,
        matrices=matrices,
        wrong=WRONG,
        shown=shown,
        template=_template,
        waiver_marks=WAIVER_MARKS,
    )
    return made


def render(report: Report) -> str:
    """The report as one HTML document."""
    template = environment().get_template("report.html.j2")
    return template.render(
        report=report,
        topics=_topics(report),
        broken=[each for each in report.behaviours if each.verdict in WRONG],
        unjudged=[each for each in report.behaviours if each.verdict is Verdict.NOT_JUDGED],
        pictured=[each for each in report.behaviours if matrices(each)],
        slowest=_slowest(report.convergence),
    )


def shown(result: BehaviourResult) -> list[Finding]:
    """The findings to print, what is wrong first, FINDINGS_AT_MOST of them."""
    ordered = (each for verdict in ORDER for each in result.findings if each.verdict is verdict)
    return list(islice(ordered, FINDINGS_AT_MOST))


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
