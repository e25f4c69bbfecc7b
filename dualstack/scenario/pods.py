"""Wait for our pods, and say of those that do not run why.

Who waits for whom: any step may wait; the first that wants the pods of some roles does the waiting, the
others wait for it and get the same value. All of them share one list call every POLL_SECONDS. What ends a
wait: all pods run, the missing ones are not worth waiting for (their node was not Ready, or has left, or they
are stragglers), or the profile's `timeouts.pods`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from dualstack.scenario.events import Event, events_about
from dualstack.scenario.manifests import ROLE_LABEL, matches
from dualstack.scenario.seen import Pods, PodSeen
from dualstack.scenario.site import PlannedPod

if TYPE_CHECKING:
    from dualstack.scenario.stage import Stage

QUIET_SECONDS = 3.0  # without news, before it is asked whether the missing pods' nodes are still there
POLL_SECONDS, PODS_A_SECOND = 0.15, 2000
PULL_POLL_SECONDS = 1.0
STRAGGLER_FACTOR = 5.0
Items = dict[str, dict[str, Any]]


class PodWatch:
    """The run's pods. Thread-safe."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._lock = threading.Lock()
        self._listed_at = 0.0
        self._items: Items = {}
        self._role_locks: dict[str, threading.Lock] = {}
        self._running: dict[str, Pods] = {}

    def running(self, roles: Iterable[str]) -> Pods:
        """Return the planned pods of the roles once they run, each with its trouble if it does not.

        Raises ApiError, Stopped.
        """
        parts = [self._role(role) for role in roles]
        return Pods(
            pods=tuple(pod for part in parts for pod in part.pods),
            seconds=max((part.seconds for part in parts), default=0.0),
        )

    def selected(self, selector: dict[str, str]) -> list[PodSeen]:
        """Return the pods that a selector matches, as they are now. Raises ApiError."""
        items = self._list(fresh=True)
        return [
            _seen(name, item, {}) for name, item in sorted(items.items()) if matches(selector, _labels(item))
        ]

    def homes(self) -> dict[str, str]:
        """Return each pod's node, as of the last look."""
        with self._lock:
            return {name: item.get("spec", {}).get("nodeName", "") for name, item in self._items.items()}

    def explained(self, selector: dict[str, str]) -> str:
        """Return why pods that a selector matches do not run, in the cluster's own words. Raises ApiError."""
        items = {n: item for n, item in self._list(fresh=True).items() if matches(selector, _labels(item))}
        events = _warnings(events_about(self._stage, "Pod"))
        if not items:
            return self.unmade() or "no pod was made for it"
        name, item = min(items.items(), key=lambda each: _runs(each[1]))
        return f"{name}: {_trouble(item.get('status', {}), events.get(name))}"

    def unmade(self) -> str | None:
        """Return why a controller cannot make pods, in its own words; None where it says nothing."""
        events = _warnings(events_about(self._stage, "ReplicaSet"))
        return next(iter(events.values()), None)

    def _role(self, role: str) -> Pods:
        with self._lock:
            lock = self._role_locks.setdefault(role, threading.Lock())
        with lock:
            if role not in self._running:
                bound = self._stage.site.profile.timeouts.pods - self._stage.elapsed()
                with self._stage.waiting(f"the {role} pods", bound):
                    self._running[role] = self._await(self._stage.site.pods([role]))
            return self._running[role]

    def _await(self, planned: list[PlannedPod]) -> Pods:
        """Wait for pods; those of nodes that were not Ready are taken as they are at the end.

        Once some run, stragglers get `timeouts.stragglers`, or STRAGGLER_FACTOR times what the slowest
        needed; those whose image is being pulled get the whole time.
        """
        stage, timeouts = self._stage, self._stage.site.profile.timeouts
        homes = {pod.name: pod.node for pod in planned}
        worth_it = {name for name, node in homes.items() if node not in stage.not_ready} - set(stage.refused)
        running: set[str] = set()
        last_news, begun = 0.0, stage.elapsed()
        while True:
            items = {name: item for name, item in self._list().items() if name in homes}
            now_running = {name for name, item in items.items() if _runs(item)}
            if now_running != running:
                running, last_news = now_running, stage.elapsed()
            failed = {name for name, item in items.items() if item.get("status", {}).get("phase") == "Failed"}
            late = worth_it - running - failed
            if late and stage.elapsed() > max(last_news, begun) + QUIET_SECONDS:
                departed = stage.departed()
                late = {name for name in late if homes[name] not in departed}
            if not late or stage.elapsed() > timeouts.pods:
                break
            patience = last_news + max(timeouts.stragglers, STRAGGLER_FACTOR * last_news)
            if running and stage.elapsed() > patience:
                said = events_about(stage, "Pod")
                if not any(_pulling(said.get(name, [])) for name in late):
                    break
                stage.pause(PULL_POLL_SECONDS)
            stage.pause(self._pause())
        events = {}
        if homes.keys() - running:
            events = _warnings(events_about(stage, "Pod"))
            stage.look_for_nodes()
        pods = tuple(self._planned(pod, items.get(pod.name), events) for pod in planned)
        return Pods(pods=pods, seconds=round(last_news, 3))

    def _planned(self, pod: PlannedPod, item: dict[str, Any] | None, events: dict[str, str]) -> PodSeen:
        if item is not None:
            return _seen(pod.name, item, events).model_copy(update={"role": pod.role, "node": pod.node})
        trouble = self._stage.refused.get(pod.name, "the pod is gone")
        return PodSeen(name=pod.name, role=pod.role, node=pod.node, running=False, trouble=trouble)

    def _list(self, *, fresh: bool = False) -> Items:
        """Return the run's pods by name, as of a moment ago unless `fresh`. Raises ApiError."""
        asked = time.monotonic()
        with self._lock:
            if self._listed_at < (asked if fresh else asked - self._pause()):
                owner = self._stage.owner
                path = f"/api/v1/namespaces/{owner.namespace}/pods"
                at = time.monotonic()
                items = self._stage.cluster.list(path, labelSelector=owner.selector)
                self._items = {item["metadata"]["name"]: item for item in items}
                self._listed_at = at
            return self._items

    def _pause(self) -> float:
        """Return how long to wait between two looks: the larger the list, the longer."""
        return POLL_SECONDS + len(self._items) / PODS_A_SECOND


