"""Paths between nodes as a picture: a grid of sources and targets for each family.

Beyond `side` nodes a side, neighbours in name order share a cell, which shows the worst of them.
"""

from collections.abc import Sequence
from itertools import product

from pydantic import BaseModel, ConfigDict

from dualstack.family import FAMILIES, Family
from dualstack.report.model import BehaviourResult
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import Verdict, worst

SIGNS = {
    Verdict.CONFORMS: "✓",
    Verdict.BREAKS: "✗",
    Verdict.NOT_JUDGED: "?",
    Verdict.NOT_APPLICABLE: "–",
    Verdict.WAIVED: "w",
    Verdict.UNSUPPORTED: "!",
}


class Cell(BaseModel):
    """One or more paths, and the worst that was found on them."""

    model_config = ConfigDict(frozen=True)

    row: int
    column: int
    verdict: Verdict
    title: str
    """The worst path; empty where several share the cell and all conform."""


class Matrix(BaseModel):
    """The grid of one behaviour in one family."""

    model_config = ConfigDict(frozen=True)

    family: Family
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    cells: tuple[Cell, ...]
    inferred: tuple[tuple[int, int], ...] = ()
    """(row, column) of paths that were not tried, where all that was tried from that source and to that
    target conforms."""
    folded: int
    """How many nodes share a row or column; 1 where each has its own."""


def matrices(result: BehaviourResult, side: int) -> list[Matrix]:
    """The pictures of a behaviour, `side` cells a side at most: empty where its findings are no paths."""
    return [matrix for family in FAMILIES if (matrix := _matrix(result, family, side))]


def is_path(finding: Finding) -> bool:
    """Whether a finding has a place in a picture."""
    return bool(finding.source and finding.target and finding.family)


def _matrix(result: BehaviourResult, family: Family, side: int) -> Matrix | None:
    paths = [each for each in result.findings if is_path(each) and each.family is family]
    if not paths:
        return None
    sources = sorted({str(each.source) for each in paths})
    targets = sorted({str(each.target) for each in paths})
    folded = max(1, -(-max(len(sources), len(targets)) // side))
    row = {name: index // folded for index, name in enumerate(sources)}
    column = {name: index // folded for index, name in enumerate(targets)}
    grouped: dict[tuple[int, int], list[Verdict]] = {}
    titles: dict[tuple[int, int], str] = {}
    for path in paths:
        place = row[str(path.source)], column[str(path.target)]
        if path.verdict is not Verdict.CONFORMS or place not in titles:
            titles[place] = f"{path.subject} {family}: {path.cause or path.verdict}"
        grouped.setdefault(place, []).append(path.verdict)
    cells = tuple(_cell(place, verdicts, titles[place]) for place, verdicts in sorted(grouped.items()))
    return Matrix(
        family=family,
        sources=_names(sources, folded),
        targets=_names(targets, folded),
        cells=cells,
        inferred=_inferred(cells),
        folded=folded,
    )


def _inferred(cells: Sequence[Cell]) -> tuple[tuple[int, int], ...]:
    """Return the empty places whose row and column hold nothing but what conforms."""
    tried = {(each.row, each.column) for each in cells}
    bad = [each for each in cells if each.verdict is not Verdict.CONFORMS]
    rows = {each.row for each in cells} - {each.row for each in bad}
    columns = {each.column for each in cells} - {each.column for each in bad}
    return tuple(sorted(set(product(rows, columns)) - tried))


def _cell(place: tuple[int, int], verdicts: Sequence[Verdict], title: str) -> Cell:
    verdict = worst(list(verdicts)) or Verdict.NOT_JUDGED
    if len(verdicts) > 1:
        title = "" if verdict is Verdict.CONFORMS else f"worst of {len(verdicts)}: {title}"
    return Cell(row=place[0], column=place[1], verdict=verdict, title=title)


def _names(names: list[str], folded: int) -> tuple[str, ...]:
    groups = [names[at : at + folded] for at in range(0, len(names), folded)]
    return tuple(group[0] if len(group) == 1 else f"{group[0]} … {group[-1]}" for group in groups)
