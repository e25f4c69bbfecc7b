"""A comparison for people (text, Markdown, HTML) and for programs (JSON)."""

from collections.abc import Callable, Iterator, Sequence

import rfc8785
from tabulate import tabulate

from dualstack.report.compare import Change, Comparison
from dualstack.report.html_page import environment
from dualstack.report.markdown import table
from dualstack.report.text import shortened, visible
from dualstack.verdict.words import FAILING_OR_WAIVED

CHANGES_AT_MOST = 50  # a list's length for people; JSON has everything
COLUMNS = ["behaviour", "where", "family", "before", "now", "why"]
CONTEXT = ["what differs", "before", "now"]


def text(comparison: Comparison) -> str:
    """For a terminal or a log."""
    parts = []
    if comparison.context:
        rows = [[shortened(cell, 60) for cell in row] for row in context_rows(comparison)]
        parts.append(tabulate(rows, CONTEXT, "simple", disable_numparse=True))
    for title, changes in sections(comparison):
        rows = [[shortened(cell, 60) for cell in row] for row in change_rows(changes)]
        more = f"\nand {len(changes) - len(rows)} more" if len(changes) > len(rows) else ""
        parts.append(f"{title}\n" + tabulate(rows, COLUMNS, "simple", disable_numparse=True) + more)
    if comparison.lost:
        parts.append(f"Could be judged before and not now: {', '.join(comparison.lost)}")
    return "\n\n".join([*parts, sentence(comparison)]) + "\n"


def markdown(comparison: Comparison) -> str:
    """For a job's summary or a merge request."""
    parts = ["# Comparison of two runs", f"**{sentence(comparison)}**", _runs(comparison)]
    if comparison.context:
        parts += ["## What else differs", table(CONTEXT, list(context_rows(comparison)))]
    for title, changes in sections(comparison):
        rows = list(change_rows(changes))
        parts += [f"## {title}", table(COLUMNS, rows)]
        if len(changes) > len(rows):
            parts.append(f"and {len(changes) - len(rows)} more")
    return "\n\n".join(parts) + "\n"


def html(comparison: Comparison) -> str:
    """One HTML file, no network, no script."""
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            comparison=comparison,
            sentence=sentence(comparison),
            sections=list(sections(comparison)),
            at_most=CHANGES_AT_MOST,
        )
    )


def json(comparison: Comparison) -> str:
    """Canonical JSON (RFC 8785) of the whole comparison."""
    return rfc8785.dumps(comparison.model_dump(mode="json", by_alias=True)).decode() + "\n"


FORMATS: dict[str, Callable[[Comparison], str]] = {
    "text": text,
    "markdown": markdown,
    "json": json,
    "html": html,
}


def sentence(comparison: Comparison) -> str:
    """The counts, and what no one should overlook."""
    unseen = len(comparison.unseen)
    more = f" {unseen} of the incomparable break now and were not judged before." if unseen else ""
    return (
        f"{len(comparison.new)} new, {len(comparison.resolved)} resolved, "
        f"{len(comparison.unchanged)} unchanged, {len(comparison.incomparable)} incomparable; "
        f"{comparison.unchanged_good} conform in both runs.{more}"
    )


def sections(comparison: Comparison) -> Iterator[tuple[str, list[Change]]]:
    """The lists that hold anything, under their titles.

    Of the incomparable only those to look at: wrong in the one run, or judged before and not any more. What
    conforms and came or went with its node is in the counts.
    """
    telling = [
        each
        for each in comparison.incomparable
        if each.old in FAILING_OR_WAIVED or each.new in FAILING_OR_WAIVED or (each.old and each.new)
    ]
    for title, changes in (
        ("New", comparison.new),
        ("Resolved", comparison.resolved),
        ("Unchanged: still wrong, or waived now", comparison.unchanged),
        ("Incomparable: wrong in the one run that judged it, or no longer judged", telling),
    ):
        if changes:
            yield title, changes


def context_rows(comparison: Comparison) -> Iterator[list[str]]:
    """What differs around the runs, as cells."""
    for each in comparison.context:
        yield [each.what, visible(each.old), visible(each.new)]


def change_rows(changes: Sequence[Change]) -> Iterator[list[str]]:
    """The first CHANGES_AT_MOST changes, as cells."""
    for each in changes[:CHANGES_AT_MOST]:
        yield [
            each.behaviour, visible(each.subject), each.family or "", each.old or "absent",
            each.new or "absent", visible(each.cause or ""),
        ]  # fmt: skip


def _runs(comparison: Comparison) -> str:
    rows = [
        [name, run.id, run.start, run.verdict]
        for name, run in (("before", comparison.before), ("now", comparison.after))
    ]
    return table(["", "run", "start", "verdict"], rows)
