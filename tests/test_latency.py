"""Latency: between pods IPv6 is about as fast as IPv4 on the same path.

A path that lags is measured once more, in both families, before it breaks: a busy machine lags for a moment,
a detour for good.
"""

from typing import NamedTuple

from dualstack.family import Family
from dualstack.probes.kinds.tcp import TCP
from dualstack.probes.observation import Observation
from dualstack.profile.model import Profile
from dualstack.scenario.board import Board
from dualstack.scenario.manifests import CLIENT, SERVER
from dualstack.scenario.probe import Probe
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import Paths
from dualstack.scenario.targets import DoubtfulPairs
from dualstack.scenarios.tcp_pod_to_pod import TcpPodToPod
from dualstack.verdict.behaviour import Behaviour, behaviour
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Level, Tier

LOST_SYNS_AT_MOST = 1
"""More of them than the other family has on the same path: one may be a busy machine's."""
Pair = tuple[str, str]


class Parity(NamedTuple):
    """Both families on one path; `bound_ms` is the profile's."""

    ipv4: Observation
    ipv6: Observation
    bound_ms: float

    @property
    def known(self) -> bool:
        """Whether both families answered."""
        return None not in (self.ipv4.connect_seconds, self.ipv6.connect_seconds)

    @property
    def later_ms(self) -> float:
        """How much longer the fastest IPv6 connection took; negative if it was the faster one."""
        return _ms(self.ipv6) - _ms(self.ipv4)

    @property
    def lags(self) -> bool:
        """Whether IPv6 is slower than the bound allows, or loses more first packets."""
        return self.later_ms > self.bound_ms or self.lost > LOST_SYNS_AT_MOST

    @property
    def lost(self) -> int:
        """How many more first packets IPv6 lost."""
        return self.ipv6.lost_syns - self.ipv4.lost_syns

    def __str__(self) -> str:
        if self.lost > LOST_SYNS_AT_MOST:
            requests = self.ipv6.requests
            return f"{self.ipv6.lost_syns} of {requests} IPv6 connections came about only after a second SYN"
        return f"the fastest IPv6 connection took {self.later_ms:.0f} ms longer than the fastest IPv4 one"


def lagging(profile: Profile, seen: Paths) -> list[Pair]:
    """Return the pairs of nodes where IPv6 lags."""
    found = _parities(seen, profile).items()
    return [pair for pair, parity in found if parity.known and parity.lags]


class Lagging(Scenario):
    """Both families once more where IPv6 lagged."""

    id = "lagging"
    on_every_node = (CLIENT, SERVER)
    again = Probe(TCP, to=DoubtfulPairs(SERVER, TcpPodToPod.paths, lagging))


@behaviour(
    Behaviour(
        id="latency-parity",
        both_families=True,
        traffic="TCP connection times",
        every_pair=True,
        every_node=True,
        level=Level.SHOULD,
        tier=Tier.PODS,
        claim="Between pods an IPv6 connection comes about as fast as an IPv4 one on the same path, within "
        "the profile's bound, and loses no more first packets.",
        source="https://www.rfc-editor.org/rfc/rfc8305",
        remedy="Compare the ways of the two families between the named nodes: a detour, a tunnel of one "
        "family, a queue or a filter that drops; clients that try both families feel each second.",
    ),
    needs=(TcpPodToPod, Lagging),
)
def test_latency_parity(board: Board, profile: Profile, judge: Judge) -> None:
    seen = board.wait(TcpPodToPod.paths)
    first, second = _parities(seen, profile), _parities(board.wait(Lagging.again), profile)
    for path in judge.paths(
        [each for each in seen.observations if each.family is Family.V6], "pairs of nodes"
    ):
        pair = (path.source, path.target)
        parity = first.get(pair)
        if parity is None or not parity.known:
            judge.cannot_path(path, "the path does not answer in both families (see tcp-pod-to-pod)")
            continue
        again = second.get(pair)
        if parity.lags and (again is None or not again.known):
            judge.cannot_path(path, f"{parity}, and it could not be measured again")
            continue
        measured = [each for each in (parity, again) if each]
        judge.path(
            path,
            not all(each.lags for each in measured),
            cause=str(measured[-1]),
            connect_ms=[{"IPv4": _ms(each.ipv4), "IPv6": _ms(each.ipv6)} for each in measured],
            lost_syns=[{"IPv4": each.ipv4.lost_syns, "IPv6": each.ipv6.lost_syns} for each in measured],
            bound_ms=parity.bound_ms,
        )


def _parities(seen: Paths, profile: Profile) -> dict[Pair, Parity]:
    """Return both families of each pair of nodes that was asked in both."""
    of_family: dict[Family, dict[Pair, Observation]] = {family: {} for family in Family}
    for each in seen.observations:
        of_family[each.family][each.source, each.target] = each
    both = of_family[Family.V4].keys() & of_family[Family.V6].keys()
    bound = profile.promises.parity_milliseconds
    return {
        pair: Parity(of_family[Family.V4][pair], of_family[Family.V6][pair], bound) for pair in sorted(both)
    }


def _ms(path: Observation) -> float:
    return round((path.connect_seconds or 0) * 1000, 2)
