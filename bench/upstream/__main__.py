"""Kubernetes' own dual-stack specs and this suite on the same clusters: `python -m bench.upstream`.

Measures what has no result yet, or the given cases again, and writes docs/compared.md from all results.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import lab
from bench.upstream import cases, document, e2e, result
from bench.upstream.cases import Case
from bench.upstream.result import Result, Suite
from dualstack.places import ROOT
from dualstack.report import canonical
from lab.errors import LabError

JUDGED = (0, 1, 6)  # exit statuses of a run that ended in a verdict
BOUND = {1: 1200}  # seconds for all specs; in series they take longer
BOUND_PARALLEL = 210


def main(words: Sequence[str]) -> int:
    """Measure and write the document; 2 with one line where a name or the machine is wrong."""
    options = _options(words)
    try:
        chosen = [cases.load(name) for name in _names(options)]
        programs = e2e.build() if chosen else Path()
        for case in chosen:
            _measure(case, programs, options).write()
    except LabError as error:
        print(f"bench-upstream: {error}", file=sys.stderr)
        return 2
    document.FILE.write_text(document.text(result.kept()))
    print(f"written: {document.FILE.relative_to(ROOT)}")
    return 0


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.upstream", description=__doc__)
    parser.add_argument(
        "--cases", default="", help="`healthy`, faults or variants (default: all without a result)"
    )
    parser.add_argument(
        "--specs", default="", type=_regex, help="part of the specs' names, a regular expression"
    )
    parser.add_argument(
        "--procs", default=11, type=int, help="processes for the specs (default: %(default)s)"
    )
    parser.add_argument("--bound", type=int, help="seconds for the specs of a case")
    parser.add_argument("--document", action="store_true", help="measure nothing, only write the document")
    return parser.parse_args(words)


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from None
    return text


def _names(options: argparse.Namespace) -> list[str]:
    if options.document:
        return []
    if options.cases:
        return list(re.split(r"[\s,]+", options.cases.strip()))
    every = (cases.HEALTHY, *cases.DAMAGED)
    return [name for name in every if not result.place(name, options.procs).exists()]


def _measure(case: Case, programs: Path, options: argparse.Namespace) -> Result:
    print(f"{case.name}: {case.title}", flush=True)
    load = os.getloadavg()[0]
    plan = lab.up(case.variant)
    with (
        lab.fault(case.fault) if case.fault else nullcontext(),
        tempfile.TemporaryDirectory() as folder,
    ):
        suite = _suite(case, Path(folder))
        print(f"  suite: {suite.verdict}, {len(suite.broken)} findings, {suite.seconds:.1f} s", flush=True)
        bound = options.bound or BOUND.get(options.procs, BOUND_PARALLEL)
        upstream = e2e.run(programs, options.specs, options.procs, bound, len(plan.nodes), Path(folder))
    states = ", ".join(f"{len(specs)} {state}" for state in result.State if (specs := upstream.among(state)))
    print(f"  upstream: {states}, {upstream.seconds:.1f} s", flush=True)
    return Result(
        case=case.name,
        measured=datetime.now(UTC).replace(microsecond=0),
        kubernetes=plan.variant.kubernetes,
        cores=os.cpu_count() or 0,
        load=load,
        upstream=upstream,
        suite=suite,
    )


def _suite(case: Case, reports: Path) -> Suite:
    """Judge the cluster that is up. Ends the program where there is no verdict."""
    options = [f"--kubeconfig={lab.kubeconfig()}", f"--profile={case.expect.profile}", f"--reports={reports}"]
    command = lab.outside([sys.executable, "-m", "pytest", *options])
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    if done.returncode not in JUDGED:
        sys.exit(f"{case.name}: pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return Suite.of(canonical.load(reports / "latest/report.json"), case.expect, seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
