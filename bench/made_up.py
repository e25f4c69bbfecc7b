"""A real API server and etcd that hold made-up objects, and how long reading these takes."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lab
from dualstack.cluster.api import Cluster

AT_ONCE = 16


@contextmanager
def nobody_at_work(*services: str, node_services: tuple[str, ...] = ()) -> Iterator[None]:
    """Bring up a lab of one node and stop these services, which would meddle with what is made up."""
    lab.up("no-lb", 1)
    try:
        for machine, names in (("cp", services), ("node0", node_services)):
            for name in names:
                stop = lab.inside(machine, ["sh", "/run/lab/machine/service.sh", "stop", name])
                subprocess.run(stop, check=True)
        yield
    finally:
        lab.down()


def filled(module: str, *words: str) -> float:
    """Run `python -m MODULE fill KUBECONFIG WORDS` outside the cluster's networks; return the seconds."""
    begun = time.monotonic()
    subprocess.run(lab.outside([sys.executable, "-m", module, "fill", lab.kubeconfig(), *words]), check=True)
    return time.monotonic() - begun


def create_all(cluster: Cluster, path: str, bodies: Iterable[dict[str, Any]]) -> None:
    """Create objects, several at a time; what has a status gets it."""

    def create(body: dict[str, Any]) -> None:
        made = cluster.create(path, body)
        if body["kind"] == "Pod":
            name = made["metadata"]["name"]
            cluster.patch(f"{path}/{name}/status", {"status": body["status"]})

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(create, bodies))


def read_only() -> str:
    """Judge with --read-only and return what it took, as a line."""
    with tempfile.TemporaryDirectory() as reports:
        judge = [sys.executable, "-m", "pytest", f"--kubeconfig={lab.kubeconfig()}", "--read-only"]
        begun = time.monotonic()
        suite = subprocess.Popen(lab.outside([*judge, f"--reports={reports}"]), stdout=subprocess.DEVNULL)
        _, _, used = os.wait4(suite.pid, 0)
        seconds = time.monotonic() - begun
        report = json.loads((Path(reports) / "latest/report.json").read_text())
    findings = sum(len(each["findings"]) for each in report["behaviours"])
    return f"--read-only: {seconds:.1f} s, {used.ru_maxrss / 1024:.0f} MB at most, {findings} findings"
