"""What every part of the conductor works with."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dualstack.cluster.api import Cluster
from dualstack.cluster.errors import ExecError
from dualstack.cluster.ownership import Ownership
from dualstack.conduct.board import Board
from dualstack.conduct.topics import PodSeen
from dualstack.play.plan import Plan
from dualstack.probes import script
from dualstack.probes.rounds import Blocked, Exec
from dualstack.profile.model import Profile

CONTAINER = "probe"  # of every pod in manifests/
FINAL_STATUS = (403, 404)  # forbidden, or the pod is gone: another round changes nothing


class Stopped(Exception):
    """The run is ending early."""


@dataclass
class Stage:
    """Shared by the conductor's threads; everything in it is thread-safe or written once."""

    cluster: Cluster
    owner: Ownership
    plan: Plan
    profile: Profile
    board: Board
    say: Callable[[str], None]
    """Print a line of progress."""
    started: float = field(default_factory=time.monotonic)
    stopping: threading.Event = field(default_factory=threading.Event)
    asked_at: dict[str, float] = field(default_factory=dict)
    """When a Service was asked for, by name, on the monotonic clock."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why an object was not created, by name."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall-clock seconds since the start at which a phase ended."""

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def pause(self, seconds: float) -> None:
        """Sleep, unless the run is ending. Raises Stopped."""
        if self.stopping.wait(seconds):
            raise Stopped

    def milestone(self, phase: str, line: str) -> None:
        """Note when a phase ended, and say so."""
        self.seconds[phase] = round(self.elapsed(), 3)
        self.say(line)

    def executor(self, pods: dict[str, PodSeen]) -> Exec:
        """A function that runs probe.sh in the pod of a source; `pods` by source."""

        def execute(source: str, lines: list[str]) -> script.Answers:
            if self.stopping.is_set():
                raise Blocked("the run is ending", final=True)
            pod = pods.get(source)
            if pod is None or not pod.running:
                trouble = pod.trouble if pod else "there is none"
                raise Blocked(f"no probe pod runs on {source}: {trouble}", final=True)
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
                raise Blocked(f"the probe script failed in pod {pod.name} on {source}: {words}", final=True)
            return script.parse(result.stdout)

        return execute
