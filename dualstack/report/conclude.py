"""From findings to a behaviour's verdict, and from behaviours to the run's."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from dualstack.family import FAMILIES, Family
from dualstack.report.model import BehaviourResult
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import FAILING, Level, Outcome, Verdict, worst

CLUSTER = "cluster"  # the subject of a finding about everything: not worth naming in a sentence


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """A behaviour is as bad as its worst finding; without any it cannot be judged."""
    return worst([finding.verdict for finding in findings]) or Verdict.NOT_JUDGED


def without_departed(findings: Sequence[Finding], departed: Collection[str]) -> list[Finding]:
    """Return the findings; what does not hold of a node that left the cluster meanwhile is no finding."""
    return [
        replace(
            finding,
            verdict=Verdict.NOT_APPLICABLE,
            remedy=None,
            cause=f"{gone} left the cluster during the run",
        )
        if finding.verdict in (*FAILING, Verdict.NOT_JUDGED) and (gone := _departed(finding, departed))
        else finding
        for finding in findings
    ]


def _departed(finding: Finding, departed: Collection[str]) -> str | None:
    about = (finding.source, finding.target, finding.subject)
    return next((name for name in about if name is not None and name in departed), None)


def without_unpromised(findings: Sequence[Finding], promised: Collection[Family]) -> list[Finding]:
    """Return the findings; those about a family in which nothing is promised are not applicable."""
    return [
        replace(
            finding,
            verdict=Verdict.NOT_APPLICABLE,
            remedy=None,
            cause=f"nothing is promised in {finding.family} (promises.families)",
        )
        if finding.family not in (None, *promised)
        else finding
        for finding in findings
    ]


def by_family(findings: Sequence[Finding]) -> dict[Family, Verdict]:
    """The verdict in each family that findings speak of; a finding about both counts for both."""
    spoken = [family for family in FAMILIES if any(finding.family is family for finding in findings)]
    verdicts = {
        family: worst([finding.verdict for finding in findings if finding.family in (family, None)])
        for family in spoken
    }
    return {family: verdict for family, verdict in verdicts.items() if verdict is not None}


def reason(findings: Sequence[Finding]) -> str | None:
    """Why, in one sentence: the most frequent cause of the worst findings, with their number."""
    verdict = verdict_of(findings)
    if verdict is Verdict.CONFORMS:
        return None
    if not findings:
        return "the check recorded nothing"
    bad = [finding for finding in findings if finding.verdict is verdict]
    cause, _ = Counter(finding.cause or "" for finding in bad).most_common(1)[0]
    if len(bad) == 1:
        family = f" ({bad[0].family})" if bad[0].family else ""
        return cause if bad[0].subject == CLUSTER else f"{bad[0].subject}{family}: {cause}"
    same_cause = [finding for finding in bad if finding.cause == cause]
    rest = len(bad) - len(same_cause)
    return f"{_who(same_cause)}: {cause}" + (f"; {rest} more of other causes" if rest else "")


def _who(findings: Sequence[Finding]) -> str:
    subjects = list(dict.fromkeys(finding.subject for finding in findings))
    families = sorted({finding.family for finding in findings if finding.family})
    names = ", ".join(subjects[:3]) + (f" and {len(subjects) - 3} more" if len(subjects) > 3 else "")
    return f"{names} ({families[0]})" if len(families) == 1 else names


def outcome(
    behaviours: Sequence[BehaviourResult],
    *,
    partial: str | None,
    interrupted: str | None,
    strict_support: bool,
    not_dual: str | None = None,
    notes: Sequence[str] = (),
) -> tuple[Outcome, str]:
    """The run's verdict and its sentence. Only MUST decides; whatever else was found is named.

    A waived MUST keeps no cluster from being conformant, and the sentence names it.

    `not_dual` says what is missing where the cluster has one family only: one line instead of many.
    `notes` say what was left out although nothing is wrong with it.

    - not conformant: a MUST breaks (or, with `strict_support`, a limit of support does not hold)
    - incomplete: a MUST could not be judged, or only a part was judged, or the run ended early
    """
    if not_dual:
        return Outcome.NOT_CONFORMANT, f"This is not a dual-stack cluster: {not_dual}."
    broken = _ids(behaviours, Verdict.BREAKS, must=True)
    outside = _ids(behaviours, Verdict.UNSUPPORTED)
    unjudged = _ids(behaviours, Verdict.NOT_JUDGED, must=True)
    also = _also(behaviours, outside) + "".join(f"; {note}" for note in notes)
    if broken or (outside and strict_support):
        what = broken + (outside if strict_support else [])
        lead = f"This cluster is not conformant: {_list(what)} {'does' if len(what) == 1 else 'do'} not hold"
        return Outcome.NOT_CONFORMANT, f"{lead}{also}."
    if interrupted:
        return Outcome.INCOMPLETE, f"Incomplete: the run ended early ({interrupted}){also}."
    if partial:
        return Outcome.INCOMPLETE, f"Incomplete: only a part of the suite was asked for ({partial}){also}."
    if unjudged:
        return Outcome.INCOMPLETE, f"Incomplete: {_list(unjudged)} could not be judged{also}."
    judged = (Verdict.CONFORMS, Verdict.WAIVED)
    if not any(each.level is Level.MUST and each.verdict in judged for each in behaviours):
        return Outcome.INCOMPLETE, "Incomplete: nothing was judged."
    return Outcome.CONFORMANT, f"This cluster is conformant{also}."


def _ids(behaviours: Sequence[BehaviourResult], verdict: Verdict, *, must: bool = False) -> list[str]:
    return [
        each.id for each in behaviours if each.verdict is verdict and (not must or each.level is Level.MUST)
    ]


def _also(behaviours: Sequence[BehaviourResult], outside: list[str]) -> str:
    advice = [each.id for each in behaviours if each.verdict is Verdict.BREAKS and each.level is Level.SHOULD]
    parts = []
    if advice:
        parts.append(f"against the recommendation {_list(advice)}")
    if outside:
        parts.append(f"outside the documented support in {_list(outside)}")
    return ("; " + " and ".join(parts) if parts else "") + _waived(behaviours)


def _waived(behaviours: Sequence[BehaviourResult]) -> str:
    """Also of behaviours that break in spite of their waivers."""
    counts = {
        each.id: sum(finding.verdict is Verdict.WAIVED for finding in each.findings) for each in behaviours
    }
    ids = [id_ for id_, count in counts.items() if count]
    total = sum(counts.values())
    return f"; {total} finding{'s' if total != 1 else ''} waived: {_list(ids)}" if ids else ""


def _list(ids: list[str]) -> str:
    shown = ", ".join(ids[:4])
    return shown if len(ids) <= 4 else f"{shown} and {len(ids) - 4} more"
