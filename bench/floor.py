"""The cluster's own floor: ask for the same things, probe the same paths, delete, judge nothing.

Run from outside the lab's cluster: `python -m bench.floor KUBECONFIG`. Prints seconds by phase as JSON.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dualstack.cluster.api import Cluster
from dualstack.cluster.connect import connect
from dualstack.cluster.errors import ApiError

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
NAMESPACE = "dualstack-floor"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
SERVICES = (("default", None, "ClusterIP"), ("v4", "IPv4", "ClusterIP"), ("v6", "IPv6", "ClusterIP"),
            ("lb4", "IPv4", "LoadBalancer"), ("lb6", "IPv6", "LoadBalancer"))  # fmt: skip


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
    cluster.create(f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets", _daemonset())
    mark("asked")
    pods = _wait(lambda: _running(cluster))
    balancers = _wait(lambda: _addresses(cluster))
    mark("running")
    services = [item["spec"]["clusterIP"] for item in cluster.list(f"{CORE}/services")]
    targets = [ip["ip"] for pod in pods for ip in pod["status"]["podIPs"]]
    urls = [_url(ip, 8080) for ip in targets] + [_url(ip, 80) for ip in services]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda pod: _probe(cluster, pod["metadata"]["name"], urls, targets), pods))
    mark("probed")
    cluster.delete(f"/api/v1/namespaces/{NAMESPACE}")
    _wait(lambda: _gone(cluster))
    mark("deleted")
    print(json.dumps(seconds | {"load balancers": len(balancers)}))


def _named(kind: str, name: str, **more: object) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}} | more


def _service(name: str, family: str | None, kind: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "type": kind,
        "selector": {"app": "floor"},
        "ports": [{"port": 80, "targetPort": 8080}],
    }
    if family:
        spec["ipFamilies"] = [family]
    return _named("Service", name, spec=spec)


def _daemonset() -> dict[str, Any]:
    container = {"name": "c", "image": IMAGE, "args": ["netexec"]}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 0}
    labels = {"app": "floor"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return _named("DaemonSet", "floor", spec=spec) | {"apiVersion": "apps/v1"}


def _wait(condition: Any) -> Any:  # noqa: ANN401
    while not (value := condition()):
        time.sleep(0.1)
    return value


def _running(cluster: Cluster) -> list[dict[str, Any]]:
    pods = cluster.list(f"{CORE}/pods")
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
