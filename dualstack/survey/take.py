"""Take the survey: a handful of reads, side by side. What may not be read is noted, never guessed."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dualstack.cluster.api import Cluster
from dualstack.cluster.errors import ApiError
from dualstack.cluster.permissions import Permission
from dualstack.survey.model import Node, ServiceCidr, Survey
from dualstack.survey.version import Release

# Names of DaemonSets that carry a cluster's pod network. Kubenet has none.
NETWORK_PLUGINS = (
    "antrea-agent", "aws-node", "azure-cns", "calico-node", "canal", "cilium", "kindnet", "kube-flannel",
    "kube-ovn-cni", "kube-router", "ovnkube-node", "weave-net",
)  # fmt: skip
PROVIDED_IPS = "alpha.kubernetes.io/provided-node-ip"

READS = (
    Permission("list", "", "nodes"),
    Permission("get", "", "namespaces"),
    Permission("get", "", "services"),
    Permission("get", "", "configmaps", names=("kube-proxy", "kube-proxy-config")),
    Permission("list", "apps", "daemonsets"),
    Permission("list", "", "pods"),
    Permission("list", "networking.k8s.io", "servicecidrs"),
)
"""What `take` asks for; a fact that may not be read is named in the survey's `missing`."""


def take(cluster: Cluster, version: str) -> Survey:
    """Read the cluster once. Only a lost connection raises (ApiError with `unreachable`)."""
    reads: dict[str, Callable[[], Any]] = {
        "nodes": lambda: [_node(item) for item in cluster.each("/api/v1/nodes")],
        "kube-system": lambda: cluster.get("/api/v1/namespaces/kube-system"),
        "kubernetes-service": lambda: cluster.get("/api/v1/namespaces/default/services/kubernetes"),
        "proxy-config": lambda: _proxy_config(cluster),
        "daemonsets": lambda: cluster.list("/apis/apps/v1/daemonsets"),
        "control-plane-pods": lambda: cluster.list(
            "/api/v1/namespaces/kube-system/pods", labelSelector="tier=control-plane"
        ),
    }
    if Release.parse(version) >= Release(1, 33):
        reads["service-cidrs"] = lambda: cluster.list("/apis/networking.k8s.io/v1/servicecidrs")
    with ThreadPoolExecutor(len(reads)) as pool:
        futures = {name: pool.submit(read) for name, read in reads.items()}
    found: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, future in futures.items():
        try:
            found[name] = future.result()
        except ApiError as error:
            if error.unreachable:
                raise
            if not error.not_found:
                missing[name] = str(error)
    mode, where = found.get("proxy-config") or (None, None)
    flags = _flags(found.get("control-plane-pods", []))
    return Survey(
        context=cluster.context,
        server=cluster.server,
        version=version,
        uid=found.get("kube-system", {}).get("metadata", {}).get("uid"),
        nodes=tuple(sorted(found.get("nodes", []), key=lambda node: node.name)),
        pod_ranges=tuple(_split(flags.get("cluster-cidr", ""))),
        service_ranges=_service_ranges(found.get("service-cidrs", []), flags),
        service_cidrs=tuple(map(_service_cidr, found.get("service-cidrs", []))),
        kubernetes_service_ip=found.get("kubernetes-service", {}).get("spec", {}).get("clusterIP"),
        proxy_mode_configured=mode,
        proxy_config_at=where,
        proxy_daemonsets=_named(found.get("daemonsets", []), ("kube-proxy",)),
        network_daemonsets=_named(found.get("daemonsets", []), NETWORK_PLUGINS),
        missing=missing,
    )


def _named(items: list[dict[str, Any]], names: Sequence[str]) -> tuple[str, ...]:
    """Return namespace/name of the objects that have one of the names in theirs."""
    return tuple(
        sorted(
            f"{item['metadata']['namespace']}/{item['metadata']['name']}"
            for item in items
            if any(name in item["metadata"]["name"] for name in names)
        )
    )


def _node(item: dict[str, Any]) -> Node:
    spec, status = item.get("spec", {}), item.get("status", {})
    conditions = {condition.get("type"): condition for condition in status.get("conditions", [])}
    ready = conditions.get("Ready", {})
    info = status.get("nodeInfo", {})
    return Node(
        name=item["metadata"]["name"],
        ready=ready.get("status") == "True",
        not_ready_because=(
            None
            if ready.get("status") == "True"
            else ready.get("message") or ready.get("reason") or "no Ready condition"
        ),
        kubelet=info.get("kubeletVersion", ""),
        os=info.get("operatingSystem", ""),
        os_label=item["metadata"].get("labels", {}).get("kubernetes.io/os"),
        os_image=info.get("osImage", ""),
        internal_ips=tuple(
            address.get("address", "")
            for address in status.get("addresses", [])
            if address.get("type") == "InternalIP"
        ),
        provided_ips=tuple(
            each for each in item["metadata"].get("annotations", {}).get(PROVIDED_IPS, "").split(",") if each
        ),
        kubelet_port=status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port") or 10250,
        pod_cidr=spec.get("podCIDR"),
        pod_cidrs=tuple(spec.get("podCIDRs", [])),
        provider_id=spec.get("providerID"),
        labels=item["metadata"].get("labels", {}),
        route_reason=conditions.get("NetworkUnavailable", {}).get("reason"),
    )


def _proxy_config(cluster: Cluster) -> tuple[str, str] | None:
    """The mode in kube-proxy's ConfigMap and where it is, by the names that installers give it."""
    for name in ("kube-proxy", "kube-proxy-config"):
        try:
            config = cluster.get(f"/api/v1/namespaces/kube-system/configmaps/{name}")
        except ApiError as error:
            if error.not_found:
                continue
            raise
        for key, text in config.get("data", {}).items():
            if found := re.search(r"^\s*mode:\s*[\"']?(\w*)", text, re.MULTILINE):
                return found[1] or "iptables", f"{name}/{key}"  # an empty mode is the platform's default
    return None


def _flags(pods: list[dict[str, Any]]) -> dict[str, str]:
    """The command-line flags of control-plane pods, where a cluster shows them."""
    words = [
        word
        for pod in pods
        for container in pod.get("spec", {}).get("containers", [])
        for word in [*container.get("command", []), *container.get("args", [])]
    ]
    return dict(word[2:].split("=", 1) for word in words if word.startswith("--") and "=" in word)


def _service_cidr(item: dict[str, Any]) -> ServiceCidr:
    conditions = {each.get("type"): each for each in item.get("status", {}).get("conditions", [])}
    ready = conditions.get("Ready", {})
    is_ready = ready.get("status") == "True"
    return ServiceCidr(
        name=item["metadata"]["name"],
        cidrs=tuple(item.get("spec", {}).get("cidrs", [])),
        ready=is_ready,
        why_not=None if is_ready else ready.get("message") or ready.get("reason") or "no condition says so",
    )


def _service_ranges(objects: list[dict[str, Any]], flags: dict[str, str]) -> tuple[str, ...]:
    for item in objects:
        if item["metadata"]["name"] == "kubernetes":  # the default range is always this one
            return tuple(item.get("spec", {}).get("cidrs", []))
    return tuple(_split(flags.get("service-cluster-ip-range", "")))


def _split(ranges: str) -> list[str]:
    return [part.strip() for part in ranges.split(",") if part.strip()]
