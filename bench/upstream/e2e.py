"""Kubernetes' own specs: how they are run, and what their report says.

Ginkgo's own runner starts them, in as many processes as asked for, and ends them when time is up. A spec has
no bound of its own, and one of them sleeps for ten hours when it has failed: what is still busy then is
unfinished.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lab
from bench.upstream.result import Spec, State, Upstream
from lab import artifacts, vantage

RECIPE = "e2e-1.36"
FEATURE = r"\[Feature:IPv6DualStack\]"
LEFT_OUT = "SCTP"
GRACE = 5  # seconds for a spec whose time is up to clean up
READY = "60s"  # for the cluster before the first spec; upstream waits five to thirty minutes
STATES = {"passed": State.PASSED, "timedout": State.UNFINISHED, "interrupted": State.UNFINISHED}
CLEAN_UP = ["kubectl", "delete", "namespaces", "--selector=e2e-framework", "--timeout=60s"]


def build() -> Path:
    """Return the folder with upstream's programs, built if they are not in the cache. Raises LabError."""
    return artifacts.programs(RECIPE)


def run(programs: Path, specs: str, procs: int, bound: int, nodes: int, folder: Path) -> Upstream:
    """Run the specs whose name matches, from outside the cluster; ends the program where they say nothing."""
    report = "report.json"
    ginkgo = [
        *(f"{programs / 'ginkgo'}", "--no-color", f"--procs={procs}"),
        *(
            f"--timeout={bound}s",
            f"--grace-period={GRACE}s",
            f"--output-dir={folder}",
            f"--json-report={report}",
        ),
        *(f"--focus={FEATURE}.*({specs})", f"--skip={LEFT_OUT}", f"{programs / 'e2e.test'}", "--"),
    ]
    # Only the first of several processes counts the nodes by itself; others would skip most specs.
    e2e = [
        f"--num-nodes={nodes}",
        *(
            f"--kubeconfig={lab.kubeconfig()}",
            "--provider=skeleton",
            f"--system-pods-startup-timeout={READY}",
        ),
        *(f"--node-schedulable-timeout={READY}", f"--system-daemonsets-startup-timeout={READY}"),
    ]
    environment = vantage.environment()
    start = time.monotonic()
    with (folder / "output").open("w") as output:
        subprocess.run(
            lab.outside(ginkgo + e2e), env=environment, cwd=folder, stdout=output, stderr=output, check=False
        )
    seconds = time.monotonic() - start
    subprocess.run(lab.outside(CLEAN_UP), env=environment, stdout=subprocess.DEVNULL, check=False)
    if not (folder / report).exists():
        sys.exit(f"upstream's specs left no report:\n{(folder / 'output').read_text()[-2000:]}")
    found = read(json.loads((folder / report).read_text()), specs)
    return Upstream(procs=procs, bound=bound, seconds=seconds, specs=tuple(found))


def read(report: Iterable[dict[str, Any]], specs: str = "") -> list[Spec]:
    """Read Ginkgo's JSON report: the specs that were asked for, by name."""
    wanted = re.compile(f"{FEATURE}.*({specs})")
    found = []
    for each in (spec for suite in report for spec in suite["SpecReports"] or ()):
        name = " ".join((*(each["ContainerHierarchyTexts"] or ()), each["LeafNodeText"]))
        if each["LeafNodeType"] == "It" and wanted.search(name) and LEFT_OUT not in name:
            found.append(_spec(name, each))
    return sorted(found, key=lambda spec: spec.name)


def _spec(name: str, report: dict[str, Any]) -> Spec:
    state = STATES.get(report["State"], State.NOT_RUN if report["State"] == "skipped" else State.FAILED)
    message = report.get("Failure", {}).get("Message", "")
    return Spec(
        name=re.sub(r"^.*should (be able to |function for )?|\[[^]]*\]", "", name).strip(),
        state=state,
        seconds=report["RunTime"] / 1e9,
        message=message.strip().partition("\n")[0][:200],
    )