def wait_until(stage: Stage, holds: Callable[[], bool], seconds: float) -> bool:
    """Poll until something holds; False after so many seconds. Raises Stopped."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        stage.pause(POLL_SECONDS)
    return True


def _labels(item: dict[str, Any]) -> dict[str, str]:
    labels: dict[str, str] = item["metadata"].get("labels", {})
    return labels


def _runs(item: dict[str, Any]) -> bool:
    status = item.get("status", {})
    states = [each.get("state", {}) for each in status.get("containerStatuses", [])]
    return bool(states) and all("running" in state for state in states) and bool(status.get("podIP"))


def _seen(name: str, item: dict[str, Any], events: dict[str, str]) -> PodSeen:
    status, running = item.get("status", {}), _runs(item)
    return PodSeen(
        name=name,
        role=_labels(item).get(ROLE_LABEL, ""),
        node=item.get("spec", {}).get("nodeName", ""),
        running=running,
        trouble=None if running else _trouble(status, events.get(name)),
        pod_ip=status.get("podIP"),
        pod_ips=tuple(each.get("ip", "") for each in status.get("podIPs", [])),
        host_ips=tuple(each.get("ip", "") for each in status.get("hostIPs", [])),
        labels=_labels(item),
    )


def _trouble(status: dict[str, Any], event: str | None) -> str:
    if status.get("phase") == "Failed":
        said = status.get("message") or _last_words(status) or event or "no message"
        return f"{status.get('reason') or 'failed'}: {said}"
    for each in status.get("containerStatuses", []):
        waiting = each.get("state", {}).get("waiting", {})
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{waiting['reason']}: {waiting.get('message') or event or 'no message'}"
    return event or "it did not start in time, and no event says why (is the node's kubelet alive?)"


def _last_words(status: dict[str, Any]) -> str | None:
    """Return the first line of what a container that ended had printed."""
    for each in status.get("containerStatuses", []):
        message = each.get("state", {}).get("terminated", {}).get("message") or ""
        if lines := [line.strip() for line in message.splitlines() if line.strip()]:
            return str(lines[0])
    return None


def _warnings(events: dict[str, list[Event]]) -> dict[str, str]:
    """Return the latest warning about each pod, by its name."""
    warnings = {name: [each for each in of_pod if each.warning] for name, of_pod in events.items()}
    return {name: str(of_pod[-1]) for name, of_pod in warnings.items() if of_pod}


def _pulling(events: list[Event]) -> bool:
    """Return whether the last thing that a kubelet said of a pod is that it pulls the image."""
    return bool(events) and events[-1].reason == "Pulling"
