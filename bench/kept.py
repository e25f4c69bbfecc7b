"""Tables of the lab's clusters: all are judged in turn, or those that are named, and the runs are kept.

Once there is a run of each, and all judged the same behaviours, the table is written from them. What is not
in the lab's cache yet is built first, which takes minutes.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

import lab
from dualstack.places import ROOT
from dualstack.report import canonical
from dualstack.report.model import Report

JUDGED = (0, 1, 6)  # exit statuses of a run that ended in a verdict
SECONDS = "seconds.json"


class Kept(NamedTuple):
    """A run: its report, and the seconds until its cluster was up and until it was judged."""

    report: Report
    up: float
    run: float


@dataclass(frozen=True)
class Table:
    """A document about some of the lab's variants."""

    program: str
    about: str
    path: Path
    clusters: Mapping[str, Sequence[str]]
    """Options of the run, by variant."""
    document: Callable[[dict[str, Kept]], str]

    @property
    def kept(self) -> Path:
        """The folder with a folder for each variant."""
        return ROOT / "reports" / self.path.stem

    def make(self) -> dict[str, Kept] | None:
        """Judge what the command line names, write the document; None if that cannot be done yet."""
        parser = argparse.ArgumentParser(prog=f"python -m {self.program}", description=self.about)
        known = ", ".join(self.clusters)
        parser.add_argument("variants", nargs="*", metavar="VARIANT", help=f"of {known}")
        named = parser.parse_args().variants
        if unknown := set(named) - set(self.clusters):
            parser.error(f"{', '.join(sorted(unknown))}: not one of {known}")
        try:
            for variant in named or self.clusters:
                judge(variant, self.kept / variant, self.clusters[variant])
        finally:
            lab.down()
        runs = {each: load(path) for each in self.clusters if (path := self.kept / each / SECONDS).is_file()}
        if why := not_yet(self.clusters, {each: run.report for each, run in runs.items()}):
            print(f"{self.path.relative_to(ROOT)} is not written: {why}")
            return None
        self.path.write_text(self.document(runs))
        print(f"written: {self.path.relative_to(ROOT)}")
        return runs


def not_yet(clusters: Mapping[str, Sequence[str]], reports: Mapping[str, Report]) -> str | None:
    """Return why these reports make no table: one is missing, or another suite judged; None if they do."""
    if missing := [each for each in clusters if each not in reports]:
        return f"no report on {', '.join(missing)} yet"
    newest = max(reports.values(), key=lambda report: report.run.end)
    judged = {variant: {each.id for each in report.behaviours} for variant, report in reports.items()}
    if older := [each for each, ids in judged.items() if ids != {one.id for one in newest.behaviours}]:
        return f"{', '.join(older)} must be judged again: the suite has other behaviours now"
    return None


def judge(variant: str, folder: Path, options: Sequence[str]) -> None:
    """Bring a variant up, judge it and keep the run. Ends the program where there is no verdict."""
    start = time.monotonic()
    up = subprocess.run([sys.executable, "-m", "lab", "up", "--variant", variant], cwd=ROOT, check=False)
    if up.returncode:
        sys.exit(up.returncode)  # it has said why
    ready = time.monotonic()
    words = [f"--kubeconfig={lab.kubeconfig()}", f"--reports={folder}", *options]
    command = lab.outside([sys.executable, "-m", "pytest", *words])
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    end = time.monotonic()
    if done.returncode not in JUDGED:
        sys.exit(f"{variant}: pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    (folder / SECONDS).write_text(json.dumps({"up": ready - start, "run": end - ready}))
    report, up_seconds, run_seconds = load(folder / SECONDS)
    seconds = f"up in {up_seconds:.0f} s, judged in {run_seconds:.0f} s"
    print(f"{variant}: {report.sentence} ({seconds})", flush=True)


def load(path: Path) -> Kept:
    """Return the run that was kept last beside its seconds."""
    return Kept(canonical.load(path.parent / "latest/report.json"), **json.loads(path.read_text()))


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Return a Markdown table."""
    return tabulate(rows, header, "github", disable_numparse=True)
