"""How long reading a large cluster takes: `make bench-nodes`.

A real API server and etcd hold made-up Node objects; the suite judges with --read-only, from outside. The lab
is taken down afterwards, since nothing stands behind these nodes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lab
from dualstack.cluster.connect import connect

COUNT = 5000
AT_ONCE = 16
UNSAID = (
    "architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "machineID",
    "osImage", "systemUUID",
)  # fmt: skip


def node(number: int) -> dict[str, Any]:
    """Return a Node as large as a real one, with two ranges of its own."""
    high, low = divmod(number, 256)
    cidrs = [f"10.{high}.{low}.0/24", f"fd00:244:0:{number:x}::/64"]
    images = [
        {"names": [f"registry.example/image-{n}@sha256:{number:064x}"], "sizeBytes": 1} for n in range(30)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"made-up-{number:05}", "labels": {"kubernetes.io/os": "linux"}},
        "spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs},
        "status": {
            "nodeInfo": {"operatingSystem": "linux", "kubeletVersion": "v1.36.3"} | dict.fromkeys(UNSAID, ""),
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [
                {"type": "InternalIP", "address": f"172.31.{high}.{low}"},
                {"type": "InternalIP", "address": f"fd00:31::{number:x}"},
            ],
            "images": images,
        },
    }


def fill(kubeconfig: str, count: int) -> None:
    """Create so many nodes. For a process outside the cluster's network namespaces."""
    cluster = connect(Path(kubeconfig), None)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda number: cluster.create("/api/v1/nodes", node(number)), range(count)))


def main(words: Sequence[str]) -> int:
    """Fill a lab, judge it, and print seconds and memory."""
    if words[:1] == ["fill"]:
        fill(words[1], int(words[2]))
        return 0
    count = int(words[0]) if words else COUNT
    lab.up("no-lb", 1)
    try:
        tainter = "kube-controller-manager"  # it would find that no kubelet reports
        subprocess.run(lab.inside("cp", ["sh", "/run/lab/machine/service.sh", "stop", tainter]), check=True)
        begun = time.monotonic()
        filling = [sys.executable, "-m", "bench.nodes", "fill", lab.kubeconfig(), str(count)]
        subprocess.run(lab.outside(filling), check=True)
        print(f"{count} nodes made up in {time.monotonic() - begun:.0f} s")
        with tempfile.TemporaryDirectory() as reports:
            judge = [sys.executable, "-m", "pytest", f"--kubeconfig={lab.kubeconfig()}", "--read-only"]
            begun = time.monotonic()
            command = lab.outside([*judge, f"--reports={reports}"])
            suite = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, _, used = os.wait4(suite.pid, 0)
            seconds = time.monotonic() - begun
            report = json.loads((Path(reports) / "latest/report.json").read_text())
        findings = sum(len(each["findings"]) for each in report["behaviours"])
        print(f"--read-only: {seconds:.1f} s, {used.ru_maxrss / 1024:.0f} MB at most, {findings} findings")
    finally:
        lab.down()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
