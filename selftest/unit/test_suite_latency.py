"""latency-parity, on made-up observations."""

import pytest

from dualstack.family import Family
from dualstack.probes.observation import Observation
from dualstack.profile.model import load
from dualstack.scenario.board import Board
from dualstack.scenario.seen import Paths
from dualstack.verdict.judge import Judge
from dualstack.verdict.words import Verdict

PROFILE, _ = load("kubernetes")
NOTHING = Paths(observations=())


def both(ipv6_seconds=0.002, lost=0):
    more = {"kind": "tcp", "rounds": 1, "source": "node0", "target": "node1", "reached": True, "requests": 12}
    return Paths(
        observations=(
            Observation(family=Family.V4, connect_seconds=0.001, **more),
            Observation(family=Family.V6, connect_seconds=ipv6_seconds, lost_syns=lost, **more),
        )
    )


@pytest.mark.parametrize(
    ("first", "again", "verdict"),
    [
        (both(), NOTHING, Verdict.CONFORMS),
        (both(0.3), both(0.3), Verdict.BREAKS),
        (both(lost=3), both(lost=3), Verdict.BREAKS),
        (both(0.3), both(), Verdict.CONFORMS),
        (both(lost=3), both(), Verdict.CONFORMS),
        (both(0.3), NOTHING, Verdict.NOT_JUDGED),
        (both(None), NOTHING, Verdict.NOT_JUDGED),
    ],
)
def test_a_path_breaks_that_lags_twice(suite_module, tmp_path, first, again, verdict):
    module, board, judge = suite_module("test_latency"), Board(tmp_path), Judge()
    board.publish(module.TcpPodToPod.paths, first)
    board.publish(module.Lagging.again, again)
    module.test_latency_parity(board, PROFILE, judge)
    assert [finding.verdict for finding in judge.findings] == [verdict]


def test_only_what_lags_is_asked_again(suite_module):
    module = suite_module("test_latency")
    assert module.lagging(PROFILE, both()) == []
    assert module.lagging(PROFILE, both(0.3)) == [("node0", "node1")]
