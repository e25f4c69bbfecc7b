"""What changed between two runs: claim by claim, subject by subject, family by family.

Only what both runs judged is compared. What one run judged and the other did not is incomparable: a node that
is gone, or a check that could not be made, mends nothing. A waiver is no repair, and its end is news.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass

from dualstack.errors import UserError
from dualstack.family import Family
from dualstack.report.conclude import CLUSTER
from dualstack.report.model import PSEUDONYM_KEY, BehaviourResult, Cluster, Report
from dualstack.verdict.words import FAILING, FAILING_OR_WAIVED, Level, Verdict, worst

SCHEMA: Literal["dualstack-comparison/1.0"] = "dualstack-comparison/1.0"
JUDGED = (*FAILING_OR_WAIVED, Verdict.CONFORMS)

Subject = tuple[str, Family | None]
Seen = tuple[Verdict | None, str | None]
UNSEEN: Seen = (None, None)


class Part(BaseModel):
    """A piece of the comparison: no changes after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class RunName(Part):
    """Which run was compared."""

    id: str
    start: str
    """ISO 8601, with its offset."""
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Change:
    """One subject of one behaviour in one family, before and after; there may be a million of them."""

    behaviour: str
    level: Level
    """As the newer run has it."""
    subject: str
    family: Family | None
    old: Verdict | None
    """None where the older run says nothing of it."""
    new: Verdict | None
    cause: str | None = None
    """Why it is wrong or was not judged: the newer run's words, else the older one's."""


class Context(Part):
    """A circumstance that differs, so a change may come from it and not from the cluster's health."""

    what: str
    old: str
    new: str


class Comparison(Part):
    """Two runs beside each other. Lists are in the order of behaviour, subject, family."""

    schema_: Literal["dualstack-comparison/1.0"] = Field(default=SCHEMA, alias="schema")
    before: RunName
    after: RunName
    context: list[Context]
    new: list[Change]
    """Wrong now, and not before: conformed, or was waived."""
    resolved: list[Change]
    """Conforms now, and was wrong before."""
    unchanged: list[Change]
    """Wrong before and still so, or waived now."""
    unchanged_good: int
    """How many conform in both runs: too many to list."""
    incomparable: list[Change]
    """Judged in one run only."""
    lost: list[str] = []
    """Behaviours that must hold, were judged before, and could not be judged as far now."""

    @property
    def unseen(self) -> list[Change]:
        """The incomparable ones that are wrong in the newer run: not judged before, so not called new."""
        return [each for each in self.incomparable if each.new in FAILING]


def compare(old: Report, new: Report) -> Comparison:
    """The comparison of an older with a newer report. Raises UserError if they name things differently."""
    _check_names(old, new)
    before, after = _by_id(old), _by_id(new)
    found: dict[str, list[Change]] = {"new": [], "resolved": [], "unchanged": [], "incomparable": []}
    good, lost = 0, []
    for behaviour in sorted(before.keys() | after.keys()):
        level = (after.get(behaviour) or before[behaviour])[-1].level
        was, now = _seen(before.get(behaviour, ())), _seen(after.get(behaviour, ()))
        if level is Level.MUST and _is_lost(was, now):
            lost.append(behaviour)
        fine = {key for key in was.keys() & now.keys() if was[key][0] is now[key][0] is Verdict.CONFORMS}
        good += len(fine)
        for key in sorted((was.keys() | now.keys()) - fine, key=_order):
            (one, why), (two, why_now) = was.get(key, UNSEEN), now.get(key, UNSEEN)
            if kind := _kind(one, two):
                change = Change(
                    behaviour=behaviour, level=level, subject=key[0], family=key[1],
                    old=one, new=two, cause=why_now or why,
                )  # fmt: skip
                found[kind].append(change)
    return Comparison(
        before=_name(old),
        after=_name(new),
        context=list(_context(old, new)),
        new=found["new"],
        resolved=found["resolved"],
        unchanged=found["unchanged"],
        unchanged_good=good,
        incomparable=found["incomparable"],
        lost=lost,
    )


