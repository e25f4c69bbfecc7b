"""Reach every node's pod by way of the API server: logs, exec, port-forward, and its own proxy."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from pydantic import Field

from dualstack.cluster.errors import ApiError, ExecError
from dualstack.cluster.permissions import Permission
from dualstack.probes.prober import Place
from dualstack.probes.rounds import LEAST_ROUNDS, Blocked
from dualstack.probes.script import ROUND_SECONDS, Request
from dualstack.scenario.board import NotSeen
from dualstack.scenario.manifests import SERVER
from dualstack.scenario.seen import NodeSeen, Paths, PerNode, PodSeen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import CONTAINER, Stage
from dualstack.scenario.step import EXEC, LIST_PODS, Needs, Step

LOGS, EXECUTE, FORWARD, PROXY = "logs", "exec", "port-forward", "proxy"
PORT, PATH = 8080, "hostname"  # where the suite's servers say their name
FORBIDDEN = "forbidden:"  # how every refusal of ours begins
ASKED_AT_ONCE, SECONDS, PAUSE_SECONDS = 8, 10.0, 1.0
Ask = Callable[[Stage, PodSeen], str | None]


class Reached(NodeSeen):
    """How one node's server pod could be reached."""

    ways: dict[str, str | None] = Field(default_factory=dict)
    """By LOGS, EXECUTE, FORWARD, PROXY: None, or why not."""
    refused: tuple[str, ...] = ()
    """The ways that we may not go."""


class ThroughApi(Step[PerNode[Reached]]):
    """Try each way to each node's server pod, a few times where one fails."""

    result = PerNode[Reached]

    def __init__(self, *, after: Step[Paths]) -> None:
        """Declare it; `after` are direct paths to the same servers: once these are known they listen."""
        self.after = after

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The direct paths."""
        return (self.after,)

    def needs(self, site: Site) -> Needs:
        """Need these subresources of pods."""
        permissions = (
            *EXEC,
            LIST_PODS,
            Permission("get", "", "pods", "log"),
            Permission("get", "", "pods", "portforward"),
            Permission("create", "", "pods", "portforward"),
            Permission("get", "", "pods", "proxy"),
        )
        tries = -(-len(site.nodes) // ASKED_AT_ONCE) * len(WAYS) * LEAST_ROUNDS
        return Needs(
            permissions=permissions,
            places=frozenset(Place(SERVER, node) for node in site.nodes),
            requests=Counter({"told": len(site.nodes)}),
            seconds=site.profile.timeouts.pods + tries * (SECONDS + PAUSE_SECONDS) + ROUND_SECONDS,
        )

    def run(self, stage: Stage) -> PerNode[Reached]:
        """Return how each node's pod was reached. Raises ApiError, Stopped."""
        pods = stage.pods.running([SERVER]).of(SERVER)
        with suppress(NotSeen):  # without them the servers may be asked all the same
            stage.board.wait(self.after)
        with ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="through-api") as pool:
            return PerNode[Reached](nodes=tuple(pool.map(partial(_reach, stage), pods.values())))


def _reach(stage: Stage, pod: PodSeen) -> Reached:
    if not pod.running:
        return Reached(node=pod.node, trouble=f"no server pod runs on {pod.node}: {pod.trouble}")
    ways: dict[str, str | None] = {}
    refused = []
    for way, ask in WAYS.items():
        for number in range(LEAST_ROUNDS):
            if number:
                stage.pause(PAUSE_SECONDS)
            try:
                ways[way] = ask(stage, pod)
            except (ApiError, ExecError, Blocked) as error:
                ways[way] = str(error)
                if str(error).startswith(FORBIDDEN):
                    refused.append(way)
                    break
            if ways[way] is None:
                break
    return Reached(node=pod.node, ways=ways, refused=tuple(refused))


def _path(stage: Stage, pod: PodSeen) -> str:
    return f"/api/v1/namespaces/{stage.owner.namespace}/pods/{pod.name}"


def _logs(stage: Stage, pod: PodSeen) -> str | None:
    stage.cluster.read(f"{_path(stage, pod)}/log?container={CONTAINER}&tailLines=1", timeout=SECONDS)
    return None


def _exec(stage: Stage, pod: PodSeen) -> str | None:
    stage.ask_from(SERVER)(pod.node, [Request("told", "told")], True).result()
    return None


def _forward(stage: Stage, pod: PodSeen) -> str | None:
    request = f"GET /{PATH} HTTP/1.1\r\nHost: {pod.name}\r\nConnection: close\r\n\r\n".encode()
    answer = stage.cluster.forward(stage.owner.namespace, pod.name, PORT, request, timeout=SECONDS)
    _, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    return _unless_of(pod, body)


def _proxy(stage: Stage, pod: PodSeen) -> str | None:
    path = f"{_path(stage, pod)}:{PORT}/proxy/{PATH}"
    return _unless_of(pod, stage.cluster.read(path, timeout=SECONDS))


def _unless_of(pod: PodSeen, answer: str) -> str | None:
    """Return what is wrong with an answer that should be the pod's name."""
    said = answer.strip()
    return None if said == pod.name else f"it was answered {said[:80]!r} instead of {pod.name}"


WAYS: dict[str, Ask] = {LOGS: _logs, EXECUTE: _exec, FORWARD: _forward, PROXY: _proxy}
