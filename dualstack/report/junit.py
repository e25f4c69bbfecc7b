"""JUnit for pipelines: one case per behaviour and family.

Only what makes the cluster not conformant is a failure. A recommendation that is not met, and all that was
not judged, is skipped with its reason, so nothing of it looks like a pass.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence

from dualstack.family import Family
from dualstack.report.model import BehaviourResult, Report
from dualstack.report.text import NOT_XML
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import Level, Outcome, Verdict

PREFIX = "dualstack"
FINDINGS_AT_MOST = 50


def render(report: Report) -> str:
    """The report as a JUnit document."""
    root = ET.Element("testsuites", name="dual-stack conformance")
    strict = report.verdict is Outcome.NOT_CONFORMANT and not _broken_must(report.behaviours)
    topics = dict.fromkeys(each.topic for each in report.behaviours)
    suites = [
        _suite(topic, [each for each in report.behaviours if each.topic == topic], report, strict)
        for topic in topics
    ]
    if report.run.interrupted or not suites:
        suites.append(_early_end(report))
    root.extend(suites)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(topic: str, results: Sequence[BehaviourResult], report: Report, strict: bool) -> ET.Element:
    suite = ET.Element("testsuite", name=topic)
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(report):
        ET.SubElement(properties, "property", name=name, value=_text(value))
    for result in results:
        for family, verdict in _cases(result):
            suite.append(_case(result, family, verdict, strict))
    _count(suite, report)
    suite.set("time", f"{sum(result.seconds for result in results):.3f}")
    return suite


def _cases(result: BehaviourResult) -> Iterator[tuple[Family | None, Verdict]]:
    yield from result.families.items() or [(None, result.verdict)]


def _case(result: BehaviourResult, family: Family | None, verdict: Verdict, strict: bool) -> ET.Element:
    name = f"{result.id} [{family}]" if family else result.id
    case = ET.Element(
        "testcase", classname=f"{PREFIX}.{result.topic}", name=name, time=f"{result.seconds:.3f}"
    )
    findings = [each for each in result.findings if each.verdict is verdict and each.family in (family, None)]
    reason = _text(
        findings[0].cause if len(findings) == 1 and findings[0].cause else result.reason or verdict
    )
    counts = verdict is Verdict.BREAKS and result.level is Level.MUST
    if counts or (verdict is Verdict.UNSUPPORTED and strict):
        failure = ET.SubElement(case, "failure", type=str(result.level), message=reason)
        failure.text = _text("\n".join(_lines(findings, result.remedy)))
    elif verdict is not Verdict.CONFORMS:
        ET.SubElement(case, "skipped", message=f"{result.level} {verdict}: {reason}")
    return case


def _lines(findings: Sequence[Finding], remedy: str) -> Iterator[str]:
    for finding in findings[:FINDINGS_AT_MOST]:
        yield f"{finding.subject}: {finding.cause}"
    if len(findings) > FINDINGS_AT_MOST:
        yield f"and {len(findings) - FINDINGS_AT_MOST} more"
    yield f"What to do: {remedy}"


def _early_end(report: Report) -> ET.Element:
    suite = ET.Element("testsuite", name="run")
    case = ET.SubElement(suite, "testcase", classname=f"{PREFIX}.run", name="run-to-the-end", time="0")
    ET.SubElement(case, "error", type="incomplete", message=_text(report.run.interrupted or report.sentence))
    _count(suite, report)
    suite.set("time", "0")
    return suite


def _count(suite: ET.Element, report: Report) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("timestamp", report.run.start.strftime("%Y-%m-%dT%H:%M:%S"))


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    yield "run", report.run.id
    yield "suite-version", report.run.suite_version
    yield "verdict", report.verdict
    yield "profile", report.profile.name
    if report.cluster:
        yield "cluster-uid", report.cluster.uid or "unknown"
        yield "kubernetes-version", report.cluster.version
        yield "server", report.cluster.server


def _broken_must(behaviours: Sequence[BehaviourResult]) -> bool:
    return any(each.verdict is Verdict.BREAKS and each.level is Level.MUST for each in behaviours)


def _text(text: str) -> str:
    return NOT_XML.sub("\ufffd", text)
