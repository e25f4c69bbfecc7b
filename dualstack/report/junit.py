"""JUnit for pipelines: one case per behaviour and family.

Only what makes the cluster not conformant is a failure. A recommendation that is not met, and all that was
not judged, is skipped with its reason, so nothing of it looks like a pass.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence

from dualstack.report.cases import Case, cases
from dualstack.report.model import Report
from dualstack.report.text import NOT_XML, visible
from dualstack.verdict.words import Verdict

PREFIX = "dualstack"


def render(report: Report) -> str:
    """The report as a JUnit document."""
    root = ET.Element("testsuites", name="dual-stack conformance")
    topics: dict[str, list[Case]] = {}
    for case in cases(report):
        topics.setdefault(case.result.topic, []).append(case)
    suites = [_suite(topic, found, report) for topic, found in topics.items()]
    if report.run.interrupted or not suites:
        suites.append(_early_end(report))
    root.extend(suites)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(topic: str, found: Sequence[Case], report: Report) -> ET.Element:
    suite = ET.Element("testsuite", name=topic)
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(report):
        ET.SubElement(properties, "property", name=name, value=_text(value))
    suite.extend(_case(case) for case in found)
    _count(suite, report)
    seconds = {case.result.id: case.result.seconds for case in found}
    suite.set("time", f"{sum(seconds.values()):.3f}")
    return suite


def _case(case: Case) -> ET.Element:
    result = case.result
    element = ET.Element(
        "testcase", classname=f"{PREFIX}.{result.topic}", name=case.name, time=f"{result.seconds:.3f}"
    )
    if case.fails:
        failure = ET.SubElement(element, "failure", type=str(result.level), message=_text(case.reason))
        failure.text = NOT_XML.sub("\ufffd", case.details)
    elif case.verdict is not Verdict.CONFORMS:
        ET.SubElement(element, "skipped", message=f"{result.level} {case.verdict}: {_text(case.reason)}")
    return element


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


def _text(text: str) -> str:
    return NOT_XML.sub("\ufffd", visible(text))
