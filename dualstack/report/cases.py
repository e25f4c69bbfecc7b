"""A report as test cases, for the formats that pipelines know: one case per behaviour and family."""

from collections.abc import Iterator
from typing import NamedTuple

from dualstack.family import Family
from dualstack.report.model import BehaviourResult, Report
from dualstack.report.text import visible
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import Level, Outcome, Verdict

FINDINGS_AT_MOST = 50


class Case(NamedTuple):
    """One behaviour in one family; without a family where the claim is about both or neither."""

    result: BehaviourResult
    family: Family | None
    verdict: Verdict
    fails: bool
    """Whether it makes the cluster not conformant; a recommendation that is not met does not."""

    @property
    def name(self) -> str:
        """The behaviour, and the family in brackets."""
        return f"{self.result.id} [{self.family}]" if self.family else self.result.id

    @property
    def findings(self) -> list[Finding]:
        """The findings that the verdict follows from."""
        families = (self.family, None)
        return [
            each for each in self.result.findings if each.verdict is self.verdict and each.family in families
        ]

    @property
    def reason(self) -> str:
        """Why, on one harmless line: the finding's own cause if there is only one."""
        findings = self.findings
        alone = findings[0].cause if len(findings) == 1 else None
        return visible(alone or self.result.reason or self.verdict)

    @property
    def details(self) -> str:
        """The findings, one a line, FINDINGS_AT_MOST of them, and what to do."""
        findings = self.findings
        lines = [visible(f"{each.subject}: {each.cause}") for each in findings[:FINDINGS_AT_MOST]]
        if len(findings) > FINDINGS_AT_MOST:
            lines.append(f"and {len(findings) - FINDINGS_AT_MOST} more")
        return "\n".join([*lines, f"What to do: {self.result.remedy}"])


def cases(report: Report) -> Iterator[Case]:
    """The cases in the report's order."""
    broken = any(each.verdict is Verdict.BREAKS and each.level is Level.MUST for each in report.behaviours)
    strict = report.verdict is Outcome.NOT_CONFORMANT and not broken
    for result in report.behaviours:
        for family, verdict in result.families.items() or [(None, result.verdict)]:
            counts = verdict is Verdict.BREAKS and result.level is Level.MUST
            yield Case(result, family, verdict, counts or (verdict is Verdict.UNSUPPORTED and strict))
