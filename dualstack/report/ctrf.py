"""CTRF, the Common Test Report Format (https://ctrf.io), by the schema of its working draft.

passed: conforms. failed: what makes the cluster not conformant. pending: could not be judged, so still to be.
skipped: not applicable. other: what has no word there (waived, outside support, a recommendation not met).
Our own words stand in `rawStatus` and `extra`.
"""

import json
from collections import Counter
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from dualstack.report.cases import Case, cases
from dualstack.report.model import Report
from dualstack.report.text import visible
from dualstack.verdict.words import Outcome, Verdict

VERSION = "0.0.0"  # of the working draft that this follows
NAMESPACE = uuid5(NAMESPACE_URL, "dualstack-conformance")
STATUSES = {
    Verdict.CONFORMS: "passed",
    Verdict.NOT_JUDGED: "pending",
    Verdict.NOT_APPLICABLE: "skipped",
}
ALL = ("passed", "failed", "skipped", "pending", "other")


def render(report: Report) -> str:
    """The report as a CTRF document, in ASCII."""
    tests = [_test(case) for case in cases(report)]
    if report.run.interrupted or not tests:
        tests.append(_early_end(report))
    counts = Counter(test["status"] for test in tests)
    document = {
        "reportFormat": "CTRF",
        "specVersion": VERSION,
        "reportId": str(uuid5(NAMESPACE, report.run.id)),
        "timestamp": report.run.end.isoformat(),
        "generatedBy": "dualstack-conformance",
        "results": {
            "tool": {"name": "dualstack-conformance", "version": report.run.suite_version},
            "summary": {
                "tests": len(tests),
                **{status: counts[status] for status in ALL},
                "suites": len({test["suite"][0] for test in tests}),
                "start": _milliseconds(report.run.start),
                "stop": _milliseconds(report.run.end),
                "duration": _milliseconds(report.run.end) - _milliseconds(report.run.start),
            },
            "tests": tests,
            "environment": _environment(report),
            "extra": {
                "run": report.run.id,
                "verdict": report.verdict,
                "sentence": visible(report.sentence),
                "seconds": report.run.seconds,
                **({"partial": visible(report.run.partial)} if report.run.partial else {}),
            },
        },
    }
    return json.dumps(document, indent=2) + "\n"


def _test(case: Case) -> dict[str, Any]:
    result = case.result
    test = {
        "id": str(uuid5(NAMESPACE, case.name)),
        "name": case.name,
        "status": "failed" if case.fails else STATUSES.get(case.verdict, "other"),
        "duration": round(result.seconds * 1000),
        "suite": [result.topic],
        "rawStatus": case.verdict,
        "tags": [result.level, result.tier, *([case.family] if case.family else [])],
        "extra": {
            "behaviour": result.id,
            "family": case.family,
            "verdict": case.verdict,
            "level": result.level,
            "support": result.support,
            "claim": result.claim,
            "source": result.source,
        },
    }
    if case.verdict is not Verdict.CONFORMS:
        test["message"] = case.reason
    if case.fails:
        test["trace"] = case.details
    return test


def _early_end(report: Report) -> dict[str, Any]:
    return {
        "id": str(uuid5(NAMESPACE, "run-to-the-end")),
        "name": "run-to-the-end",
        "status": "failed",
        "duration": 0,
        "suite": ["run"],
        "rawStatus": Outcome.INCOMPLETE,
        "message": visible(report.run.interrupted or report.sentence),
    }


def _environment(report: Report) -> dict[str, Any]:
    cluster = report.cluster
    return {
        "reportName": "Dual-stack conformance",
        "appName": "Kubernetes",
        **({"appVersion": visible(cluster.version)} if cluster else {}),
        "healthy": report.verdict is Outcome.CONFORMANT,
        "extra": {
            "profile": report.profile.name,
            "profileDigest": report.profile.digest,
            **(
                {
                    "clusterUid": cluster.uid,
                    "server": visible(cluster.server),
                    "nodes": len(cluster.nodes),
                    "proxyMode": cluster.proxy_mode,
                }
                if cluster
                else {}
            ),
        },
    }


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
