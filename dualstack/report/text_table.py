"""The end of a run on a terminal: one table, what is wrong beneath it, and one sentence."""

import textwrap
from collections.abc import Iterator

from tabulate import tabulate

from dualstack.diagnosis.model import Cause
from dualstack.family import FAMILIES, Family
from dualstack.report.model import BehaviourResult, Report
from dualstack.report.text import shortened, visible
from dualstack.verdict.words import FAILING, Outcome, Verdict

CAUSES_AT_MOST = 12
FINDINGS_AT_MOST = 4  # of a behaviour, since causes come first
NARROWEST = 60
SIGNS = {
    Verdict.CONFORMS: "ok",
    Verdict.BREAKS: "BREAKS",
    Verdict.UNSUPPORTED: "outside",
    Verdict.NOT_JUDGED: "?",
    Verdict.NOT_APPLICABLE: "-",
    Verdict.WAIVED: "waived",
}
COLOURS = {
    Verdict.CONFORMS: "32",
    Verdict.BREAKS: "1;31",
    Verdict.UNSUPPORTED: "33",
    Verdict.NOT_JUDGED: "33",
    Verdict.WAIVED: "35",
}
OUTCOME_COLOURS = {
    Outcome.CONFORMANT: "1;32",
    Outcome.NOT_CONFORMANT: "1;31",
    Outcome.INCOMPLETE: "1;33",
}


def table(report: Report, width: int, colour: bool) -> str:
    """The text, at most `width` columns wide (no narrower than NARROWEST), the sentence last."""
    width = max(width, NARROWEST)
    parts = []
    if report.behaviours:
        parts.append(_table(report, width, colour))
    if report.causes:
        parts.append("\n".join(_causes(report.causes, width, colour)))
    for result in report.behaviours:
        if result.verdict in FAILING:
            parts.append("\n".join(_wrong(result, width, colour)))
    sentence = "\n".join(textwrap.wrap(visible(report.sentence), width, break_on_hyphens=False))
    parts.append(_paint(sentence, OUTCOME_COLOURS[report.verdict], colour))
    return "\n\n".join(parts)


def _table(report: Report, width: int, colour: bool) -> str:
    fixed = [
        [each.id, each.level, *(_sign(_of(each, family), colour) for family in FAMILIES)]
        for each in report.behaviours
    ]
    taken = max(len(each.id) for each in report.behaviours) + len("SHOULD") + 2 * len("outside") + 8
    room = max(10, width - taken - 1)
    rows = [[*row, shortened(_words(each), room)] for row, each in zip(fixed, report.behaviours, strict=True)]
    headers = ["behaviour", "level", *FAMILIES, "found"]
    return tabulate(rows, headers, "simple", disable_numparse=True)


def _of(result: BehaviourResult, family: Family) -> Verdict:
    """The verdict in a family; a claim about neither shows the same in both."""
    if result.families:
        return result.families.get(family, Verdict.NOT_APPLICABLE)
    return result.verdict


def _words(result: BehaviourResult) -> str:
    if result.verdict is Verdict.CONFORMS:
        count = len([each for each in result.findings if each.verdict is Verdict.CONFORMS])
        return f"{count} of {count} hold"
    return visible(result.reason or "")


def _causes(causes: list[Cause], width: int, colour: bool) -> Iterator[str]:
    """What is wrong, each cause once; the findings follow by behaviour."""
    yield _paint("What is wrong", COLOURS[Verdict.BREAKS], colour)
    for cause in causes[:CAUSES_AT_MOST]:
        yield _paragraph(visible(f"{cause.sentence}: {cause.count}"), "  * ", width, indent="    ")
        yield _paragraph(f"What to do: {visible(cause.remedy)}", "    ", width)
    if len(causes) > CAUSES_AT_MOST:
        yield f"  and {len(causes) - CAUSES_AT_MOST} more, see the report"


def _paragraph(text: str, start: str, width: int, indent: str | None = None) -> str:
    return textwrap.fill(
        text, width, initial_indent=start, subsequent_indent=indent or start, break_on_hyphens=False
    )


def _wrong(result: BehaviourResult, width: int, colour: bool) -> Iterator[str]:
    word = "breaks" if result.verdict is Verdict.BREAKS else "is outside the documented support"
    yield _paint(f"{result.id} {word} ({result.level})", COLOURS[result.verdict], colour)
    yield _paragraph(result.claim, "  ", width)
    bad = [finding for finding in result.findings if finding.verdict in FAILING]
    for finding in bad[:FINDINGS_AT_MOST]:
        family = f" {finding.family}" if finding.family else ""
        line = visible(f"{finding.subject}{family}: {finding.cause}")
        yield _paragraph(line, "  - ", width, indent="    ")
    if len(bad) > FINDINGS_AT_MOST:
        yield f"  and {len(bad) - FINDINGS_AT_MOST} more, see the report"
    if result.verdict is not Verdict.BREAKS:  # the causes above say what to do about what breaks
        remedy = next((each.remedy for each in bad if each.remedy), result.remedy)
        yield _paragraph(f"What to do: {remedy}", "  ", width)


def _sign(verdict: Verdict | None, colour: bool) -> str:
    return "" if verdict is None else _paint(SIGNS[verdict], COLOURS.get(verdict), colour)


def _paint(text: str, code: str | None, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour and code else text
