"""How long reading what runs on a large cluster takes: `make bench-workloads`.

A real API server and etcd hold made-up pods, Services and EndpointSlices in several namespaces; the suite
judges with --read-only, from outside. The lab is taken down afterwards, since nothing stands behind them.
"""

import sys
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from bench.made_up import create_all, filled, nobody_at_work, read_only
from dualstack.cluster.connect import connect

PODS, SERVICES, NAMESPACES = 30_000, 5_000, 20
SLICES = 2 * SERVICES
FAMILIES = {"IPv4": "10.244.{}.{}", "IPv6": "fd00:244:0:{:x}::{:x}"}
FORGOTTEN = 100  # one pod in so many is older than the second family
Object = dict[str, Any]


def addresses(number: int) -> list[str]:
    """Return an address of each family."""
    high, low = divmod(number, 250)
    return [str(ip_address(pattern.format(high, low + 1))) for pattern in FAMILIES.values()]


def pod(namespace: str, number: int) -> Object:
    """Return a running pod with the fields that make one as large as it is."""
    own = addresses(number)[: 1 if number % FORGOTTEN == 0 else 2]
    app = f"web-{number // 6}"
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{app}-5d4f", "uid": str(number)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"web-{number}",
            "namespace": namespace,
            "labels": {"app": app, "pod-template-hash": "5d4f"},
            "annotations": {f"example.com/note-{n}": "x" * 60 for n in range(10)},
            "ownerReferences": [owner | {"controller": True}],
        },
        "spec": {
            "nodeName": f"made-up-{number % 1000}",
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "web",
                    "image": "example.com/web",
                    "env": [{"name": f"N{n}", "value": "x"} for n in range(20)],
                }
            ],
        },
        "status": {"phase": "Running", "podIP": own[0], "podIPs": [{"ip": ip} for ip in own]},
    }


def service(namespace: str, number: int) -> Object:
    """Return a Service of both families."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"web-{number}", "namespace": namespace},
        "spec": {
            "ipFamilyPolicy": "PreferDualStack",
            "selector": {"app": f"web-{number}"},
            "ports": [{"port": 80}],
        },
    }


def slices(namespace: str, number: int) -> Iterator[Object]:
    """Yield a Service's slices, one of each family, with its six pods."""
    for place, family in enumerate(FAMILIES):
        endpoints = [
            {"addresses": [addresses(number * 6 + n)[place]], "conditions": {"ready": True}} for n in range(6)
        ]
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"web-{number}-{family.lower()}",
                "namespace": namespace,
                "labels": {"kubernetes.io/service-name": f"web-{number}"},
            },
            "addressType": family,
            "endpoints": endpoints,
            "ports": [{"port": 8080}],
        }


def fill(kubeconfig: str) -> None:
    """Create all of it. For a process outside the cluster's network namespaces."""
    cluster = connect(Path(kubeconfig), None)
    for place in range(NAMESPACES):
        name = f"made-up-{place}"
        cluster.create("/api/v1/namespaces", _named("Namespace", name))
        cluster.create(f"/api/v1/namespaces/{name}/serviceaccounts", _named("ServiceAccount", "default"))
        core, discovery = (f"{group}/namespaces/{name}" for group in ("/api/v1", "/apis/discovery.k8s.io/v1"))
        pods, services = range(place, PODS, NAMESPACES), range(place, SERVICES, NAMESPACES)
        create_all(cluster, f"{core}/pods", (pod(name, number) for number in pods))
        create_all(cluster, f"{core}/services", (service(name, number) for number in services))
        of_services = (each for number in services for each in slices(name, number))
        create_all(cluster, f"{discovery}/endpointslices", of_services)


def _named(kind: str, name: str) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}


def main(words: Sequence[str]) -> int:
    """Fill a lab, judge it, and print seconds and memory."""
    if words[:1] == ["fill"]:
        fill(words[1])
        return 0
    with nobody_at_work("kube-controller-manager", "kube-scheduler", node_services=("kube-proxy",)):
        what = f"{PODS} pods, {SERVICES} Services, {SLICES} slices"
        print(f"{what} made up in {filled('bench.workloads'):.0f} s")
        print(read_only())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
