"""The cluster's own floor: ask for the same things, probe the same paths, delete, judge nothing.

Run from outside the lab's cluster: `python -m bench.floor KUBECONFIG`. Prints seconds by phase as JSON.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from dualstack.cluster.api import Cluster
from dualstack.cluster.connect import connect
from dualstack.cluster.errors import ApiError

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
NAMESPACE = "dualstack-floor"
CORE, APPS = f"/api/v1/namespaces/{NAMESPACE}", f"/apis/apps/v1/namespaces/{NAMESPACE}"
SERVICES = (("default", None, "ClusterIP"), ("v4", "IPv4", "ClusterIP"), ("v6", "IPv6", "ClusterIP"),
            ("lb4", "IPv4", "LoadBalancer"), ("lb6", "IPv6", "LoadBalancer"),
            ("removal4", "IPv4", "ClusterIP"), ("removal6", "IPv6", "ClusterIP"))  # fmt: skip
REMOVAL = "removal"


def main(kubeconfig: str) -> None:
    """Measure once."""
    start = time.monotonic()
    cluster = connect(Path(kubeconfig), None)
    seconds = {}

    def mark(phase: str) -> None:
        seconds[phase] = round(time.monotonic() - start, 3)

    cluster.create("/api/v1/namespaces", _named("Namespace", NAMESPACE))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: cluster.create(f"{CORE}/services", _service(*each)), SERVICES))
    cluster.create(f"{APPS}/daemonsets", _daemonset())
    cluster.create(f"{APPS}/deployments", _deployment())
    mark("asked")
    pods = _wait(lambda: _running(cluster))
    names = [pod["metadata"]["name"] for pod in pods]
    removal = ThreadPoolExecutor(1).submit(_remove_and_bring_back, cluster, names)
    balancers = _wait(lambda: _addresses(cluster))
    mark("running")
    services = [each["spec"]["clusterIP"] for each in cluster.list(f"{CORE}/services") if _is_floors(each)]
    targets = [ip["ip"] for pod in pods for ip in pod["status"]["podIPs"]]
    urls = [_url(ip, 8080) for ip in targets] + [_url(ip, 80) for ip in services]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: _probe(cluster, name, urls, targets), names))
    mark("probed")
    removal.result()
    mark("backend back")
    cluster.delete(f"/api/v1/namespaces/{NAMESPACE}")
    _wait(lambda: _gone(cluster))
    mark("deleted")
    print(json.dumps(seconds | {"load balancers": len(balancers)}))


def _named(kind: str, name: str, **more: object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}} | more


def _service(name: str, family: str | None, kind: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "type": kind,
        "selector": {"app": REMOVAL if name.startswith(REMOVAL) else "floor"},
        "ports": [{"port": 80, "targetPort": 8080}],
    }
    if family:
        spec["ipFamilies"] = [family]
    return _named("Service", name, spec=spec)


def _is_floors(service: dict[str, Any]) -> bool:
    return bool(service["spec"]["selector"] == {"app": "floor"})


def _workload(app: str) -> dict[str, Any]:
    container = {"name": "c", "image": IMAGE, "args": ["netexec"]}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 0}
    labels = {"app": app}
    return {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}


def _daemonset() -> dict[str, Any]:
    return _named("DaemonSet", "floor", spec=_workload("floor")) | {"apiVersion": "apps/v1"}


def _deployment() -> dict[str, Any]:
    spec = _workload(REMOVAL) | {"replicas": 1}
    return _named("Deployment", REMOVAL, spec=spec) | {"apiVersion": "apps/v1"}


def _remove_and_bring_back(cluster: Cluster, clients: list[str]) -> None:
    """Scale the one backend to zero and back, asking from every node until that shows."""
    services = [each for each in cluster.list(f"{CORE}/services") if not _is_floors(each)]
    urls = [_url(each["spec"]["clusterIP"], 80) for each in services]
    for replicas in (1, 0, 1):
        cluster.patch(f"{APPS}/deployments/{REMOVAL}/scale", {"spec": {"replicas": replicas}})
        _wait(lambda replicas=replicas: _running_backends(cluster) == replicas)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(partial(_until, cluster, urls, replicas > 0), clients))


def _running_backends(cluster: Cluster) -> int:
    pods = cluster.list(f"{CORE}/pods", labelSelector=f"app={REMOVAL}")
    return sum(2 if each["status"].get("phase") != "Running" else 1 for each in pods)


def _until(cluster: Cluster, urls: list[str], answers: bool, pod: str) -> None:
    """Ask until all URLs answer, or none does."""
    wanted = len(urls) if answers else 0
    script = (
        "while true; do n=0; for url in $1; do "
        "curl -g -s -o /dev/null --connect-timeout 1 $url && n=$((n+1)); "
        f"done; [ $n = {wanted} ] && exit; sleep 0.1; done"
    )
    cluster.exec(NAMESPACE, pod, "c", ["/bin/sh", "-c", script, "floor", " ".join(urls)], timeout=60)


def _wait(condition: Any) -> Any:  # noqa: ANN401
    while not (value := condition()):
        time.sleep(0.1)
    return value


def _running(cluster: Cluster) -> list[dict[str, Any]]:
    pods = cluster.list(f"{CORE}/pods", labelSelector="app=floor")
    nodes = len(cluster.list("/api/v1/nodes"))
    ready = [pod for pod in pods if pod["status"].get("phase") == "Running"]
    return ready if len(ready) == nodes else []


def _addresses(cluster: Cluster) -> list[str]:
    items = [item for item in cluster.list(f"{CORE}/services") if item["spec"]["type"] == "LoadBalancer"]
    found = [each["ip"] for item in items for each in item["status"]["loadBalancer"].get("ingress", [])]
    return found if len(found) == len(items) else []


def _gone(cluster: Cluster) -> bool:
    try:
        cluster.get(f"/api/v1/namespaces/{NAMESPACE}")
    except ApiError as error:
        return error.not_found
    return False


def _url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}/hostname" if ":" in address else f"http://{address}:{port}/hostname"


def _probe(cluster: Cluster, pod: str, urls: list[str], pings: list[str]) -> None:
    """One exec: all URLs until each has answered once, and a ping of each pod."""
    script = (
        'for a in $1; do ping -c1 -W2 "$a" >/dev/null & done; '
        "curl -g -s --parallel --parallel-immediate --connect-timeout 2 --retry 20 --retry-delay 1 "
        "--retry-all-errors $2; wait"
    )
    words = " ".join(f"-o /dev/null {url}" for url in urls)
    command = ["/bin/sh", "-c", f"set -f; {script}", "floor", " ".join(pings), words]
    cluster.exec(NAMESPACE, pod, "c", command, timeout=60)


if __name__ == "__main__":
    main(sys.argv[1])
