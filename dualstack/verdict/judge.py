"""The judge: what a test speaks to. It collects findings and never raises for a broken claim."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from pydantic import JsonValue

from dualstack.family import Family
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import Verdict

Thing = TypeVar("Thing")


class CannotJudge(Exception):
    """The means to judge are missing; the message is the reason."""


class NotApplicable(Exception):
    """Nothing is promised here; the message says why."""


class Judge:
    """Collects the findings of one behaviour. `limit` behaviours end in `unsupported`, not `breaks`."""

    def __init__(self, *, limit: bool = False) -> None:
        self.findings: list[Finding] = []
        self._broken = Verdict.UNSUPPORTED if limit else Verdict.BREAKS

    def __call__(
        self,
        subject: str,
        holds: bool,
        *,
        cause: str,
        family: Family | None = None,
        source: str | None = None,
        target: str | None = None,
        remedy: str | None = None,
        **evidence: JsonValue,
    ) -> None:
        """Record whether the claim holds for a subject; `cause` and `remedy` are kept only if it does not."""
        self.findings.append(
            Finding(
                subject=subject,
                family=family,
                source=source,
                target=target,
                verdict=Verdict.CONFORMS if holds else self._broken,
                cause=None if holds else cause,
                remedy=None if holds else remedy,
                evidence=_in_order(evidence),
            )
        )

    def cannot(
        self,
        subject: str,
        reason: str,
        *,
        family: Family | None = None,
        source: str | None = None,
        target: str | None = None,
        **evidence: JsonValue,
    ) -> None:
        """Record that a subject cannot be judged, and why."""
        self.findings.append(
            Finding(
                subject=subject, family=family, source=source, target=target,
                verdict=Verdict.NOT_JUDGED, cause=reason, evidence=_in_order(evidence),
            )
        )  # fmt: skip

    def not_applicable(self, subject: str, reason: str, *, family: Family | None = None) -> None:
        """Record that nothing is promised for a subject, and why."""
        self.findings.append(
            Finding(subject=subject, family=family, verdict=Verdict.NOT_APPLICABLE, cause=reason)
        )

    def each(self, things: Iterable[Thing], what: str) -> Iterator[Thing]:
        """The things, one by one; none at all is a broken claim, since nothing tested is not green."""
        empty = True
        for thing in things:
            empty = False
            yield thing
        if empty:
            self(f"all {what}", holds=False, cause=f"there are no {what} to judge")


def _in_order(evidence: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """By name, as it will be in report.json."""
    return dict(sorted(evidence.items()))
