"""The worklist: which objects are to be recreated or patched, by namespace, with the command for each.

Made of findings about objects that were there before the run: after a switch from one family to two.
"""

from collections.abc import Iterator

from dualstack.report.model import Report
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import Verdict

NOTHING = "Nothing to do: every object that was read has what it should have.\n"


def render(report: Report) -> Iterator[str]:
    """Yield the worklist as Markdown."""
    work: dict[str, dict[str, list[Finding]]] = {}
    for result in report.behaviours:
        for finding in result.findings:
            place = finding.evidence.get("object")
            if finding.verdict is Verdict.BREAKS and isinstance(place, dict):
                namespace = str(place.get("namespace"))
                work.setdefault(namespace, {}).setdefault(finding.subject, []).append(finding)
    yield f"# Worklist of run {report.run.id}\n\n"
    if not work:
        yield NOTHING
    for namespace, subjects in sorted(work.items()):
        objects = "1 object" if len(subjects) == 1 else f"{len(subjects)} objects"
        yield f"## {namespace}: {objects}\n\n"
        for subject, findings in sorted(subjects.items()):
            yield f"- {subject}\n"
            for cause in dict.fromkeys(f"{each.family}: {each.cause}" for each in findings):
                yield f"  - {cause}\n"
            for remedy in dict.fromkeys(each.remedy for each in findings if each.remedy):
                yield f"\n        {remedy}\n\n"
