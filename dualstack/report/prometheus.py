"""Prometheus' text format, for the textfile collector of node_exporter.

Each verdict is a gauge of 1 with the word as a label: an alert is `dualstack_verdict{verdict!="conformant"}`.
The collector refuses samples with a timestamp, so times are gauges of their own. Every sample names the
cluster: files of several clusters may lie in one folder.
"""

from collections.abc import Iterator, Mapping

from dualstack.report.cases import cases
from dualstack.report.model import Report
from dualstack.report.text import visible

Sample = tuple[Mapping[str, str | None], float]


def render(report: Report) -> str:
    """The report as metrics; the last line ends with a newline, as the collector wants it."""
    cluster = (report.cluster.uid or report.cluster.server) if report.cluster else "unknown"
    lines = [
        line
        for name, meaning, samples in _metrics(report)
        for line in _metric(f"dualstack_{name}", meaning, samples, cluster)
    ]
    return "\n".join(lines) + "\n"


def _metrics(report: Report) -> Iterator[tuple[str, str, list[Sample]]]:
    run = report.run
    about = {
        "run": run.id,
        "suite_version": run.suite_version,
        "profile": report.profile.name,
        "kubernetes_version": report.cluster.version if report.cluster else None,
    }
    yield "run_info", "About the run.", [(about, 1)]
    yield "verdict", "The verdict of the run.", [({"verdict": report.verdict}, 1)]
    yield (
        "behaviour_verdict",
        "The verdict of a behaviour in a family; no family where it is about both or neither.",
        [
            (
                {
                    "behaviour": case.result.id,
                    "family": case.family,
                    "level": case.result.level,
                    "verdict": case.verdict,
                },
                1,
            )
            for case in cases(report)
        ],
    )
    yield "run_start_timestamp_seconds", "When the run began.", [({}, run.start.timestamp())]
    yield "run_end_timestamp_seconds", "When the run ended.", [({}, run.end.timestamp())]
    yield "run_seconds", "How long the run took.", [({}, (run.end - run.start).total_seconds())]
    phases: list[Sample] = [({"phase": phase}, seconds) for phase, seconds in sorted(run.seconds.items())]
    yield "phase_seconds", "When a phase of the run was over, since its start.", phases
    judging: list[Sample] = [({"behaviour": each.id}, each.seconds) for each in report.behaviours]
    yield "behaviour_seconds", "How long judging a behaviour took.", judging
    yield "left_behind_objects", "Objects that clean-up could not remove.", [({}, len(report.left_behind))]


def _metric(name: str, meaning: str, samples: list[Sample], cluster: str) -> Iterator[str]:
    if samples:
        yield f"# HELP {name} {meaning}"
        yield f"# TYPE {name} gauge"
    for labels, value in samples:
        named = {"cluster": cluster, **labels}
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in named.items() if text)
        yield f"{name}{{{inside}}} {value!r}"


def _escaped(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"', '\\"')
