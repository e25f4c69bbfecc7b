"""Wait for our pods, and say of those that do not run why."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dualstack.cluster.errors import ApiError
from dualstack.conduct.stage import Stage
from dualstack.conduct.topics import Interface, PodNetwork, PodNetworks, PodSeen
from dualstack.family import FAMILIES, Family
from dualstack.play.plan import PlannedPod
from dualstack.probes import rounds
from dualstack.scenario.manifests import ROLE_LABEL

POLL_SECONDS = 0.15
STRAGGLER_SECONDS = 15.0
STRAGGLER_FACTOR = 5.0


def wait_for(stage: Stage, planned: Iterable[PlannedPod], not_ready: frozenset[str]) -> list[PodSeen]:
    """The planned pods, when all run, or none of the missing is worth waiting for any longer.

    Pods of nodes in `not_ready` are taken as they are at the end. Once some run, stragglers get
    STRAGGLER_SECONDS or STRAGGLER_FACTOR times what the slowest needed; nothing waits longer than the
    profile's `timeouts.pods`. Raises ApiError, Stopped.
    """
    planned = list(planned)
    roles = ",".join(sorted({pod.role for pod in planned}))
    selector = f"{stage.owner.selector},{ROLE_LABEL} in ({roles})"
    path = f"/api/v1/namespaces/{stage.owner.namespace}/pods"
    hoped_for = {pod.name for pod in planned if pod.node not in not_ready and pod.name not in stage.refused}
    running: set[str] = set()
    last_news = 0.0
    while True:
        items = {item["metadata"]["name"]: item for item in stage.cluster.list(path, labelSelector=selector)}
        now_running = {name for name, item in items.items() if _runs(item)}
        if now_running != running:
            running, last_news = now_running, stage.elapsed()
        failed = {name for name, item in items.items() if item.get("status", {}).get("phase") == "Failed"}
        patience = stage.profile.timeouts.pods
        if running:
            patience = min(patience, last_news + max(STRAGGLER_SECONDS, STRAGGLER_FACTOR * last_news))
        if not hoped_for - running - failed or stage.elapsed() > patience:
            break
        stage.pause(POLL_SECONDS)
    events = _events(stage) if set(items) - running else {}
    return [_seen(stage, pod, items.get(pod.name), events) for pod in planned]


def networks(stage: Stage, clients: dict[str, PodSeen]) -> PodNetworks:
    """What each client pod sees of its own network."""
    execute = stage.executor(clients)

    def one(node: str) -> PodNetwork:
        try:
            return _network(node, execute(node, ["interfaces"]).files)
        except rounds.Blocked as reason:
            return PodNetwork(node=node, trouble=str(reason))

    with ThreadPoolExecutor(rounds.AT_ONCE) as pool:
        return PodNetworks(networks=tuple(pool.map(one, clients)))


def _runs(item: dict[str, Any]) -> bool:
    status = item.get("status", {})
    states = [each.get("state", {}) for each in status.get("containerStatuses", [])]
    return bool(states) and all("running" in state for state in states) and bool(status.get("podIP"))


def _seen(stage: Stage, pod: PlannedPod, item: dict[str, Any] | None, events: dict[str, str]) -> PodSeen:
    if item is None:
        trouble = stage.refused.get(pod.name, "the pod is gone")
        return PodSeen(name=pod.name, role=pod.role, node=pod.node, running=False, trouble=trouble)
    status = item.get("status", {})
    running = _runs(item)
    return PodSeen(
        name=pod.name,
        role=pod.role,
        node=pod.node,
        running=running,
        trouble=None if running else _trouble(status, events.get(pod.name)),
        pod_ip=status.get("podIP"),
        pod_ips=tuple(each.get("ip", "") for each in status.get("podIPs", [])),
    )


def _trouble(status: dict[str, Any], event: str | None) -> str:
    if status.get("phase") == "Failed":
        return f"{status.get('reason') or 'failed'}: {status.get('message') or event or 'no message'}"
    for each in status.get("containerStatuses", []):
        waiting = each.get("state", {}).get("waiting", {})
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{waiting['reason']}: {waiting.get('message') or event or 'no message'}"
    return event or "it did not start in time, and no event says why (is the node's kubelet alive?)"


def _events(stage: Stage) -> dict[str, str]:
    """The latest warning about each pod, by its name; none where events may not be read."""
    try:
        events = stage.cluster.list(f"/api/v1/namespaces/{stage.owner.namespace}/events")
    except ApiError:
        return {}
    events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return {
        event["involvedObject"]["name"]: f"{event.get('reason')}: {event.get('message')}"
        for event in events
        if event.get("type") == "Warning" and event.get("involvedObject", {}).get("kind") == "Pod"
    }


def _network(node: str, files: dict[str, str]) -> PodNetwork:
    try:
        links = json.loads(files["addresses"])
        gateways = {family: _gateway(files[f"routes.{family}"]) for family in FAMILIES}
    except (KeyError, ValueError):
        told = files.get("addresses", "nothing").splitlines()[0]
        return PodNetwork(node=node, trouble=f"`ip -j address` in the probe image printed: {told}")
    return PodNetwork(
        node=node,
        interfaces=tuple(
            Interface(
                name=link["ifname"],
                family=Family.V4 if address["family"] == "inet" else Family.V6,
                address=address["local"],
                prefix_length=address["prefixlen"],
                scope=address["scope"],
            )
            for link in links
            for address in link.get("addr_info", [])
            if address.get("family") in ("inet", "inet6")
        ),
        gateways={family: gateway for family, gateway in gateways.items() if gateway},
    )


def _gateway(routes: str) -> str | None:
    for route in json.loads(routes or "[]"):
        if route.get("dst") == "default" and "gateway" in route:
            return str(route["gateway"])
    return None
