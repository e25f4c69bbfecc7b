"""What the views cost on a large cluster: `python -m bench.scale [NODES BEHAVIOURS]`.

The reports are made up: every behaviour judges every node in both families, a few break, and one behaviour in
six is about paths; what was seen looks like what real runs see. Each command is what a user would type, in a
process of its own: its time and its memory are those of the whole process. Ends with 1 if a view is too slow
or too large. What is more than one view of one report has no target.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import product
from multiprocessing import Process
from pathlib import Path

from tabulate import tabulate

from dualstack.family import FAMILIES, Family
from dualstack.report import canonical
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
from dualstack.report.write import write_file
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier

SECONDS, MEMORY, PAGE = 10.0, 500.0, 5.0  # at most: wall clock, MB, MB of HTML
PAGES = ("html", "sign-off")
START = datetime(2026, 1, 1, tzinfo=UTC)
NIGHTS = 2
PATHS_EVERY = 6  # one behaviour in so many is about paths
BROKEN_EVERY = 997  # one finding in so many breaks


def main(nodes: int, behaviours: int) -> int:
    """Write the reports, then make every view of them, and print what each took; 1 if one took too much."""
    with tempfile.TemporaryDirectory() as folder:
        nights = [Path(folder) / f"night-{night}" / "report.json" for night in range(NIGHTS)]
        for night, path in enumerate(nights):
            # Apart, since a process begins with the peak memory of the one that starts it.
            maker = Process(target=_write, args=(path, nodes, behaviours, night))
            maker.start()
            maker.join()
        new, old = nights[-1], nights[0]
        megabytes = new.stat().st_size / 1e6
        print(f"{nodes} nodes x {behaviours} behaviours x 2 families, report.json {megabytes:.0f} MB")
        commands = {name: ["render", f"{new}", "--format", name] for name in FORMATS}
        commands["html, pseudonyms"] = [*commands["html"], "--pseudonyms"]
        commands["compare"] = ["compare", f"{old}", f"{new}", "--format", "html"]
        commands[f"history of {NIGHTS}"] = ["history", folder]
        rows = [_measured(name, command, Path(folder) / "view") for name, command in commands.items()]
    print(tabulate(rows, ["view", "seconds", "of CPU", "peak MB", "size MB", "within"], floatfmt=".1f"))
    print(f"Within: {SECONDS:g} s, {MEMORY:g} MB of memory, {PAGE:g} MB of {' and '.join(PAGES)}.")
    return 1 if any(row[-1] == "NO" for row in rows) else 0


def _write(path: Path, nodes: int, behaviours: int, night: int) -> None:
    path.parent.mkdir()
    write_file(path, canonical.pieces(large_report(nodes, behaviours, night)))


def _measured(name: str, words: list[str], output: Path) -> list[str | float]:
    command = [sys.executable, "-m", "dualstack.cli", "report", *words, "-o", f"{output}"]
    start = time.perf_counter()
    _, status, used = os.wait4(subprocess.Popen(command).pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{name}: exit status {os.waitstatus_to_exitcode(status)}")
    peak, size = used.ru_maxrss / 1024, output.stat().st_size / 1e6
    holds = seconds < SECONDS and peak < MEMORY and (size < PAGE or name not in PAGES)
    within = "-" if name not in FORMATS else "yes" if holds else "NO"
    return [name, seconds, used.ru_utime + used.ru_stime, peak, size, within]


def node_facts(names: Iterable[str]) -> list[NodeFacts]:
    """Return what a report says of made-up nodes."""
    return [
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


def large_report(nodes: int, behaviours: int, night: int) -> Report:
    """A report of a cluster with so many nodes; each night others break."""
    names = [f"pool-{number // 100:03}-node-{number:05}" for number in range(nodes)]
    results = [_behaviour(number, names, night) for number in range(behaviours)]
    verdict, sentence = outcome(results, partial=None, interrupted=None, strict_support=False)
    return Report(
        run=Run(
            id=f"night-{night}",
            start=START + timedelta(days=night),
            end=START + timedelta(days=night, hours=1),
            command=["pytest"],
            suite_version="0.1.0",
        ),
        cluster=Cluster(
            context=None,
            server="https://[fd00::1]:6443",
            version="v1.36.3",
            uid="uid",
            nodes=node_facts(names),
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


def _behaviour(number: int, names: list[str], night: int) -> BehaviourResult:
    judge = Judge()
    for at, (name, family) in enumerate(product(names, FAMILIES)):
        holds = (at + number * 31 + night * 7) % BROKEN_EVERY != 0
        cause = f"no {family} answer: timed out after 5 s"
        if number % PATHS_EVERY:
            judge(name, holds, family=family, cause=cause, internal_ips=["10.240.10.17", "fd00:240::1:17"])
            continue
        target = names[(at // 2 * 7919 + number) % len(names)]
        judge(
            f"{name} → {target}",
            holds,
            family=family,
            source=name,
            target=target,
            cause=cause,
            address="10.244.10.17",
            answered_by=["server-0"] if holds else [],
            client_seen=["10.244.17.5"] if holds else [],
            connect_ms=0.25 + at % 400 / 100,
            error=None if holds else "timed out after 5 s",
            rounds=1 if holds else 2,
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


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:3]]
    sys.exit(main(*(numbers if len(numbers) == 2 else (5000, 80))))