def _check_names(old: Report, new: Report) -> None:
    """Under pseudonyms of different keys everything would be incomparable, and nothing would say why."""
    before, after = (
        f"pseudonyms by key {each.run.pseudonyms}" if each.run.pseudonyms else "real names"
        for each in (old, new)
    )
    if before != after:
        raise UserError(
            f"run {old.run.id} has {before} and run {new.run.id} has {after}: they cannot be compared; "
            f"use the same ${PSEUDONYM_KEY} for both"
        )


def _is_lost(was: dict[Subject, Seen], now: dict[Subject, Seen]) -> bool:
    """Return whether a subject that was judged no longer is; one that is gone with its node is not lost."""
    judged = {key for key, (verdict, _) in was.items() if verdict in JUDGED}
    unjudged = {key for key, (verdict, _) in now.items() if verdict is Verdict.NOT_JUDGED}
    return bool(judged) and (not now or bool(judged & unjudged) or (CLUSTER, None) in unjudged)


def _kind(was: Verdict | None, now: Verdict | None) -> str | None:
    """The list that a change belongs to; None where neither run judged."""
    if was not in JUDGED and now not in JUDGED:
        return None
    if was not in JUDGED or now not in JUDGED:
        return "incomparable"
    if now in FAILING and was not in FAILING:
        return "new"
    if now is Verdict.CONFORMS:
        return "resolved"
    return "unchanged"


def _by_id(report: Report) -> dict[str, list[BehaviourResult]]:
    found: dict[str, list[BehaviourResult]] = {}
    for each in report.behaviours:
        found.setdefault(each.id, []).append(each)
    return found


def _seen(results: Iterable[BehaviourResult]) -> dict[Subject, Seen]:
    """Verdict and cause of every subject; the worst where several findings speak of the same."""
    found: dict[Subject, Seen] = {}
    for each in chain.from_iterable(result.findings for result in results):
        key = each.subject, each.family
        verdict, cause = found.get(key, UNSEEN)
        found[key] = worst([verdict, each.verdict]) if verdict else each.verdict, each.cause or cause
    return found


def _order(key: Subject) -> tuple[str, str]:
    return key[0], key[1] or ""


def _name(report: Report) -> RunName:
    return RunName(id=report.run.id, start=report.run.start.isoformat(), verdict=report.verdict)


def _context(old: Report, new: Report) -> Iterable[Context]:
    before, after = _facts(old), _facts(new)
    for what in before | after:
        was, now = before.get(what, "unknown"), after.get(what, "unknown")
        if was != now:
            yield Context(what=what, old=was, new=now)
    nodes = [{node.name for node in each.cluster.nodes} if each.cluster else None for each in (old, new)]
    if nodes[0] is not None and nodes[1] is not None:
        gone, added = sorted(nodes[0] - nodes[1]), sorted(nodes[1] - nodes[0])
        if gone:
            yield Context(what="nodes removed", old=_list(gone), new="")
        if added:
            yield Context(what="nodes added", old="", new=_list(added))


def _facts(report: Report) -> dict[str, str]:
    facts = {
        "suite version": report.run.suite_version,
        "profile": report.profile.name,
        "profile digest": report.profile.digest,
        "judged": report.run.partial or "everything",
        "ended early": report.run.interrupted or "no",
    }
    return facts | (_cluster(report.cluster) if report.cluster else {})


def _cluster(cluster: Cluster) -> dict[str, str]:
    return {
        "cluster UID": cluster.uid or "unknown",
        "Kubernetes version": cluster.version,
        "number of nodes": str(len(cluster.nodes)),
        "kubelet versions": ", ".join(sorted({node.kubelet for node in cluster.nodes})) or "unknown",
        "pod ranges": ", ".join(cluster.pod_ranges) or "unknown",
        "service ranges": ", ".join(cluster.service_ranges) or "unknown",
        "proxy mode": cluster.proxy_mode or "unknown",
    }


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:20])
    return shown if len(names) <= 20 else f"{shown} and {len(names) - 20} more"
