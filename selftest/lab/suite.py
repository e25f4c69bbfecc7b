"""Run the suite against the lab as a user would, and read its report."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
Broken = set[tuple[str, str, str | None]]


@dataclass
class Judged:
    """One run of the suite."""

    status: int
    output: str
    folder: Path | None

    @property
    def report(self) -> dict[str, Any]:
        assert self.folder is not None, self.output
        document: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return document

    @property
    def verdicts(self) -> dict[str, str]:
        return {each["id"]: each["verdict"] for each in self.report["behaviours"]}

    def broken(self) -> Broken:
        """(behaviour, subject, family) of every finding that breaks, or is outside the support."""
        return {
            (each["id"], finding["subject"], finding["family"])
            for each in self.report["behaviours"]
            for finding in each["findings"]
            if finding["verdict"] in ("breaks", "unsupported")
        }

    def findings(self) -> dict[tuple[str, str, str | None], bool]:
        """Whether each (behaviour, subject, family) that was judged breaks, or is outside the support."""
        found: dict[tuple[str, str, str | None], bool] = {}
        for each in self.report["behaviours"]:
            for finding in each["findings"]:
                if finding["verdict"] not in ("not-judged", "not-applicable"):
                    key = (each["id"], finding["subject"], finding["family"])
                    found[key] = found.get(key, False) or finding["verdict"] in ("breaks", "unsupported")
        return found

    def trouble(self) -> str:
        """Every finding that neither conforms nor is not applicable, a line each."""
        return "\n".join(
            " ".join(map(str, (each["id"], finding["subject"], finding["family"], finding["cause"])))
            for each in self.report["behaviours"]
            for finding in each["findings"]
            if finding["verdict"] not in ("conforms", "not-applicable")
        )

    def causes(self, behaviour: str) -> str:
        """All causes that a behaviour's findings give, as one text."""
        found = next(each for each in self.report["behaviours"] if each["id"] == behaviour)
        return "\n".join(finding["cause"] or "" for finding in found["findings"])


def lab(*words: str) -> str:
    """Run `python -m lab WORDS` and return what it prints."""
    command = [PYTHON, "-m", "lab", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def command(reports: Path, *options: str, kubeconfig: str | None = None) -> list[str]:
    """The command line that judges the lab from outside."""
    config = kubeconfig or lab("kubeconfig")
    pytest = [PYTHON, "-m", "pytest", f"--kubeconfig={config}", f"--reports={reports}", *options]
    return [PYTHON, "-m", "lab", "outside", "--", *pytest]


def judge(reports: Path, *options: str, kubeconfig: str | None = None) -> Judged:
    """Judge the cluster that is up."""
    done = subprocess.run(
        command(reports, *options, kubeconfig=kubeconfig),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    latest = reports / "latest"
    folder = latest.resolve() if latest.exists() else None
    return Judged(done.returncode, done.stdout + done.stderr, folder)


def audit() -> list[dict[str, Any]]:
    """What the lab's API server has recorded so far: an entry for each answered request."""
    lines = lab("logs", "audit").splitlines()
    return [each for each in map(json.loads, lines) if each["stage"] == "ResponseComplete"]
