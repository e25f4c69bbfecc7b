"""Call external addresses again and again for some seconds, and note how long each was silent at most.

A silence lasts from the last answer before it to the first one after it, and has missed several calls in a
row: one alone may be a lost packet, and a runner that stands still misses none.
"""

from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from dualstack.family import Family, bracketed
from dualstack.probes import from_runner
from dualstack.probes.kind import NAME
from dualstack.probes.kinds.tcp import PATHS, TCP
from dualstack.scenario.probe import Probe
from dualstack.scenario.seen import Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step
from dualstack.scenario.targets import service_ports

PAUSE_SECONDS = 0.2
CALL_SECONDS = 0.5
"""A call that takes longer has missed: a lost SYN is sent again only after a second."""
CALLS_IN_A_ROW = 2


class Watched(Seen):
    """An external address that was called for some time."""

    service: str
    address: str
    family: Family
    calls: int = 0
    answered: int = 0
    silent_seconds: float = 0.0
    """The longest silence."""
    silent_at: float = 0.0
    """When it began, in seconds since the start of the run."""
    error: str | None = None
    """Of the last call that missed."""


class WatchedAddresses(Seen):
    """All that were watched."""

    seconds: float
    addresses: tuple[Watched, ...]


class Watch(Step[WatchedAddresses]):
    """Call each external address that answers, side by side, for as long as the profile says."""

    result = WatchedAddresses

    def __init__(self, reached: Probe) -> None:
        """Declare it; `reached`: the probe that tells which addresses answer."""
        self.reached = reached

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The probe."""
        return (self.reached,)

    def needs(self, site: Site) -> Needs:
        """Need time alone: the runner's own calls are not the cluster's cost."""
        return Needs(seconds=site.profile.load_balancers_steady_for or 0.0)

    def run(self, stage: Stage) -> WatchedAddresses:
        """Return what each address did. Raises NotSeen, Stopped."""
        answering = [each for each in stage.board.wait(self.reached).observations if each.reached]
        seconds = stage.site.profile.load_balancers_steady_for or 0.0
        watched = [
            Watched(service=each.target, address=str(each.address), family=each.family) for each in answering
        ]
        with (
            stage.waiting("silences of external addresses", seconds),
            ThreadPoolExecutor(max(1, len(watched)), thread_name_prefix="watch") as pool,
        ):
            found = list(pool.map(lambda each: _watch(stage, each, seconds), watched))
        return WatchedAddresses(seconds=seconds, addresses=tuple(found))


def _watch(stage: Stage, watched: Watched, seconds: float) -> Watched:
    """Call one address until the time is over. Raises Stopped."""
    port = service_ports(TCP, stage.objects[watched.service])[NAME]
    url = f"http://{bracketed(watched.address)}:{port}/{PATHS[NAME]}"
    calls = answered = missed = 0
    longest, longest_at, error = 0.0, 0.0, None
    last = stage.elapsed()
    end = last + seconds
    while (now := stage.elapsed()) < end:
        report = from_runner.get(url, CALL_SECONDS)[0]
        calls += 1
        if report.get("http_code") == HTTPStatus.OK:
            answered += 1
            if missed >= CALLS_IN_A_ROW and now - last > longest:
                longest, longest_at = now - last, last
            last, missed = now, 0
        else:
            missed, error = (
                missed + 1,
                str(report.get("errormsg") or f"HTTP status {report.get('http_code')}"),
            )
        stage.pause(PAUSE_SECONDS)
    if missed >= CALLS_IN_A_ROW and stage.elapsed() - last > longest:
        longest, longest_at = stage.elapsed() - last, last
    return watched.model_copy(
        update={
            "calls": calls, "answered": answered, "silent_seconds": round(longest, 3),
            "silent_at": round(longest_at, 3), "error": error,
        }
    )  # fmt: skip
