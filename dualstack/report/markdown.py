"""Markdown for a job's summary or a merge request: the verdict first, what is wrong next, the rest last."""

from collections.abc import Iterator, Sequence
from html import escape

from tabulate import tabulate

from dualstack.family import FAMILIES
from dualstack.report.model import BehaviourResult, Report, WaiverUse
from dualstack.report.text import visible
from dualstack.verdict.finding import remedy_of
from dualstack.verdict.words import FAILING

CAUSES_AT_MOST = FINDINGS_AT_MOST = 20
WAIVER_FACTS = ("behaviour", "subject", "family", "reason", "owner", "ticket", "expiry")


def render(report: Report) -> str:
    """The report as Markdown."""
    return "\n".join(_parts(report)) + "\n"


def _parts(report: Report) -> Iterator[str]:
    yield f"# Dual-stack conformance: {report.verdict}\n"
    yield f"**{_cell(report.sentence)}**\n"
    yield table(["", ""], list(_facts(report)))
    if report.causes:
        yield "\n## What is wrong\n"
        rows = [[each.sentence, each.count, each.why, each.remedy] for each in report.causes[:CAUSES_AT_MOST]]
        yield table(["cause", "findings", "one of them says", "what to do"], rows)
        if len(report.causes) > CAUSES_AT_MOST:
            yield f"\nand {len(report.causes) - CAUSES_AT_MOST} more\n"
    for result in report.behaviours:
        if result.verdict in FAILING:
            yield from _wrong(result)
    yield "\n## All behaviours\n"
    rows = [
        [
            f"`{each.id}`",
            each.level,
            *(each.families.get(family, "") for family in FAMILIES),
            each.verdict,
            each.reason or "",
        ]
        for each in report.behaviours
    ]
    yield table(["behaviour", "level", *FAMILIES, "verdict", "reason"], rows)
    if report.expected:
        yield "\n## What the site expects\n"
        rows = [
            [each.promise, each.family or "", each.intent, each.api or "", each.wire or "", each.verdict]
            for each in report.expected
        ]
        yield table(["promise", "family", "intent", "API", "wire", "verdict"], rows)
    if report.waivers:
        yield "\n## Waivers\n"
        yield table(["waiver", "findings", *WAIVER_FACTS], [_waiver(each) for each in report.waivers])
    if report.left_behind:
        names = ", ".join(f"{each.kind} {each.name}" for each in report.left_behind)
        what = "Still ending, asked to go" if report.still_ending else "Left behind, remove by hand"
        yield f"\n**{what}:** {_cell(names)}"


def _facts(report: Report) -> Iterator[list[str]]:
    if report.cluster:
        yield ["cluster", f"{report.cluster.server}, {report.cluster.version}, UID {report.cluster.uid}"]
        yield ["nodes", str(len(report.cluster.nodes))]
    if report.run.pseudonyms:
        yield ["names", f"pseudonyms, by key {report.run.pseudonyms}"]
    yield ["profile", f"{report.profile.name}: {report.profile.title}"]
    if report.profile.because:
        yield ["", f"proposed by --profile auto: {report.profile.because}"]
    yield ["run", f"{report.run.id}, {report.run.start:%Y-%m-%d %H:%M:%S} UTC"]


def _wrong(result: BehaviourResult) -> Iterator[str]:
    yield f"\n## {result.id} {result.verdict} ({result.level})\n"
    yield f"{_cell(result.claim)} [Source]({result.source})\n"
    bad = [finding for finding in result.findings if finding.verdict in FAILING]
    rows = [[each.subject, each.family or "", each.cause or ""] for each in bad[:FINDINGS_AT_MOST]]
    yield table(["where", "family", "what was found"], rows)
    if len(bad) > FINDINGS_AT_MOST:
        yield f"\nand {len(bad) - FINDINGS_AT_MOST} more\n"
    yield f"\nWhat to do: {_cell(remedy_of(bad, result.remedy))}"


def _waiver(use: WaiverUse) -> list[str]:
    facts = use.model_dump(mode="json", include=set(WAIVER_FACTS))
    facts["subject"] = use.subject.replace("*", "\\*")  # no emphasis
    return [use.state.replace("-", " "), str(use.findings), *(facts[name] or "" for name in WAIVER_FACTS)]


def table(headers: Sequence[str], rows: list[list[str]]) -> str:
    """A table whose cells are harmless."""
    cells = [[_cell(str(cell)) for cell in row] for row in rows]
    return tabulate(cells, headers, "github", disable_numparse=True)


def _cell(text: str) -> str:
    """Harmless in a table: no HTML, no column of its own, one line. Code spans of ours stay."""
    return escape(visible(text), quote=False).replace("|", "\\|")
