"""Many runs on one page: which behaviour held on which night, how often that changed, how long runs took.

Flakiness is the number of changes between good and bad over the number of pairs of neighbouring nights that
both judged the behaviour; a waived fault is still one. Only a summary of each report is kept in memory.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from dualstack.errors import UserError
from dualstack.report import canonical
from dualstack.report.compare import JUDGED
from dualstack.report.html_page import environment
from dualstack.report.model import Report
from dualstack.verdict.words import Outcome, Verdict

OUTCOME_SIGNS = {Outcome.CONFORMANT: "✓", Outcome.NOT_CONFORMANT: "✗", Outcome.INCOMPLETE: "?"}
WIDTH, HEIGHT, MARGIN = 720, 140, 44  # of the drawing, in CSS pixels


class Part(BaseModel):
    """A piece of the history: no changes after it is made."""

    model_config = ConfigDict(frozen=True)


class Night(Part):
    """What the page needs of one run."""

    folder: str
    cluster: str
    version: str
    start: datetime
    seconds: float
    outcome: Outcome
    sentence: str
    verdicts: dict[str, Verdict]


class Unreadable(Part):
    """A folder without a report, and why."""

    folder: str
    why: str


class History(Part):
    """The runs of a folder by start, and what was no run."""

    nights: list[Night]
    unreadable: list[Unreadable]


class Row(Part):
    """One behaviour over the nights; None where a run says nothing of it."""

    behaviour: str
    verdicts: list[Verdict | None]
    changes: int
    transitions: int


def collect(folder: Path) -> History:
    """The runs in the folder's folders. Raises UserError if there is none, not for single ones."""
    try:
        folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError as error:
        raise UserError(f"{folder}: the folder cannot be read: {error.strerror}") from None
    nights, unreadable = [], []
    for path in folders:
        try:
            nights.append(_night(path.name, canonical.load(path / "report.json")))
        except UserError as error:
            why = str(error).removeprefix(f"{path / 'report.json'}: ")
            unreadable.append(Unreadable(folder=path.name, why=why))
    if not nights:
        raise UserError(f"{folder}: none of its {len(folders)} folders holds a readable report.json")
    return History(nights=sorted(nights, key=lambda each: each.start), unreadable=unreadable)


def render(history: History) -> str:
    """The page: one part for each cluster, since runs of two clusters are no history."""
    clusters: dict[str, list[Night]] = {}
    for night in history.nights:
        clusters.setdefault(night.cluster, []).append(night)
    return (
        environment()
        .get_template("history.html.j2")
        .render(
            history=history,
            clusters=[(name, nights, rows(nights), drawing(nights)) for name, nights in clusters.items()],
            outcome_signs=OUTCOME_SIGNS,
            width=WIDTH,
            height=HEIGHT,
            margin=MARGIN,
        )
    )


def rows(nights: Sequence[Night]) -> list[Row]:
    """Every behaviour of any night, in the newest run's order, those that it lacks last."""
    names = dict.fromkeys(name for night in reversed(nights) for name in night.verdicts)
    return [_row(name, [night.verdicts.get(name) for night in nights]) for name in names]


def drawing(nights: Sequence[Night]) -> dict[str, object]:
    """Total seconds over the nights as points in the drawing; nights are equally far apart."""
    most = max(night.seconds for night in nights) or 1.0
    step = (WIDTH - 2 * MARGIN) / max(1, len(nights) - 1)
    points = [
        (round(MARGIN + step * at, 1), round(HEIGHT - 24 - (HEIGHT - 40) * night.seconds / most, 1))
        for at, night in enumerate(nights)
    ]
    return {"most": most, "points": points}


def _row(name: str, verdicts: list[Verdict | None]) -> Row:
    pairs = [(one, two) for one, two in pairwise(verdicts) if one in JUDGED and two in JUDGED]
    changes = sum((one is Verdict.CONFORMS) is not (two is Verdict.CONFORMS) for one, two in pairs)
    return Row(behaviour=name, verdicts=verdicts, changes=changes, transitions=len(pairs))


def _night(folder: str, report: Report) -> Night:
    cluster = report.cluster
    return Night(
        folder=folder,
        cluster=(cluster.uid or cluster.server) if cluster else "",
        version=cluster.version if cluster else "",
        start=report.run.start,
        seconds=(report.run.end - report.run.start).total_seconds(),
        outcome=report.verdict,
        sentence=report.sentence,
        verdicts={each.id: each.verdict for each in report.behaviours},
    )
