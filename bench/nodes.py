"""How long reading a large cluster takes: `make bench-nodes`.

A real API server and etcd hold made-up Node objects; the suite judges with --read-only, from outside. The lab
is taken down afterwards, since nothing stands behind these nodes.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.made_up import create_all, filled, nobody_at_work, read_only
from dualstack.cluster.connect import connect

COUNT = 5000
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
    create_all(connect(Path(kubeconfig), None), "/api/v1/nodes", map(node, range(count)))


def main(words: Sequence[str]) -> int:
    """Fill a lab, judge it, and print seconds and memory."""
    if words[:1] == ["fill"]:
        fill(words[1], int(words[2]))
        return 0
    count = int(words[0]) if words else COUNT
    with nobody_at_work("kube-controller-manager"):  # it would find that no kubelet reports
        print(f"{count} nodes made up in {filled('bench.nodes', str(count)):.0f} s")
        print(read_only())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
