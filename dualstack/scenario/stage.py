"""What every step works with."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from dualstack.cluster.api import Cluster
from dualstack.cluster.errors import ApiError, ExecError
from dualstack.cluster.ownership import Ownership
from dualstack.probes import from_runner, script
from dualstack.probes.flows import Flows
from dualstack.probes.observation import RUNNER
from dualstack.probes.prober import Place, Prober
from dualstack.probes.rounds import Ask, Blocked
from dualstack.probes.script import Answers, Request
from dualstack.scenario.board import Board
from dualstack.scenario.pods import PodWatch
from dualstack.scenario.seen import ObjectSeen, PodSeen
from dualstack.scenario.site import Site
from dualstack.scenario.stopped import Stopped
from dualstack.scenario.waits import Waits

CONTAINER = "probe"  # of every pod in manifests/
LOOK_SECONDS = 5.0  # between two looks for nodes that left
FINAL_STATUS = (403, 404)  # forbidden, or the pod is gone: another round changes nothing


@dataclass
class Stage:
    """Shared by all scenarios' threads; everything in it is thread-safe or written before they start."""

    cluster: Cluster
    owner: Ownership
    site: Site
    board: Board
    say: Callable[[str], None]
    """Print a line of progress."""
    not_ready: frozenset[str] = frozenset()
    """Nodes that were not Ready: their pods are not waited for."""
    started: float = field(default_factory=time.monotonic)
    stopping: threading.Event = field(default_factory=threading.Event)
    asked_at: dict[str, float] = field(default_factory=dict)
    """When an object was asked for, by name, on the monotonic clock."""
    objects: dict[str, ObjectSeen] = field(default_factory=dict)
    """What the API server made of each object that is created once, by name."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why an object was not created, by name."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall-clock seconds since the start at which a phase ended."""
    flows: Flows = field(default_factory=Flows)
    waits: Waits = field(default_factory=Waits)
    _looking: threading.Lock = field(default_factory=threading.Lock)
    _looked_at: float = -LOOK_SECONDS
    _departed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.prober = Prober(self._execute)
        self.pods = PodWatch(self)

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def look_for_nodes(self) -> frozenset[str]:
        """Note which of the site's nodes have left, and return all that are there now; none if unreadable."""
        try:
            items = self.cluster.list("/api/v1/nodes", metadata_only=True)
        except ApiError:
            return frozenset()
        there = frozenset(item["metadata"]["name"] for item in items)
        known = {*self.site.nodes, *self.site.left_out}
        if known - there and known & there:  # a list without any of them is no proof of anything
            self.board.depart(known - there)
        return there

    def departed(self) -> frozenset[str]:
        """Return the site's nodes that have left, as of LOOK_SECONDS ago at most."""
        with self._looking:
            if time.monotonic() > self._looked_at + LOOK_SECONDS:
                self.look_for_nodes()
                self._departed = self.board.departed()
                self._looked_at = time.monotonic()
            return self._departed

    def waiting(self, what: str, seconds: float) -> AbstractContextManager[None]:
        """Note that something is waited for, so long at most, while the block runs."""
        return self.waits.waiting(what, seconds)

    def pause(self, seconds: float) -> None:
        """Sleep, unless the run is ending. Raises Stopped."""
        if self.stopping.wait(seconds):
            raise Stopped

    def milestone(self, phase: str, line: str) -> None:
        """Note when a phase ended, and say so."""
        self.seconds[phase] = round(self.elapsed(), 3)
        self.say(line)

    def ask_from(self, role: str) -> Ask:
        """Return how to ask from the pods of a role, by node; or from the runner."""
        if role == RUNNER:
            return from_runner.ask

        def ask(node: str, requests: list[Request], first: bool) -> "Future[Answers]":
            return self.prober.ask(Place(role, node), requests, first)

        return ask

    def _execute(self, place: Place, lines: list[str]) -> Answers:
        """Run probe.sh in a pod. Raises Blocked."""
        if self.stopping.is_set():
            raise Blocked("the run is ending", final=True)
        pod = self._pod(place)
        try:
            result = self.cluster.exec(
                self.owner.namespace,
                pod.name,
                CONTAINER,
                script.command(),
                stdin=script.stdin(lines),
                timeout=script.ROUND_SECONDS,
            )
        except ExecError as error:
            raise Blocked(str(error), final=error.status in FINAL_STATUS) from None
        if result.exit_code != 0:
            words = result.stderr.strip() or f"exit status {result.exit_code}"
            raise Blocked(f"the probe script failed in pod {pod.name} on {place.node}: {words}", final=True)
        if result.truncated:
            raise Blocked(f"the output of pod {pod.name} on {place.node} was cut off", final=False)
        return script.parse(result.stdout)

    def _pod(self, place: Place) -> PodSeen:
        pod = self.pods.running([place.role]).of(place.role).get(place.node)
        if pod is None or not pod.running:
            trouble = pod.trouble if pod else "there is none"
            raise Blocked(f"no probe pod runs on {place.node}: {trouble}", final=True)
        return pod
