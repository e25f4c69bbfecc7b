"""The acceptance sheet: what was required, what was found, and room to sign. For paper, A4 or Letter.

The suite's verdict stands as report.json has it. The site's own checks stand beside it and can only take
from it: a cluster is ready to be signed if the suite calls it conformant and no check that MUST hold is
broken or open. The sheet names the digest of the report.json that it was made from.
"""

import hashlib
import re
import shlex
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from dualstack.errors import UserError
from dualstack.family import FAMILIES, Family
from dualstack.report import canonical
from dualstack.report.html_page import environment
from dualstack.report.model import BehaviourResult, Report
from dualstack.report.site_checks import Check, Site
from dualstack.report.text import shortened, visible
from dualstack.verdict.words import FAILING_OR_WAIVED, Level, Outcome, Verdict

TEXT_AT_MOST = 320  # characters of a remark, so that no row outgrows a page
CAUSES_AT_MOST = 8
WAIVERS_AT_MOST = 3  # in a requirement's row, likewise

Standing = Literal["ready", "open", "not-ready"]


class Row(BaseModel):
    """One requirement of the sheet."""

    model_config = ConfigDict(frozen=True)

    id: str
    level: Level
    claim: str
    families: dict[Family, Verdict]
    verdict: Verdict | None
    """None: to be filled in by hand."""
    evidence: str
    link: str | None = None
    remark: str
    waivers: list[str] = []
    remedy: str | None = None


def render(report: Report, site: Site | None = None, digest: str | None = None) -> str:
    """The sheet as one HTML document. Raises UserError if the site's file does not fit the report.

    `digest` is the SHA-256 of the report.json that it is made from; left out, of what would be written.
    """
    site = site or Site()
    if taken := {each.id for each in report.behaviours} & {check.id for check in site.checks}:
        raise UserError(f"the site's file: a behaviour of the suite has this id: {', '.join(sorted(taken))}")
    topics: dict[str, list[Row]] = {}
    for result in report.behaviours:
        topics.setdefault(result.topic.replace("-", " "), []).append(_judged(result, report))
    if site.checks:
        topics["checks by hand"] = [_by_hand(check) for check in site.checks]
    return (
        environment()
        .get_template("sign_off.html.j2")
        .render(
            report=report,
            site=site,
            topics=topics,
            standing=standing(report, site),
            why=_why(report, site),
            digest=digest or _digest(report),
            command=shlex.join(report.run.command),
            footer=re.sub(r"[^\w.-]", "", report.run.id),
            valid_until=_valid_until(report, site),
            waivers_end=_waivers_end(report),
            gaps=[each for each in report.behaviours if each.verdict is Verdict.NOT_JUDGED],
            moot=_moot(report),
            causes_on_sheet=CAUSES_AT_MOST,
            kubelets=sorted({node.kubelet for node in report.cluster.nodes}) if report.cluster else [],
        )
    )


def standing(report: Report, site: Site) -> Standing:
    """Whether there is anything to sign."""
    if report.verdict is Outcome.NOT_CONFORMANT or _failed(site):
        return "not-ready"
    return "open" if report.verdict is Outcome.INCOMPLETE or _open(site) else "ready"


def _digest(report: Report) -> str:
    """SHA-256 of what its report.json would be."""
    digest = hashlib.sha256()
    for piece in canonical.pieces(report):
        digest.update(piece)
    return digest.hexdigest()


def _why(report: Report, site: Site) -> list[str]:
    sentences = [report.sentence]
    if failed := _failed(site):
        sentences.append(f"By hand: {', '.join(failed)} {'does' if len(failed) == 1 else 'do'} not hold.")
    if still := _open(site):
        sentences.append(f"By hand: {', '.join(still)} {'is' if len(still) == 1 else 'are'} not judged yet.")
    return sentences


def _failed(site: Site) -> list[str]:
    return [check.id for check in site.checks if check.level is Level.MUST and check.worst is Verdict.BREAKS]


def _open(site: Site) -> list[str]:
    return [
        check.id
        for check in site.checks
        if check.level is Level.MUST and check.worst in (None, Verdict.NOT_JUDGED)
    ]


def _judged(result: BehaviourResult, report: Report) -> Row:
    bad = [finding for finding in result.findings if finding.verdict in FAILING_OR_WAIVED]
    return Row(
        id=result.id,
        level=result.level,
        claim=result.claim,
        families={family: result.families[family] for family in FAMILIES if family in result.families},
        verdict=result.verdict,
        evidence=f"{len(result.findings)} finding{'s' if len(result.findings) != 1 else ''}",
        link=f"report.html#{result.id}",
        remark="" if result.verdict is Verdict.CONFORMS else _short(result.reason or ""),
        waivers=_waivers(result, report),
        remedy=_short(next((each.remedy for each in bad if each.remedy), result.remedy)) if bad else None,
    )


def _waivers(result: BehaviourResult, report: Report) -> list[str]:
    """What waives something of it; the reasons are in the table of waivers."""
    own = [each for each in report.waivers if each.behaviour == result.id and each.findings]
    lines = [
        shortened(visible(f"{each.findings} of them until {each.expiry}, {each.ticket}, {each.owner}"), 120)
        for each in own[:WAIVERS_AT_MOST]
    ]
    return lines + ([f"and {len(own) - WAIVERS_AT_MOST} more, below"] if len(own) > WAIVERS_AT_MOST else [])


def _by_hand(check: Check) -> Row:
    return Row(
        id=check.id,
        level=check.level,
        claim=check.claim,
        families={family: check.families[family] for family in FAMILIES if family in check.families},
        verdict=check.worst,
        evidence=_short(check.evidence or ""),
        remark=_short(" ".join(_remarks(check))),
    )


def _remarks(check: Check) -> Iterator[str]:
    if check.remark:
        yield check.remark
    if check.by and check.on:
        yield f"({check.by}, {check.on})"


def _moot(report: Report) -> dict[str, list[str]]:
    """What is not applicable, by its reason."""
    found: dict[str, list[str]] = {}
    for each in report.behaviours:
        if each.verdict is Verdict.NOT_APPLICABLE:
            found.setdefault(each.reason or "", []).append(each.id)
    return found


def _waivers_end(report: Report) -> date | None:
    """The first day on which a waiver that is needed ends: from then on the cluster is another."""
    return min((each.expiry for each in report.waivers if each.findings), default=None)


def _valid_until(report: Report, site: Site) -> date | None:
    """As the site wants it, but never beyond the waivers that the result rests on."""
    if not site.valid_days:
        return None
    wanted = report.run.start.date() + timedelta(days=site.valid_days)
    return min(wanted, _waivers_end(report) or wanted)


def _short(text: str) -> str:
    return shortened(visible(text), TEXT_AT_MOST)
