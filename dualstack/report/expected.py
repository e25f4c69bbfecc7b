"""Intent, API and wire side by side: what the site expects, and what was found of it.

Made from the findings alone: those that name an `intent` say in words what the API showed or what was on the
wire. Findings of several behaviours about one promise are one row.
"""

from collections.abc import Collection, Sequence

from dualstack.family import bracketed, family_of
from dualstack.profile.expect import egress_target
from dualstack.report.model import BehaviourResult, Expected
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import Verdict, worst

EGRESS = "egress"


def expected(results: Sequence[BehaviourResult], egress: Collection[str]) -> list[Expected]:
    """Return a row for each promise of the site's; `egress` are the addresses outside that it names."""
    rows: dict[tuple[str, str | None], list[Finding]] = {}
    site = [result for result in results if result.topic == "site"]
    for finding in (finding for result in site for finding in result.findings):
        if "intent" in finding.evidence:
            rows.setdefault((finding.subject, finding.family), []).append(finding)
    found = [_row(findings) for findings in rows.values()]
    paths = [finding for result in results if result.id == EGRESS for finding in result.findings]
    return found + [_egress(each, paths) for each in egress]


def _row(findings: list[Finding]) -> Expected:
    said = {name: value for finding in findings for name, value in finding.evidence.items() if value}
    return Expected(
        promise=findings[0].subject,
        family=findings[0].family,
        intent=str(said["intent"]),
        api=str(said["api"]) if "api" in said else None,
        wire=str(said["wire"]) if "wire" in said else None,
        verdict=worst([finding.verdict for finding in findings]) or Verdict.NOT_JUDGED,
    )


def _egress(target: str, paths: list[Finding]) -> Expected:
    address, port = egress_target(target)
    paths = [path for path in paths if path.target == f"{bracketed(address)}:{port}"]
    holding = sum(path.verdict is Verdict.CONFORMS for path in paths)
    return Expected(
        promise=EGRESS,
        family=family_of(address),
        intent=target,
        wire=f"connections from {holding} of {len(paths)} nodes" if paths else None,
        verdict=worst([path.verdict for path in paths]) or Verdict.NOT_JUDGED,
    )
