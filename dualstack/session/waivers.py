"""Waivers: what a site has agreed to live with, for a while, from a YAML file with a list `waivers`.

A waiver changes a finding's verdict, never what was seen: cause and remedy stay, and who waived it stands
beside them. Only what is wrong can be waived; what was not judged stays not judged. A waived claim never
counts as one that holds.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dualstack import yaml_file
from dualstack.family import Family
from dualstack.report import conclude
from dualstack.report.model import BehaviourResult, WaiverState, WaiverUse
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import FAILING, Verdict

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Waiver(_Part):
    """One agreement."""

    behaviour: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    """The behaviour's id."""
    subject: Words
    """The finding's subject; `*` stands for any text, `?` for one character, all else for itself."""
    family: Family | None = None
    """Only findings of this family; left out: of any, and of none."""
    reason: Words
    owner: Words
    """Who answers for it."""
    expiry: date
    """The last day on which it waives, as YYYY-MM-DD."""
    ticket: Words

    def speaks_of(self, finding: Finding) -> bool:
        """Whether the finding's family is one that it is about."""
        return self.family is None or finding.family is self.family


class Waivers(_Part):
    """The whole file."""

    waivers: list[Waiver]


def load(path: Path) -> Waivers:
    """The file's waivers. Raises UserError with one clear line."""
    return yaml_file.load(path, Waivers, "a file of waivers")


def apply(
    results: Sequence[BehaviourResult], waivers: Waivers, today: date
) -> tuple[list[BehaviourResult], list[WaiverUse]]:
    """The results with what is waived on that day, and what became of each waiver, in the file's order.

    Meant for results as they were judged: findings that are waived already count for no waiver.
    """
    by_id = {result.id: result for result in results}
    active = [each for each in waivers.waivers if each.expiry >= today]
    broad = [each for each in waivers.waivers if _is_too_broad(each, by_id.get(each.behaviour))]
    # The narrow ones first: what they waive is no proof that a broad one is needed.
    by_width = sorted(active, key=lambda each: each in broad)
    counts = dict.fromkeys(map(id, waivers.waivers), 0)
    applied = [_waived(result, by_width, counts) for result in results]
    return applied, [
        _use(each, _state(each, today, each in broad, counts[id(each)]), counts[id(each)])
        for each in waivers.waivers
    ]


def _waived(result: BehaviourResult, waivers: Iterable[Waiver], counts: dict[int, int]) -> BehaviourResult:
    """The result with its findings waived and its verdict drawn again; `counts` grows by each use."""
    own = [(each, _pattern(each.subject)) for each in waivers if each.behaviour == result.id]
    findings, changed = [], False
    for finding in result.findings:
        waiver = next((each for each, pattern in own if _covers(each, pattern, finding)), None)
        if waiver is not None:
            counts[id(waiver)] += 1
            finding, changed = _under(waiver, finding), True
        findings.append(finding)
    if not changed:
        return result
    return result.model_copy(
        update={
            "findings": findings,
            "verdict": conclude.verdict_of(findings),
            "families": conclude.by_family(findings),
            "reason": conclude.reason(findings),
        }
    )


def _covers(waiver: Waiver, pattern: re.Pattern[str], finding: Finding) -> bool:
    return (
        finding.verdict in FAILING
        and waiver.speaks_of(finding)
        and pattern.fullmatch(finding.subject) is not None
    )


def _under(waiver: Waiver, finding: Finding) -> Finding:
    return replace(
        finding,
        verdict=Verdict.WAIVED,
        evidence=finding.evidence
        | {
            "waiver_reason": waiver.reason,
            "waiver_owner": waiver.owner,
            "waiver_ticket": waiver.ticket,
            "waiver_expiry": waiver.expiry.isoformat(),
        },
    )


def _is_too_broad(waiver: Waiver, result: BehaviourResult | None) -> bool:
    """Whether it would waive whatever comes: for each of several subjects, or by its very pattern."""
    if not waiver.subject.strip("*"):
        return True
    subjects = {each.subject for each in result.findings if waiver.speaks_of(each)} if result else set()
    pattern = _pattern(waiver.subject)
    return len(subjects) > 1 and all(pattern.fullmatch(subject) for subject in subjects)


def _state(waiver: Waiver, today: date, broad: bool, count: int) -> WaiverState:
    if waiver.expiry < today:
        return "expired"
    if broad:
        return "too-broad"
    return "used" if count else "unused"


def _use(waiver: Waiver, state: WaiverState, count: int) -> WaiverUse:
    return WaiverUse(**waiver.model_dump(), state=state, findings=count)


def _pattern(glob: str) -> re.Pattern[str]:
    """Brackets stand for themselves, unlike in fnmatch: subjects hold IPv6 addresses."""
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(char) or re.escape(char) for char in glob), re.DOTALL)
