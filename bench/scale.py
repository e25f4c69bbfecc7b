"""What the views cost on a large cluster: `python -m bench.scale [NODES] [BEHAVIOURS]`.

The report is made up: every behaviour judges every node in both families, a few break, and one behaviour in
eight is about paths. Each view is made in a process of its own, from the file, so its peak is its own.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from pathlib import Path

from tabulate import tabulate

from dualstack.family import FAMILIES, Family
from dualstack.report import canonical, compare_views, terminal
from dualstack.report.compare import compare
from dualstack.report.conclude import by_family, outcome, reason, verdict_of
from dualstack.report.model import (
    BehaviourResult,
    Cluster,
    Convergence,
    NodeFacts,
    ProfileFacts,
    Report,
    Run,
)
from dualstack.report.render import FORMATS
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier

TARGETS = (10.0, 500.0, 5.0)  # seconds, MB of memory, MB of HTML
START = datetime(2026, 1, 1, tzinfo=UTC)
PATHS_EVERY = 8  # one behaviour in so many is about paths
PAGES = ("html", "sign-off", "compare")
BROKEN_EVERY = 997  # one finding in so many breaks


def main(nodes: int, behaviours: int) -> None:
    """Write the report, then make every view of it, and print what each took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        report = made_up(nodes, behaviours)
        path.write_bytes(canonical.to_json(report))
        count = sum(len(each.findings) for each in report.behaviours)
        print(f"{nodes} nodes, {behaviours} behaviours, {count} findings, report.json {_mb(path):.0f} MB")
        rows = [_measured(name, path) for name in ("load", "terminal", *FORMATS, "compare", "bundle")]
    headers = ["view", "seconds", "without loading", "peak MB", "size MB", "within the target"]
    print(tabulate(rows, headers, floatfmt=".1f"))
    print("The target for a view: {:g} s with loading, {:g} MB of memory, {:g} MB of HTML.".format(*TARGETS))


def made_up(nodes: int, behaviours: int) -> Report:
    """A report of a cluster with so many nodes."""
    names = [f"pool-{number // 100:03}-node-{number:05}" for number in range(nodes)]
    results = [_behaviour(number, names) for number in range(behaviours)]
    verdict, sentence = outcome(results, partial=None, interrupted=None, strict_support=False)
    facts = [
        NodeFacts(
            name=name,
            ready=True,
            kubelet="v1.36.3",
            os="linux",
            internal_ips=["10.0.0.1", "fd00::1"],
            pod_cidrs=["10.244.0.0/24", "fd00:244::/64"],
            proxy_mode="iptables",
        )
        for name in names
    ]
    return Report(
        run=Run(
            id="scale",
            start=START,
            end=START + timedelta(hours=1),
            command=["pytest"],
            suite_version="0.1.0",
        ),
        cluster=Cluster(
            context=None,
            server="https://[fd00::1]:6443",
            version="v1.36.3",
            uid="uid",
            nodes=facts,
            pod_ranges=[],
            service_ranges=["10.96.0.0/16", "fd00:96::/112"],
            proxy_mode="iptables",
        ),
        profile=ProfileFacts(name="kubernetes", title="made up", source="built-in", digest="00"),
        verdict=verdict,
        sentence=sentence,
        behaviours=results,
        convergence=[
            Convergence(service=f"service-{number}", node=name, family=Family.V6, seconds=1.5, attempts=2)
            for number, name in product(range(4), names)
        ],
    )


def _behaviour(number: int, names: list[str]) -> BehaviourResult:
    judge = Judge()
    for at, (name, family) in enumerate(product(names, FAMILIES)):
        target = names[(at * 7 + number) % len(names)] if number % PATHS_EVERY == 0 else None
        judge(
            f"{name} → {target}" if target else name,
            (at + number * 31) % BROKEN_EVERY != 0,
            family=family,
            source=name if target else None,
            target=target,
            cause=f"no {family} answer: timed out after 5 s",
            rounds=2,
            seen="10.244.0.17",
        )
    return BehaviourResult(
        id=f"behaviour-{number:03}",
        level=Level.MUST,
        tier=Tier.PODS,
        topic=f"topic-{number // 10}",
        claim=f"The claim of behaviour {number}.",
        source="https://kubernetes.io/docs/",
        remedy=f"The remedy of behaviour {number}.",
        verdict=verdict_of(judge.findings),
        families=by_family(judge.findings),
        reason=reason(judge.findings),
        findings=judge.findings,
        seconds=0.5,
    )


def _measured(name: str, path: Path) -> list[str | float]:
    command = [sys.executable, "-m", "bench.scale", "--one", name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr}")
    whole, alone, peak, size = map(float, done.stdout.split())
    holds = whole < TARGETS[0] and peak < TARGETS[1] and (name not in PAGES or size < TARGETS[2])
    return [name, whole, alone, peak, size, "yes" if holds else "NO"]


def one(name: str, path: Path) -> None:
    """Make one view and print: seconds, seconds without loading, peak MB, size in MB."""
    start = time.perf_counter()
    report = canonical.load(path)
    loaded = time.perf_counter()
    size = sum(len(piece.encode()) for piece in _make(name, report))
    end = time.perf_counter()
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024  # rusage would count the parent's as well
    print(end - start, end - loaded, peak, size / 1e6)


def _make(name: str, report: Report) -> Iterator[str]:
    match name:
        case "load":
            return
        case "terminal":
            yield terminal.table(report, 120, colour=False)
        case "compare":
            yield compare_views.html(compare(report, report))
        case "bundle":
            for view in ("json", "html", "markdown", "junit"):
                yield from FORMATS[view](report)
        case _:
            yield from FORMATS[name](report)


def _mb(path: Path) -> float:
    return path.stat().st_size / 1e6


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], Path(sys.argv[3]))
    else:
        numbers = [int(each) for each in islice(sys.argv, 1, 3)]
        main(*(numbers if len(numbers) == 2 else (5000, 80)))
