"""Ask the nodes themselves: kube-proxy on its loopback, and one named key of the cloud provider's file."""

import json
from concurrent.futures import ThreadPoolExecutor

from dualstack.cluster.errors import ExecError
from dualstack.conduct.stage import CONTAINER, Stage
from dualstack.conduct.topics import CloudConfigs, CloudConfigSeen, PodSeen, Proxies, ProxySeen
from dualstack.family import Family
from dualstack.probes import rounds, script

# https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/: metricsBindAddress, healthz
PROXY_METRICS_PORT, PROXY_HEALTH_PORT = 10249, 10256
EXEC_SECONDS = 10.0
# Prints the value of that one key and nothing else: the same file holds a client secret.
READ_SKU = (
    r"""sed -n 's/.*"loadBalancerSku"[[:space:]]*:[[:space:]]*"\([A-Za-z]*\)".*/\1/p' /cloud-config.json"""
)


def proxies(stage: Stage, pods: list[PodSeen]) -> Proxies:
    """Mode and families of every node's kube-proxy, from the node's own network namespace."""
    execute = stage.executor({pod.node: pod for pod in pods})

    def one(pod: PodSeen) -> ProxySeen:
        lines = [
            script.http("mode", "127.0.0.1", PROXY_METRICS_PORT, "proxyMode"),
            script.http("health", "127.0.0.1", PROXY_HEALTH_PORT, "healthz"),
        ]
        try:
            return _proxy(pod.node, execute(pod.node, lines))
        except rounds.Blocked as reason:
            return ProxySeen(node=pod.node, trouble=str(reason))

    with ThreadPoolExecutor(rounds.AT_ONCE) as pool:
        return Proxies(proxies=tuple(pool.map(one, pods)))


def cloud_configs(stage: Stage, pods: list[PodSeen]) -> CloudConfigs:
    """The load balancer SKU that each node's cloud configuration names, where a node has the file."""

    def one(pod: PodSeen) -> CloudConfigSeen:
        if not pod.running:
            return CloudConfigSeen(node=pod.node, trouble=pod.trouble)
        try:
            command = ["/bin/sh", "-c", READ_SKU]
            result = stage.cluster.exec(
                stage.owner.namespace, pod.name, CONTAINER, command, timeout=EXEC_SECONDS
            )
        except ExecError as error:
            return CloudConfigSeen(node=pod.node, trouble=str(error))
        if sku := result.stdout.strip():
            return CloudConfigSeen(node=pod.node, load_balancer_sku=sku.splitlines()[0])
        return CloudConfigSeen(node=pod.node, trouble="the file has no loadBalancerSku")

    with ThreadPoolExecutor(rounds.AT_ONCE) as pool:
        return CloudConfigs(configs=tuple(pool.map(one, pods)))


def _proxy(node: str, answers: script.Answers) -> ProxySeen:
    mode = answers.http.get("mode")
    if mode is None or mode.status != 200:
        error = (mode.error if mode else None) or f"HTTP status {mode.status if mode else 'none'}"
        where = f"127.0.0.1:{PROXY_METRICS_PORT}/proxyMode"
        return ProxySeen(node=node, trouble=f"no kube-proxy answers at {where}: {error}")
    health = answers.http.get("health")
    return ProxySeen(node=node, mode=mode.body.strip(), families=_families(health.body if health else ""))


def _families(health: str) -> tuple[Family, ...] | None:
    """The families in `status` of a recent kube-proxy's /healthz; None where it does not name them."""
    try:
        status = json.loads(health).get("status") or {}
    except (ValueError, AttributeError):
        return None
    return tuple(family for family in Family if family.value in status) or None
